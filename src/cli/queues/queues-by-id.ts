import type { TaskQueueInfo } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { openLines } from '../input/input-lines.ts';
import { utf8Text } from '../input/utf8-text.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';

/** Number of queues queried concurrently, one round trip each, on parallel channels. */
const BATCH = 200;

/**
 * The queues of the tasks in a list of ids, over AMQP alone. Tasks without a queue are left out, and counted on
 * stderr. Over AMQP, the broker only gives the number of ready messages and of consumers.
 */
export async function* queuesById(
  { client, stop, note }: ClientContext,
  from: string,
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const source = await openLines(from);
  const missing: string[] = [];
  let count = 0;
  const look = async (taskId: string): Promise<TaskQueueInfo[]> => {
    const depth = await stop.race(client.depth(taskId));
    count++;
    if (depth === undefined) {
      missing.push(taskId);
      return [];
    }
    const statistics = { consumers: depth.consumers, idleSince: undefined, oldestAt: undefined };
    return [
      { taskId, ready: depth.messages, unacked: undefined, type: '', state: '', isCounted: true, statistics },
    ];
  };
  try {
    let batch: string[] = [];
    for await (const lines of source.lines()) {
      for (const { text, number } of lines) {
        const taskId = utf8Text(text, `Line ${number} of ${source.name}`).trimEnd();
        if (taskId !== '') batch.push(taskId);
        if (batch.length < BATCH) continue;
        yield (await Promise.all(batch.map(look))).flat();
        batch = [];
      }
    }
    yield (await Promise.all(batch.map(look))).flat();
    if (missing.length > 0) note(describeMissing(missing, count));
  } finally {
    await source.close();
  }
}

/** At most this many ids are named; the others are counted. */
const NAMED = 3;

function describeMissing(missing: readonly string[], of: number): string {
  const named = missing.slice(0, NAMED).map((taskId) => JSON.stringify(taskId));
  const more = missing.length > NAMED ? ', …' : '';
  return `${formatNumber(missing.length)} of ${formatCount(of, 'task')} ${missing.length === 1 ? 'has' : 'have'} no queue: ${named.join(', ')}${more}`;
}
