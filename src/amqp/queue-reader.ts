import type { QueueDepth } from '../client-options.ts';
import { ErrorCode, hasCode } from '../errors.ts';
import type { ChannelPool } from './channel-pool.ts';
import type { ChannelLease } from './pooled-channel.ts';

/** For {@link QueueReader.read}. */
export interface ReadOptions<T> {
  queue: string;
  /** For error messages: what is being done and on what. */
  what: string;
  /** The result when there is no such queue. */
  missing: T;
  /** False when the work has had an effect, and must not be done once more. Default: it has none. */
  isRepeatable?: (() => boolean) | undefined;
}

/** Work on queues that are there or not, each on a channel of its own. Nothing here creates a queue. */
export class QueueReader {
  readonly #channels: ChannelPool;
  readonly #throwIfClosed: () => void;

  constructor(channels: ChannelPool, throwIfClosed: () => void) {
    this.#channels = channels;
    this.#throwIfClosed = throwIfClosed;
  }

  /** Does the work, and once more when the connection is lost meanwhile. */
  async read<T>(
    { queue, what, missing, isRepeatable = () => true }: ReadOptions<T>,
    work: (lease: ChannelLease, queue: string) => Promise<T>,
  ): Promise<T> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await this.#channels.use(what, (lease) => work(lease, queue));
      } catch (error) {
        if (hasCode(error, ErrorCode.queueNotFound)) return missing;
        if (!hasCode(error, ErrorCode.connectionLost)) throw error;
        this.#throwIfClosed();
        if (attempts > 1 || !isRepeatable()) throw error;
      }
    }
  }

  /** See {@link ChannelPool.openAnother}. */
  openChannel(what: string): Promise<ChannelLease> {
    return this.#channels.openAnother(what);
  }

  /** How much is in the queue, exactly; `undefined` when there is none. */
  depth(queue: string, what: string): Promise<QueueDepth | undefined> {
    return this.read<QueueDepth | undefined>({ queue, what, missing: undefined }, async (lease) => {
      const { messageCount, consumerCount } = await lease.request((channel) => channel.checkQueue(queue));
      return { messages: messageCount, consumers: consumerCount };
    });
  }

  /**
   * Whether it is a classic queue without arguments of its own; `undefined` when there is none.
   * @throws TaskQueueError `ACCESS_REFUSED` for a user without permission to configure the queue
   */
  async isPlain(queue: string, what: string): Promise<boolean | undefined> {
    try {
      return await this.read<boolean | undefined>({ queue, what, missing: undefined }, async (lease) => {
        await checkPlain(lease, queue);
        return true;
      });
    } catch (error) {
      if (hasCode(error, ErrorCode.queueMismatch)) return false;
      throw error;
    }
  }
}

const PLAIN = { durable: true, arguments: { 'x-queue-type': 'classic' } };

/**
 * AMQP does not tell the type of a queue; but declaring it with another one is refused (406), which closes the channel.
 * @throws unless it is a classic queue without arguments of its own
 */
export async function checkPlain(lease: ChannelLease, queue: string): Promise<void> {
  // None is created.
  await lease.request((channel) => channel.checkQueue(queue));
  await lease.request((channel) => channel.assertQueue(queue, PLAIN));
}
