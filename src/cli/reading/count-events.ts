import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../settings/settings.ts';
import { closeOptions } from '../terminal/grace.ts';
import type { Stop } from '../terminal/stop.ts';
import { formatDuration } from '../text/durations.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';

/** The events that arrived in a period. */
export interface HeardEvents {
  events: number;
  /** The length of the period, in milliseconds. */
  ms: number;
  /** What they are about: messages that came and went. */
  enqueued: number;
  removed: number;
  /** False if some events were missed: the connection was lost, or numbers are missing among them. */
  isWhole: boolean;
  /** How many more messages are ready than when it began; undefined if not counted. */
  growth: number | undefined;
}

interface ListenOptions {
  /** Count only the events of this task. */
  taskId?: string;
  /** Ends the period early, without waiting for the broker. */
  stop: Stop;
  /** The number of ready messages. */
  depth?: () => Promise<number | undefined>;
}

/**
 * Counts the events that arrive in a period, of one task or of all.
 * @throws TaskQueueError when it cannot listen; the reason of the stop before it listens
 */
export async function countEvents(
  { connection }: Settings,
  ms: number,
  { taskId, stop, depth }: ListenOptions,
): Promise<HeardEvents> {
  const { TaskQueueClient } = await import('../../index.ts');
  const { EventSequence } = await import('../../cli-support.ts');
  const client = new TaskQueueClient(connection);
  const queue = taskId === undefined ? undefined : client.prefix + taskId;
  const heard: HeardEvents = { events: 0, ms, enqueued: 0, removed: 0, isWhole: true, growth: undefined };
  const sequence = new EventSequence();
  try {
    const subscribing = client.subscribe(['enqueued', 'dequeued', 'cleared'], {
      onEvent: (event, arrivedAt) => {
        if (sequence.missingBefore(event, arrivedAt).count > 0) heard.isWhole = false;
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
    await stop.race(subscribing.then((subscription) => subscription.follow(taskId)));
    const before = depth && (await stop.race(depth()));
    const begunAt = performance.now();
    await sleep(ms, undefined, { signal: stop.signal }).catch(() => {
      heard.ms = Math.min(ms, Math.round((performance.now() - begunAt) / 100) * 100);
    });
    if (depth === undefined || before === undefined || stop.signal.aborted) return heard;
    heard.growth = ((await depth()) ?? 0) - before;
    return heard;
  } finally {
    await client.close(closeOptions(stop));
  }
}

/** `none in 5s`, `1,200 enqueued, 3 removed in 5s`, and what makes that doubtful. */
export function describeHeard(heard: HeardEvents): string {
  const { events, enqueued, removed, growth = 0 } = heard;
  const period = periodOf(heard);
  if (events > 0) return `${formatNumber(enqueued)} enqueued, ${formatNumber(removed)} removed in ${period}`;
  if (growth === 0) return `none in ${period}`;
  const change = formatCount(Math.abs(growth), 'message');
  return `none in ${period}, but ${change} ${growth > 0 ? 'arrived' : 'left'}: not every program sends events`;
}

/** `5s`, and whether some of it is missing. */
export function periodOf({ ms, isWhole }: HeardEvents): string {
  return `${formatDuration(ms)}${isWhole ? '' : ' (some were missed)'}`;
}
