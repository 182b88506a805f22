import type { TaskQueueInfo } from '../index.ts';
import type { Context } from './context.ts';
import { openLines } from './input/input-lines.ts';

/** Looked at together: a round trip each, on channels side by side. */
const BATCH = 200;

/**
 * The queues of the tasks in a list of ids, over AMQP alone; tasks without a queue are left out. Over AMQP the
 * broker tells of a queue how many messages are ready and who consumes, and no more.
 */
export async function* queuesById(
  { settings, stop }: Context,
  from: string,
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const { TaskQueueClient } = await import('../index.ts');
  const source = await openLines(from);
  const client = new TaskQueueClient(settings.connection);
  const look = async (taskId: string): Promise<TaskQueueInfo[]> => {
    const depth = await stop.race(client.depth(taskId));
    if (depth === undefined) return [];
    const statistics = { consumers: depth.consumers, idleSince: undefined, oldestAt: undefined };
    return [
      { taskId, ready: depth.messages, unacked: undefined, type: '', state: '', isCounted: true, statistics },
    ];
  };
  try {
    let batch: string[] = [];
    for await (const lines of source.lines()) {
      for (const { text } of lines) {
        const taskId = text.toString().replace(/\r$/, '');
        if (taskId !== '') batch.push(taskId);
        if (batch.length < BATCH) continue;
        yield (await Promise.all(batch.map(look))).flat();
        batch = [];
      }
    }
    yield (await Promise.all(batch.map(look))).flat();
  } finally {
    await client.close();
    await source.close();
  }
}
