import type { TaskQueueClient } from '../../index.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../output/sizes.ts';
import { listQueues } from '../queues/list-queues.ts';

const BUDGET_MS = 1_000;

/**
 * How many messages of a task are unacknowledged, and therefore hidden from other readers. Only the management API
 * knows.
 * @returns undefined if it does not answer within a second
 */
async function countHeld(
  { settings }: Pick<Context, 'settings'>,
  taskId: string,
): Promise<number | undefined> {
  const glob = taskId.replace(/[*?\\]/g, '\\$&');
  const signal = AbortSignal.timeout(BUDGET_MS);
  try {
    const options = { apiTimeoutMs: BUDGET_MS, signal };
    for await (const page of listQueues({ settings }, { ...options, glob, source: 'counted' })) {
      for (const queue of page) if (queue.taskId === taskId) return queue.unacked;
    }
  } catch {
    // The number is optional information.
  }
  return undefined;
}

/**
 * A sentence about the unacknowledged messages, which are not removed with the ready ones; undefined if there are
 * none.
 */
export async function describeHeld(
  context: Pick<Context, 'settings'>,
  taskId: string,
  consumers: number,
): Promise<string | undefined> {
  const held = await countHeld(context, taskId);
  const readers = consumers > 0 ? formatCount(consumers, 'consumer') : 'another reader';
  if (held === 0) return undefined;
  if (held !== undefined) {
    const [are, stay] = held === 1 ? ['is', 'stays'] : ['are', 'stay'];
    return `${formatCount(held, 'message')} of task ${JSON.stringify(taskId)} ${are} held unacknowledged by ${readers}, and ${stay}.`;
  }
  if (consumers === 0) return undefined;
  return `Task ${JSON.stringify(taskId)} has ${readers}: messages held unacknowledged stay.`;
}

/**
 * After a removal: what is left, and why the queue still exists.
 * @returns a few sentences; undefined if there is nothing to report
 */
export async function describeLeft(
  context: Pick<Context, 'settings'>,
  client: TaskQueueClient,
  taskId: string,
  { isDeletable, isSelection }: { isDeletable: boolean; isSelection: boolean },
): Promise<string | undefined> {
  const depth = await client.depth(taskId);
  if (depth === undefined) return undefined;
  const { messages, consumers } = depth;
  const sentences = [];
  if (messages > 0 && !isSelection) {
    const [have, stay] = messages === 1 ? ['has', 'stays'] : ['have', 'stay'];
    sentences.push(`${formatCount(messages, 'message')} ${have} arrived meanwhile and ${stay}.`);
  }
  const held = await describeHeld(context, taskId, consumers);
  if (held !== undefined) sentences.push(held);
  if (isDeletable && !(messages > 0 && isSelection)) sentences.push(`The queue stays: ${whyItStays(depth)}.`);
  return sentences.length === 0 ? undefined : sentences.join(' ');
}

function whyItStays({ messages, consumers }: { messages: number; consumers: number }): string {
  if (consumers > 0) return `${formatCount(consumers, 'consumer')} attached`;
  if (messages > 0) return 'it is not empty';
  return 'only an unused classic queue is deleted';
}
