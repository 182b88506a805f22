import type { Channel, GetMessage } from 'amqplib';
import type { ChannelLease } from '../connection/pooled-channel.ts';
import type { FindKind } from './consumption.ts';

/**
 * Resolves when a message that was got is back at its place, so that the caller finds it there after the failure, and
 * no conditional delete considers the queue empty: the closing of the channel is answered before RabbitMQ puts back what was
 * got without a consumer. Only that of a plain queue is nacked, as RabbitMQ 3.10 puts it at the end of a quorum queue, which
 * has no conditional delete; the rest is left to the closing. Never rejects: when the channel has ended, the broker does it
 * by itself.
 */
export async function giveBack(
  lease: ChannelLease,
  queue: string,
  message: GetMessage,
  findKind: FindKind,
): Promise<void> {
  const nack = (channel: Channel) => {
    channel.nack(message);
    // Answered by the queue, which has the one before the other.
    return channel.checkQueue(queue);
  };
  try {
    if ((await findKind())?.isPlain) await lease.request(nack);
    else await lease.close();
  } catch {
    await lease.close().catch(() => {});
  }
}
