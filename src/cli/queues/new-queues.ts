import type { TaskQueueInfo } from '../../index.ts';
import type { LazyClient } from './lazy-client.ts';

/** Counted in one page of a list: on a broker without statistics, all queues would have to be. */
const MOST = 1_000;

/** The count of a new queue is a courtesy. */
const BUDGET_MS = 1_000;

/**
 * Puts in the depths of queues that are so new that the statistics do not have them, over AMQP. That ends no idle time
 * worth knowing. Where it does not work, they stay unknown.
 */
export async function countNewQueues(client: LazyClient, queues: TaskQueueInfo[]): Promise<void> {
  const unknown = queues.filter(({ ready, type }) => ready === undefined && type !== 'stream');
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
