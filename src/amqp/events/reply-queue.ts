import type { Channel } from 'amqplib';
import { settledWithin } from '../../errors/deadline.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import type { BrokerConnection } from '../connection/connection.ts';
import { during, inContext } from '../errors/amqp-failure.ts';
import { RecoveringConsumer } from './recovering-consumer.ts';

/**
 * Durable, so that answers outlive a restart of the broker or connection; deleted ten minutes after its process ends;
 * bounded, as anybody may publish to it; and classic, whatever the vhost's default.
 */
const DECLARATION = {
  durable: true,
  arguments: {
    'x-queue-type': 'classic',
    'x-expires': 600_000,
    'x-message-ttl': 600_000,
    'x-max-length': 100_000,
    'x-max-length-bytes': 256 * 1024 * 1024,
    'x-overflow': 'reject-publish',
  },
};

const RECEIVING = 'Cannot receive answers';

/** A queue of one process, for what other processes send to it. Subscribes again when the connection is back. */
export class ReplyQueue {
  readonly connection: BrokerConnection;
  readonly #queue: string;
  readonly #consumer: RecoveringConsumer;
  #channel: Channel | undefined;

  /**
   * @param connection for this queue alone
   * @param queue its name
   * @param onReply must not throw; a reply may come twice
   */
  constructor(
    connection: BrokerConnection,
    { warn }: ResolvedOptions,
    queue: string,
    onReply: (body: Buffer) => void,
  ) {
    this.connection = connection;
    this.#queue = queue;
    this.#consumer = new RecoveringConsumer(connection, {
      declare: async (channel) => {
        await connection.answered(channel.assertQueue(queue, DECLARATION));
        this.#channel = channel;
        return queue;
      },
      onMessage: (message, channel) => {
        onReply(message.content);
        try {
          channel.ack(message);
        } catch {
          // The channel has ended: the reply is delivered again, and counts once.
        }
      },
      onLost: () => {},
      onRetry: (error) => warn(inContext(RECEIVING, error)),
    });
  }

  /** Resolves when the queue is there. @throws TaskQueueError when it cannot be set up; call it again then */
  async start(): Promise<void> {
    await during(RECEIVING, this.#consumer.start());
  }

  /** Deletes the queue, and closes the connection; both within `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    const giveUpAt = performance.now() + timeoutMs;
    this.#consumer.stop();
    // Fails on a channel that has ended.
    const deleted = (async () => this.#channel?.deleteQueue(this.#queue))();
    await settledWithin(deleted, timeoutMs);
    await this.connection.close(Math.max(1, giveUpAt - performance.now()));
  }
}
