import type { Channel, ChannelModel } from 'amqplib';
import { ErrorCode } from '../../errors/task-queue-error.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';

/** A channel as amqplib's connection lists it, from opening to end. */
interface ListedChannel {
  ch: number;
  connection: { channels: ({ channel: unknown } | null | undefined)[] };
}

/**
 * To be asked after the last answer that sets up a channel: it may have ended in the read that brought that answer,
 * before anybody who awaited it could listen to the end.
 * @throws AmqpFailure `CONNECTION_LOST` if it has
 */
export function throwIfEnded(channel: Channel): void {
  const { ch, connection } = channel as unknown as ListedChannel;
  if (connection.channels[ch]?.channel === channel) return;
  throw new AmqpFailure(ErrorCode.connectionLost, 'the connection to the broker was lost');
}

/**
 * Closes a channel, or a connection with its channels. Resolves when it has ended, in whatever way: when it is lost
 * before the broker answers, amqplib's own promise never settles.
 */
export function closeFully(closing: Channel | ChannelModel): Promise<void> {
  return new Promise((resolve) => {
    closing.once('close', () => resolve());
    closing.close().catch(() => resolve());
  });
}
