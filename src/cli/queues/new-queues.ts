import type { TaskQueueInfo } from '../../index.ts';
import type { LazyClient } from './lazy-client.ts';

/** Counted in one page of a list: on a broker without statistics, all queues would have to be. */
const MOST = 1_000;

/** The count of a new queue is a courtesy. */
const BUDGET_MS = 1_000;

/** The statistics of a queue follow what happens to it after this time. */
const STATISTICS_MS = 5_000;

/**
 * Not in the statistics yet, or there as it was when it was declared: empty, and used a moment ago. A list that is made
 * again and again leaves the latter alone, or they would never be idle.
 */
function isNew({ ready, unacked, type, statistics }: TaskQueueInfo, isRepeated: boolean): boolean {
  if (type === 'stream') return false;
  if (ready === undefined) return true;
  if (isRepeated || ready + (unacked ?? 0) > 0) return false;
  return Date.now() - (statistics?.idleSince ?? Date.now()) < STATISTICS_MS;
}

/**
 * Puts in the depths of queues that are so new that the statistics do not have them, over AMQP. That ends no idle time
 * worth knowing. Where it does not work, they stay unknown.
 */
export async function countNewQueues(
  client: LazyClient,
  queues: TaskQueueInfo[],
  { isRepeated }: { isRepeated: boolean },
): Promise<void> {
  const unknown = queues.filter((queue) => isNew(queue, isRepeated));
  if (unknown.length === 0) return;
  const opened = await client.get();
  const count = async (info: TaskQueueInfo) => {
    const found = await opened.depth(info.taskId);
    if (found === undefined) return;
    info.ready = found.messages;
    info.isCounted = true;
    info.statistics ??= { consumers: 0, idleSince: undefined, oldestAt: undefined };
    info.statistics.consumers = found.consumers;
  };
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, BUDGET_MS);
  });
  const counted = Promise.allSettled(unknown.slice(0, MOST).map(count));
  await Promise.race([counted, tooLate]);
  clearTimeout(timer);
}
