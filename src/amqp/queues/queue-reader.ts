import { retry } from '../../errors/retry.ts';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { QueueDepth } from '../../options/client-options.ts';
import type { ChannelLease } from '../connection/pooled-channel.ts';

/** For {@link QueueReader.read}. */
export interface ReadOptions<T> {
  /** The result if the queue does not exist. */
  missing: T;
  /** Returns false once the work has had an effect and must not be repeated after this error. Default: it never has. */
  isRepeatable?: ((error: unknown) => boolean) | undefined;
}

/** Lends channels, each to one operation at a time. */
export interface ChannelSource {
  use<T>(work: (lease: ChannelLease) => Promise<T>): Promise<T>;
}

/** Runs work on queues that may or may not exist, each on a channel of its own. Never creates a queue. */
export class QueueReader {
  readonly #channels: ChannelSource;
  readonly #throwIfClosed: () => void;

  constructor(channels: ChannelSource, throwIfClosed: () => void) {
    this.#channels = channels;
    this.#throwIfClosed = throwIfClosed;
  }

  /**
   * Runs the work, and once more if the connection is lost meanwhile, or if the node of the queue is down: RabbitMQ also
   * says so of a queue that is being deleted.
   */
  async read<T>(
    { missing, isRepeatable = () => true }: ReadOptions<T>,
    work: (lease: ChannelLease) => Promise<T>,
  ): Promise<T> {
    const mayRetry = (error: unknown) => {
      const isLost = hasCode(error, ErrorCode.connectionLost);
      if (!isLost && !hasCode(error, ErrorCode.queueUnavailable)) return false;
      this.#throwIfClosed();
      return isRepeatable(error);
    };
    try {
      const options = { attempts: 2, mayRetry, pauseMs: RETRY_MS };
      return await retry(() => this.#channels.use(work), options);
    } catch (error) {
      if (hasCode(error, ErrorCode.queueNotFound)) return missing;
      throw error;
    }
  }

  /** The exact number of messages and consumers; `undefined` if the queue does not exist. */
  depth(queue: string): Promise<QueueDepth | undefined> {
    return this.read<QueueDepth | undefined>({ missing: undefined }, async (lease) => {
      const { messageCount, consumerCount } = await lease.request((channel) => channel.checkQueue(queue));
      return { messages: messageCount, consumers: consumerCount };
    });
  }
}

/** A deletion takes RabbitMQ a few milliseconds. */
const RETRY_MS = 50;
