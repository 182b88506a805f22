import type { TaskQueueClient, TaskQueueInfo } from '../../index.ts';
import { raceWith } from '../terminal/stop.ts';

/**
 * At most this many are counted per page of a list: without statistics on the broker, all queues would have to be
 * counted.
 */
const MOST = 1_000;

/** The count of a new queue is optional, so it may not take longer. */
const BUDGET_MS = 1_000;

/**
 * Fills in the depths of queues that are too new for the statistics, over AMQP. Their idle time, which this resets,
 * is too short to matter. If counting fails, the depths stay unknown.
 */
export async function* withNewQueues(
  client: TaskQueueClient,
  pages: AsyncIterable<TaskQueueInfo[]>,
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  for await (const page of pages) {
    await countNewQueues(client, page);
    yield page;
  }
}

async function countNewQueues(client: TaskQueueClient, queues: TaskQueueInfo[]): Promise<void> {
  const unknown = queues.filter(({ ready, type }) => ready === undefined && type !== 'stream');
  if (unknown.length === 0) return;
  const count = async (info: TaskQueueInfo) => {
    const found = await client.depth(info.taskId);
    if (found === undefined) return;
    info.ready = found.messages;
    info.isCounted = true;
    info.statistics ??= { consumers: 0, idleSince: undefined, oldestAt: undefined };
    info.statistics.consumers = found.consumers;
  };
  const counted = Promise.allSettled(unknown.slice(0, MOST).map(count));
  await raceWith(AbortSignal.timeout(BUDGET_MS), counted).catch(() => {});
}
