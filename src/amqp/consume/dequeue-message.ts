import type { GetMessage } from 'amqplib';
import type { StoredMessage } from '../../messages/stored-message.ts';
import type { ChannelLease } from '../connection/channel-lease.ts';
import { CallerFailure } from '../errors/caller-failure.ts';
import type { QueueKinds } from '../queues/queue-kinds.ts';
import type { QueueReader } from '../queues/queue-reader.ts';
import { toStoredMessage } from './delivery.ts';

/**
 * Gets the oldest message of a task and acknowledges it once it is decoded, as `TaskQueueClient.dequeue` describes it.
 * @returns undefined when the queue is empty or missing
 */
export function dequeueMessage<T>(
  { taskId, queue, reader, kinds }: { taskId: string; queue: string; reader: QueueReader; kinds: QueueKinds },
  decode: (message: StoredMessage) => T | Promise<T>,
): Promise<{ message: StoredMessage; decoded: T } | undefined> {
  let isDelivered = false;
  let isRepeated = false;
  const failure = new CallerFailure();
  const get = async (lease: ChannelLease) => {
    // The connection may have been lost because this is a stream. Who may not ask tries once more.
    if (isRepeated) await kinds.kindNow(queue).catch(() => {});
    isRepeated = true;
    kinds.refuseStream(queue);
    const delivery = await lease.request((channel) => channel.get(queue));
    if (delivery === false) return undefined;
    isDelivered = true;
    const message = toStoredMessage(taskId, delivery);
    let decoded: T;
    try {
      decoded = await failure.watch(() => decode(message));
    } catch (error) {
      await giveBack(lease, queue, delivery, kinds);
      throw error;
    }
    lease.throwIfEnded();
    lease.channel.ack(delivery);
    return { message, decoded };
  };
  const isRepeatable = () => !isDelivered;
  return failure.passOn(reader.read({ missing: undefined, isRepeatable, readsMessages: true }, get));
}

/**
 * Resolves when a message that was got is back at its place, so that the caller finds it there after the failure, and
 * no conditional delete considers the queue empty: the closing of the channel is answered before RabbitMQ puts back what was
 * got without a consumer. Only that of a plain queue is put back so; the rest, which has no conditional delete, is left to
 * the closing. Never rejects: when the channel has ended, the broker does it by itself.
 */
async function giveBack(
  lease: ChannelLease,
  queue: string,
  message: GetMessage,
  kinds: QueueKinds,
): Promise<void> {
  try {
    if ((await kinds.kindNow(queue))?.isPlain) await putBack(lease, queue, message);
    else await lease.close();
  } catch {
    await lease.close().catch(() => {});
  }
}

/** How often to ask for a message that others may have taken. */
const MOST_ASKED = 5;

/**
 * Gives back a message that was got, and resolves when it is at its place, so that the next count or read finds it. A queue
 * answers a count before what it was sent earlier (`prioritise_call` in rabbit_amqqueue_process.erl), so one answer does
 * not tell. Not for a quorum queue: RabbitMQ 3.10 puts it at the end.
 */
async function putBack(lease: ChannelLease, queue: string, message: GetMessage): Promise<void> {
  lease.channel.nack(message);
  for (let asked = 0; asked < MOST_ASKED; asked++) {
    const { messageCount, consumerCount } = await lease.request((channel) => channel.checkQueue(queue));
    if (messageCount > 0 || consumerCount > 0) return;
  }
}
