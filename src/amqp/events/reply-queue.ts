import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { settledWithin } from '../../errors/deadline.ts';
import type { TaskQueueError } from '../../errors/task-queue-error.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import { throwIfEnded } from '../connection/channel-end.ts';
import { type BrokerConnection, closedError } from '../connection/connection.ts';
import { translateAmqpError } from '../errors/amqp-errors.ts';
import { inContext } from '../errors/amqp-failure.ts';

/** Messages sent ahead of this process's acknowledgements. */
const PREFETCH = 500;

const RETRY_MS = 1_000;

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

/** A queue of one process, for what other processes send to it. Subscribes again when the connection is back. */
export class ReplyQueue {
  readonly #connection: BrokerConnection;
  readonly #queue: string;
  readonly #onReply: (body: Buffer) => void;
  readonly #warn: (warning: TaskQueueError) => void;
  #channel: Channel | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * @param connection for this queue alone
   * @param options
   * @param queue its name
   * @param onReply must not throw; a reply may come twice
   */
  constructor(
    connection: BrokerConnection,
    { warn }: ResolvedOptions,
    queue: string,
    onReply: (body: Buffer) => void,
  ) {
    this.#connection = connection;
    this.#queue = queue;
    this.#onReply = onReply;
    this.#warn = warn;
  }

  /** Resolves when the queue is there. @throws TaskQueueError when it cannot be set up; call it again then */
  async start(): Promise<void> {
    try {
      const model = await this.#connection.open();
      await this.#connection.answered(this.#setUp(model));
    } catch (error) {
      const reason = this.#isClosed ? closedError() : error;
      throw inContext('Cannot receive answers', translateAmqpError(reason));
    }
  }

  /** Deletes the queue, and closes the connection; both within `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    const giveUpAt = performance.now() + timeoutMs;
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    const channel = this.#channel;
    if (channel !== undefined) {
      const deleted = (async () => channel.deleteQueue(this.#queue))();
      await settledWithin(deleted, timeoutMs);
    }
    await this.#connection.close(Math.max(1, giveUpAt - performance.now()));
  }

  async #setUp(model: ChannelModel): Promise<void> {
    const channel = await model.createChannel();
    channel.on('error', () => {});
    let isRunning = false;
    channel.on('close', () => {
      this.#channel = undefined;
      if (isRunning) this.#restart();
    });
    await channel.assertQueue(this.#queue, DECLARATION);
    await channel.prefetch(PREFETCH);
    await channel.consume(this.#queue, (message) => this.#receive(channel, message));
    throwIfEnded(channel);
    this.#channel = channel;
    isRunning = true;
  }

  #receive(channel: Channel, message: ConsumeMessage | null): void {
    // The queue was deleted, or its node is down: begin anew.
    if (message === null) return void channel.close().catch(() => {});
    this.#onReply(message.content);
    try {
      channel.ack(message);
    } catch {
      // The channel has ended: the reply is delivered again, and counts once.
    }
  }

  #restart(): void {
    if (this.#isClosed) return;
    // Deferred: when a connection is lost, its channels end first.
    setImmediate(() => {
      this.start().catch((error) => {
        if (this.#isClosed) return;
        this.#warn(error as TaskQueueError);
        this.#retryTimer = setTimeout(() => this.#restart(), RETRY_MS);
        this.#retryTimer.unref();
      });
    });
  }
}
