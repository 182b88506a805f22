import type { ClientContext, Context } from '../context.ts';
import { API_LIMITS, describeInTime } from '../queues/describe-in-time.ts';
import { type ListQueuesOptions, listQueues } from '../queues/list-queues.ts';
import { literalGlob } from '../text/literal-glob.ts';
import { formatCount } from '../text/sizes.ts';

/**
 * How many messages of a task are unacknowledged, and therefore hidden from other readers. Only the management API
 * knows.
 * @returns undefined if it does not answer in time, and for a quorum queue: its count is up to 5 seconds old, and may
 * be of messages that this command itself held
 */
async function countHeld(
  { settings }: Pick<Context, 'settings'>,
  taskId: string,
): Promise<number | undefined> {
  const glob = literalGlob(taskId);
  const signal = AbortSignal.timeout(API_LIMITS.apiTimeoutMs);
  try {
    const options: ListQueuesOptions = { ...API_LIMITS, glob, source: 'counted', signal };
    for await (const page of listQueues({ settings }, options)) {
      for (const { taskId: id, type, unacked } of page)
        if (id === taskId) return type === 'quorum' ? undefined : unacked;
    }
  } catch {
    // The number is optional information.
  }
  return undefined;
}

/**
 * Whether a queue can be deleted without messages that somebody holds; `basic.get` without a consumer shows nowhere else.
 * To be called before this command holds messages itself. The statistics, up to 10 seconds old, are enough if they say
 * that nobody does. Counting resets the idle times of all queues, so it is left to the case that they do not.
 * @returns the number of messages that are held then, as far as the management API knows
 */
export function askForHeld(context: Pick<Context, 'settings'>, taskId: string): () => Promise<number> {
  const lately = describeInTime(context.settings, taskId);
  return async () => {
    const { unacked: held = 0, type } = (await lately) ?? {};
    // A quorum queue is not deleted in any case.
    return held === 0 || type === 'quorum' ? 0 : ((await countHeld(context, taskId)) ?? held);
  };
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

export interface DescribeLeftOptions {
  /** The queue would have been deleted if it could be. */
  isDeletable: boolean;
  isSelection: boolean;
  /** Messages held unacknowledged, for which the queue was not deleted. */
  held: number;
}

/**
 * After a removal: what is left, and why the queue still exists.
 * @returns a few sentences; undefined if there is nothing to report
 */
export async function describeLeft(
  context: Pick<ClientContext, 'client' | 'settings'>,
  taskId: string,
  { isDeletable, isSelection, held: wasHeld }: DescribeLeftOptions,
): Promise<string | undefined> {
  const depth = await context.client.depth(taskId);
  if (depth === undefined) return undefined;
  const { messages, consumers } = depth;
  const sentences = [];
  if (messages > 0 && !isSelection) {
    const [have, stay] = messages === 1 ? ['has', 'stays'] : ['have', 'stay'];
    sentences.push(`${formatCount(messages, 'message')} ${have} arrived meanwhile and ${stay}.`);
  }
  const held = await describeHeld(context, taskId, consumers);
  if (held !== undefined) sentences.push(held);
  if (isDeletable && !(messages > 0 && isSelection))
    sentences.push(`The queue stays: ${whyItStays(depth, wasHeld)}.`);
  return sentences.length === 0 ? undefined : sentences.join(' ');
}

function whyItStays(
  { messages, consumers }: { messages: number; consumers: number },
  wasHeld: number,
): string {
  if (consumers > 0) return `${formatCount(consumers, 'consumer')} attached`;
  if (messages > 0) return 'it is not empty';
  if (wasHeld > 0) return 'what another reader holds would be deleted with it';
  return 'only an unused classic queue is deleted';
}
