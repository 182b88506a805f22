import { setTimeout as sleep } from 'node:timers/promises';
import { formatNumber } from '../errors/number-text.ts';
import { isTaskQueueError } from '../errors/task-queue-error.ts';
import { EVENT_DELAY_MS } from './known-messages.ts';
import { countOf, type TaskReading } from './task-watch.ts';
import type { WatchItem } from './watch-items.ts';

/** How long all of it may take. */
const END_MS = 3_000;

/** How many tasks are looked at; in others, messages are only counted. */
const LOOKS = 20;

/**
 * The end of a watch: a last look where there are messages without an event, and then the number of those not shown.
 * @param read how many messages there are; nobody waits for it after the signal
 * @returns the last item, unless all messages were shown
 */
export async function lastLook(
  read: (signal: AbortSignal) => Promise<TaskReading[]>,
): Promise<WatchItem | undefined> {
  const late = new AbortController();
  const lookAndCount = async () => {
    // What a reader has taken already is in no queue: there is only its event, which may be on its way.
    await sleep(EVENT_DELAY_MS);
    const readings = (await read(late.signal)).filter(unseenIn);
    // This also waits for events that are on their way.
    const again = readings.splice(0, LOOKS).map(async ({ task }) => {
      await task.look();
      return task.read();
    });
    return [...(await Promise.all(again)), ...readings].filter(unseenIn);
  };
  try {
    const unseen = await Promise.race([lookAndCount(), sleep(END_MS, undefined, { ref: false })]);
    if (unseen === undefined) return notCounted(`this took longer than ${END_MS / 1_000} s`);
    const missed = unseen.reduce((sum, reading) => sum + unseenIn(reading), 0);
    if (missed === 0) return undefined;
    const where = unseen.length > 1 ? ` in ${formatNumber(unseen.length)} tasks` : '';
    const reason = `${countOf(missed)}${where}, not shown: the watch ended first`;
    return { kind: 'gap', taskId: unseen.length > 1 ? undefined : unseen[0]?.task.taskId, missed, reason };
  } catch (error) {
    if (!isTaskQueueError(error)) throw error;
    return notCounted(error.message);
  } finally {
    late.abort();
  }
}

function unseenIn(reading: TaskReading): number {
  return reading.task.known.unannounced(reading);
}

function notCounted(cause: string): WatchItem {
  return { kind: 'gap', taskId: undefined, reason: `the last messages were not counted: ${cause}` };
}
