import { retry } from '../../errors/retry.ts';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { QueueDepth, QueueKind } from '../../options/client-options.ts';
import type { ChannelPool } from '../connection/channel-pool.ts';
import type { ChannelLease } from '../connection/pooled-channel.ts';
import { findQueueKind, isPlainKind } from './queue-kind.ts';

/** For {@link QueueReader.read}. */
export interface ReadOptions<T> {
  queue: string;
  /** The result when there is no such queue. */
  missing: T;
  /** False when the work has had an effect, and must not be done once more. Default: it has none. */
  isRepeatable?: (() => boolean) | undefined;
}

/** Work on queues that are there or not, each on a channel of its own. Nothing here creates a queue. */
export class QueueReader {
  readonly #channels: ChannelPool;
  readonly #probes: ChannelPool;
  readonly #throwIfClosed: () => void;
  readonly #kinds = new Map<string, { kind: QueueKind; until: number }>();

  /** @param probes for questions that others ask in the middle of their work, while they hold a channel */
  constructor(channels: ChannelPool, probes: ChannelPool, throwIfClosed: () => void) {
    this.#channels = channels;
    this.#probes = probes;
    this.#throwIfClosed = throwIfClosed;
  }

  /** Does the work, and once more when the connection is lost meanwhile. */
  read<T>(options: ReadOptions<T>, work: (lease: ChannelLease, queue: string) => Promise<T>): Promise<T> {
    return this.#read(this.#channels, options, work);
  }

  async #read<T>(
    channels: ChannelPool,
    { queue, missing, isRepeatable = () => true }: ReadOptions<T>,
    work: (lease: ChannelLease, queue: string) => Promise<T>,
  ): Promise<T> {
    const mayRetry = (error: unknown) => {
      if (!hasCode(error, ErrorCode.connectionLost)) return false;
      this.#throwIfClosed();
      return isRepeatable();
    };
    try {
      return await retry(() => channels.use((lease) => work(lease, queue)), { attempts: 2, mayRetry });
    } catch (error) {
      if (hasCode(error, ErrorCode.queueNotFound)) return missing;
      throw error;
    }
  }

  /** See {@link ChannelPool.openAnother}. */
  openChannel(): Promise<ChannelLease> {
    return this.#channels.openAnother();
  }

  /** How much is in the queue, exactly; `undefined` when there is none. */
  depth(queue: string): Promise<QueueDepth | undefined> {
    return this.read<QueueDepth | undefined>({ queue, missing: undefined }, async (lease) => {
      const { messageCount, consumerCount } = await lease.request((channel) => channel.checkQueue(queue));
      return { messages: messageCount, consumers: consumerCount };
    });
  }

  /**
   * What sort of queue it is; `undefined` when there is none. Each answer costs a channel, and a line in the broker's log:
   * so one is good for a minute.
   * @throws TaskQueueError `ACCESS_REFUSED` for a user without permission to configure the queue
   */
  async kind(queue: string): Promise<QueueKind | undefined> {
    const known = this.#kinds.get(queue);
    return known && known.until > Date.now() ? known.kind : this.#findKind(queue);
  }

  /** Whether it is a classic queue without arguments of its own, now. Otherwise as {@link kind}. */
  async isPlain(queue: string): Promise<boolean | undefined> {
    return isPlainKind(await this.#findKind(queue));
  }

  async #findKind(queue: string): Promise<QueueKind | undefined> {
    const kind = await findQueueKind(queue, (work) =>
      this.#read(this.#probes, { queue, missing: undefined }, work),
    );
    this.#kinds.delete(queue);
    if (kind === undefined) return undefined;
    this.#kinds.set(queue, { kind, until: Date.now() + KIND_MS });
    for (const oldest of this.#kinds.keys()) {
      if (this.#kinds.size <= MAX_KINDS) break;
      this.#kinds.delete(oldest);
    }
    return kind;
  }
}

const KIND_MS = 60_000;
const MAX_KINDS = 1_000;
