import { retry } from '../../errors/retry.ts';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import { forgetOldest } from '../../forget-oldest.ts';
import type { QueueDepth, QueueKind } from '../../options/client-options.ts';
import type { ChannelPool } from '../connection/channel-pool.ts';
import type { ChannelLease } from '../connection/pooled-channel.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';
import { findQueueKind } from './queue-kind.ts';

/** For {@link QueueReader.read}. */
export interface ReadOptions<T> {
  queue: string;
  /** The result if the queue does not exist. */
  missing: T;
  /** Returns false once the work has had an effect and must not be repeated after this error. Default: it never has. */
  isRepeatable?: ((error: unknown) => boolean) | undefined;
}

/** Runs work on queues that may or may not exist, each on a channel of its own. Never creates a queue. */
export class QueueReader {
  readonly #channels: ChannelPool;
  readonly #probes: ChannelPool;
  readonly #throwIfClosed: () => void;
  readonly #kinds = new Map<string, { kind: QueueKind; until: number }>();

  /** @param probes for questions asked in the middle of other work, while that holds a channel */
  constructor(channels: ChannelPool, probes: ChannelPool, throwIfClosed: () => void) {
    this.#channels = channels;
    this.#probes = probes;
    this.#throwIfClosed = throwIfClosed;
  }

  /**
   * Runs the work, and once more if the connection is lost meanwhile, or if the node of the queue is down: RabbitMQ also
   * says so of a queue that is being deleted.
   */
  read<T>(options: ReadOptions<T>, work: (lease: ChannelLease, queue: string) => Promise<T>): Promise<T> {
    return this.#read(this.#channels, options, work);
  }

  async #read<T>(
    channels: ChannelPool,
    { queue, missing, isRepeatable = () => true }: ReadOptions<T>,
    work: (lease: ChannelLease, queue: string) => Promise<T>,
  ): Promise<T> {
    const mayRetry = (error: unknown) => {
      const isLost = hasCode(error, ErrorCode.connectionLost);
      if (!isLost && !hasCode(error, ErrorCode.queueUnavailable)) return false;
      this.#throwIfClosed();
      return isRepeatable(error);
    };
    try {
      const options = { attempts: 2, mayRetry, pauseMs: RETRY_MS };
      return await retry(() => channels.use((lease) => work(lease, queue)), options);
    } catch (error) {
      if (hasCode(error, ErrorCode.queueNotFound)) return missing;
      throw error;
    }
  }

  /** See {@link ChannelPool.openAnother}. */
  openChannel(): Promise<ChannelLease> {
    return this.#channels.openAnother();
  }

  /** The exact number of messages and consumers; `undefined` if the queue does not exist. */
  depth(queue: string): Promise<QueueDepth | undefined> {
    return this.read<QueueDepth | undefined>({ queue, missing: undefined }, async (lease) => {
      const { messageCount, consumerCount } = await lease.request((channel) => channel.checkQueue(queue));
      return { messages: messageCount, consumers: consumerCount };
    });
  }

  /**
   * What kind of queue it is; `undefined` if it does not exist. Cached for a minute, as each answer costs a channel
   * and a line in the broker's log.
   * @throws TaskQueueError `ACCESS_REFUSED` for a user without permission to configure the queue
   */
  async kind(queue: string): Promise<QueueKind | undefined> {
    const known = this.#kinds.get(queue);
    return known && known.until > Date.now() ? known.kind : this.kindNow(queue);
  }

  /**
   * To be called before a consumer that leaves messages behind. Unknown without permission to configure the queue.
   * @throws AmqpFailure `UNSUPPORTED` for an auto-delete queue, which RabbitMQ deletes with its messages when its last
   * consumer ends
   */
  async refuseAutoDelete(queue: string): Promise<void> {
    const kind = await this.kind(queue).catch((error) => {
      if (hasCode(error, ErrorCode.accessRefused)) return undefined;
      throw error;
    });
    if (!kind?.ownArguments.includes('auto_delete')) return;
    throw new AmqpFailure(
      ErrorCode.unsupported,
      `the queue ${queue} is an auto-delete queue: RabbitMQ would delete it, with all its messages, when this reader ends`,
      {
        hint: 'Get its messages without a consumer, as "rabbitmqadmin get" does, or have its publisher declare it without auto_delete.',
      },
    );
  }

  /** As {@link kind}, but never from the cache. */
  async kindNow(queue: string): Promise<QueueKind | undefined> {
    const kind = await findQueueKind(queue, (work) =>
      this.#read(this.#probes, { queue, missing: undefined }, work),
    );
    this.#kinds.delete(queue);
    if (kind === undefined) return undefined;
    this.#kinds.set(queue, { kind, until: Date.now() + KIND_MS });
    forgetOldest(this.#kinds, MAX_KINDS);
    return kind;
  }
}

/** A deletion takes RabbitMQ a few milliseconds. */
const RETRY_MS = 50;

const KIND_MS = 60_000;
const MAX_KINDS = 1_000;
