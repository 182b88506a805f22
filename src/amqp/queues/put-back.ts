import type { GetMessage } from 'amqplib';
import type { ChannelLease } from '../connection/pooled-channel.ts';

/** How often to ask for a message that others may have taken. */
const MOST_ASKED = 5;

/**
 * Gives back a message that was got, and resolves when it is at its place, so that the next count or read finds it. A queue
 * answers a count before what it was sent earlier (`prioritise_call` in rabbit_amqqueue_process.erl), so one answer does
 * not tell. Not for a quorum queue: RabbitMQ 3.10 puts it at the end.
 */
export async function putBack(lease: ChannelLease, queue: string, message: GetMessage): Promise<void> {
  lease.channel.nack(message);
  for (let asked = 0; asked < MOST_ASKED; asked++) {
    const { messageCount, consumerCount } = await lease.request((channel) => channel.checkQueue(queue));
    if (messageCount > 0 || consumerCount > 0) return;
  }
}
