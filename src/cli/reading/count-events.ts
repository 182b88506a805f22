import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../input/durations.ts';
import type { Settings } from '../settings/settings.ts';

/** The events that arrived in a period. */
export interface HeardEvents {
  events: number;
  /** The length of the period, in milliseconds. */
  ms: number;
  /** What they are about: messages that came and went. */
  enqueued: number;
  removed: number;
  /** False if the connection was lost meanwhile. */
  isWhole: boolean;
}

/**
 * Counts the events that arrive in a period, of one task or of all.
 * @throws TaskQueueError when it cannot listen
 */
export async function countEvents(
  { connection }: Settings,
  ms: number,
  taskId?: string,
): Promise<HeardEvents> {
  const { TaskQueueClient } = await import('../../index.ts');
  const client = new TaskQueueClient(connection);
  const queue = taskId === undefined ? undefined : client.prefix + taskId;
  const heard: HeardEvents = { events: 0, ms, enqueued: 0, removed: 0, isWhole: true };
  try {
    const subscription = await client.subscribe(['enqueued', 'dequeued', 'cleared'], {
      onEvent: (event) => {
        // Another prefix may have a task of the same id.
        if (queue !== undefined && event.queue !== queue) return;
        heard.events++;
        if (event.event === 'enqueued') heard.enqueued++;
        else heard.removed += event.count;
      },
      onLost: () => {
        heard.isWhole = false;
      },
      onResumed: () => {},
    });
    await subscription.follow(taskId);
    await sleep(ms);
    return heard;
  } finally {
    await client.close();
  }
}

/** `5s`, and that some of it is missing. */
export function periodOf({ ms, isWhole }: HeardEvents): string {
  return `${formatDuration(ms)}${isWhole ? '' : ', with a lost connection'}`;
}
