import type { TaskQueueInfo } from '../../index.ts';
import type { LazyClient } from './lazy-client.ts';

/** Counted in one page of a list: on a broker without statistics, all queues would have to be. */
const MOST = 1_000;

/** The count of a new queue is a courtesy. */
const BUDGET_MS = 1_000;

/**
 * Puts in the depths of queues that are so new that there are no statistics of them, over AMQP. It ends no idle time worth
 * knowing. Where that does not work, they stay unknown.
 */
export async function countNewQueues(client: LazyClient, queues: TaskQueueInfo[]): Promise<void> {
  const unknown = queues.filter(
    ({ ready, statistics, type }) => ready === undefined && statistics === undefined && type !== 'stream',
  );
  if (unknown.length === 0) return;
  const opened = await client.get();
  const count = async (info: TaskQueueInfo) => {
    const found = await opened.depth(info.taskId);
    if (found === undefined) return;
    info.ready = found.messages;
    info.isCounted = true;
    info.statistics = { consumers: found.consumers, idleSince: undefined, oldestAt: undefined };
  };
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, BUDGET_MS);
  });
  const counted = Promise.allSettled(unknown.slice(0, MOST).map(count));
  await Promise.race([counted, tooLate]);
  clearTimeout(timer);
}
