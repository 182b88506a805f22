import type { Channel, GetMessage } from 'amqplib';
import type { ChannelLease } from './pooled-channel.ts';

/**
 * Resolves when the message is back at its place, so that whoever hears of the failure finds it there, and no conditional
 * delete takes the queue for empty. It is not left to the closing of the channel, which RabbitMQ answers before it puts
 * back what was got without a consumer. Never rejects: when the channel has ended, the broker does it by itself.
 */
export async function giveBack(lease: ChannelLease, queue: string, message: GetMessage): Promise<void> {
  const nack = (channel: Channel) => {
    channel.nack(message);
    // Answered by the queue, which has the one before the other.
    return channel.checkQueue(queue);
  };
  await lease.request(nack).catch(() => {});
}
