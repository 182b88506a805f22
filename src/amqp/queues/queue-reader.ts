import { retry } from '../../errors/retry.ts';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { QueueDepth } from '../../options/client-options.ts';
import type { ChannelLease } from '../connection/channel-lease.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';

/** For {@link QueueReader.read}. */
export interface ReadOptions<T> {
  /** The result if the queue does not exist. */
  missing: T;
  /** Returns false once the work has had an effect and must not be repeated after this error. Default: it never has. */
  isRepeatable?: ((error: unknown) => boolean) | undefined;
  /** Whether messages are read. Default: no. */
  readsMessages?: boolean;
}

/** Lends channels, each to one operation at a time. */
export interface ChannelSource {
  use<T>(work: (lease: ChannelLease) => Promise<T>): Promise<T>;
}

/** Runs work on queues that may or may not exist, each on a channel of its own. Never creates a queue. */
export class QueueReader {
  readonly #channels: ChannelSource;
  readonly #throwIfClosed: () => void;

  /** @param throwIfClosed called before work is repeated */
  constructor(channels: ChannelSource, throwIfClosed = () => {}) {
    this.#channels = channels;
    this.#throwIfClosed = throwIfClosed;
  }

  /**
   * Runs the work, and once more if the connection is lost meanwhile, or if the node of the queue is down: RabbitMQ also
   * says so of a queue that is being deleted.
   * @throws AmqpFailure `BROKER_ERROR` if messages were read and RabbitMQ closed the connection for an internal error, twice
   */
  async read<T>(
    { missing, isRepeatable = () => true, readsMessages = false }: ReadOptions<T>,
    work: (lease: ChannelLease) => Promise<T>,
  ): Promise<T> {
    let wasInternal = false;
    const mayRetry = (error: unknown) => {
      const isLost = hasCode(error, ErrorCode.connectionLost);
      if (!isLost && !hasCode(error, ErrorCode.queueUnavailable)) return false;
      this.#throwIfClosed();
      wasInternal = isInternalError(error);
      return isRepeatable(error);
    };
    try {
      const options = { attempts: 2, mayRetry, pauseMs: RETRY_MS };
      return await retry(() => this.#channels.use(work), options);
    } catch (error) {
      if (hasCode(error, ErrorCode.queueNotFound)) return missing;
      throw readsMessages && wasInternal && isInternalError(error) ? undeliveredError(error) : error;
    }
  }

  /** The exact number of messages and consumers; `undefined` if the queue does not exist. */
  depth(queue: string): Promise<QueueDepth | undefined> {
    return this.read<QueueDepth | undefined>({ missing: undefined }, async (lease) => {
      const { messageCount, consumerCount } = await lease.request((channel) => channel.checkQueue(queue));
      return { messages: messageCount, consumers: consumerCount };
    });
  }

  /**
   * Fails where a consumer would, for lack of a permission or on another connection's exclusive queue. Nothing is delivered:
   * RabbitMQ looks at the arguments next (rabbit_amqqueue basic_consume), and accepts no such priority.
   */
  async checkRead(queue: string): Promise<void> {
    const refused = this.read<unknown>({ missing: undefined }, async (lease) => {
      const args = { arguments: { 'x-priority': 'none' } };
      await lease.request((channel) => channel.consume(queue, () => {}, args));
      await lease.close();
    });
    await refused.catch((error) => {
      if (!hasCode(error, ErrorCode.queueMismatch)) throw error;
    });
  }
}

/** A deletion takes RabbitMQ a few milliseconds. */
const RETRY_MS = 50;

/** The broker closed the connection with this reply. */
function isInternalError(error: unknown): boolean {
  return ((error as Error).cause as { code?: unknown } | undefined)?.code === 541;
}

/** Every client of AMQP 0-9-1 that the message is sent to loses its connection, and with it what it does elsewhere. */
function undeliveredError(cause: unknown): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.brokerError,
    'the broker had an internal error, twice, while messages were read',
    {
      cause,
      hint: "The broker's log says more. Perhaps a message of an AMQP 1.0 or STOMP client cannot be delivered over AMQP 0-9-1: read only those before it.",
    },
  );
}
