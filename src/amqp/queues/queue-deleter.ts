import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { QueueType } from '../../options/task-queue-options.ts';
import type { ChannelLease } from '../connection/channel-lease.ts';
import type { ChannelPool } from '../connection/channel-pool.ts';
import type { QueuePublisher } from '../publish/queue-publisher.ts';
import type { QueueKinds } from './queue-kinds.ts';
import type { QueueReader } from './queue-reader.ts';

/** How often to try where deletions of other queues end the connection. */
const MOST_ATTEMPTS = 5;

/** Deletes queues, each only if it is empty and unused, which the broker checks as it deletes. */
export class QueueDeleter {
  readonly #channels: ChannelPool;
  readonly #publisher: QueuePublisher;
  readonly #reader: QueueReader;
  readonly #kinds: QueueKinds;
  readonly #queueType: QueueType;

  /**
   * @param channels of a connection that nothing else uses: see {@link deleteIfUnused}
   * @param publisher whose messages on their way no deletion may meet
   * @param queueType what queues are expected to be
   */
  constructor(
    channels: ChannelPool,
    publisher: QueuePublisher,
    reader: QueueReader,
    kinds: QueueKinds,
    queueType: QueueType,
  ) {
    this.#channels = channels;
    this.#publisher = publisher;
    this.#reader = reader;
    this.#kinds = kinds;
    this.#queueType = queueType;
  }

  /**
   * RabbitMQ has no such check for a quorum queue, and closes the connection (540), also for others that delete at
   * the same time. So after a lost connection, check what kind of queue it is.
   * @param options `mayBeStream`: false if messages have just been counted in it, as never in a stream
   * @returns whether the queue no longer exists
   */
  async deleteIfUnused(queue: string, { mayBeStream = true } = {}): Promise<boolean> {
    if (this.#queueType === 'quorum') return (await this.#reader.depth(queue)) === undefined;
    for (let attempts = 1; ; attempts++) {
      try {
        return await this.#delete(queue, mayBeStream);
      } catch (error) {
        if (attempts === MOST_ATTEMPTS || !hasCode(error, ErrorCode.connectionLost)) throw error;
        const kind = await this.#kinds.kindNow(queue);
        if (!kind?.isPlain) return kind === undefined;
      }
    }
  }

  async #delete(queue: string, mayBeStream: boolean): Promise<boolean> {
    try {
      const looks = mayBeStream && this.#kinds.known(queue)?.kind !== 'classic';
      return await this.#deleteIfEmpty(queue, { looks }).catch(async (error) => {
        // Without read permission, the queue's kind has to be enough.
        if (!hasCode(error, ErrorCode.accessRefused)) throw error;
        const isStream = (await this.#kinds.kind(queue))?.kind === 'stream';
        return !isStream && (await this.#deleteIfEmpty(queue, { looks: false }));
      });
    } catch (error) {
      if (hasCode(error, ErrorCode.queueNotFound)) return true;
      // A type of queue without conditional delete is unsupported (540).
      if (hasCode(error, ErrorCode.queueInUse, ErrorCode.unsupported)) return false;
      throw error;
    }
  }

  /**
   * RabbitMQ counts a stream as empty, and a conditional delete removes it with its messages. A `get` on a stream
   * closes the connection (540), which {@link deleteIfUnused} handles.
   * @param options `looks`: whether to `get` a message, which takes read permission. What it holds for a moment could be
   * deleted by others.
   * @returns false for a queue with messages, or to which messages are on their way
   */
  #deleteIfEmpty(queue: string, { looks }: { looks: boolean }): Promise<boolean> {
    const work = async (lease: ChannelLease) => {
      const remove = async () => {
        // RabbitMQ 4 deletes a queue whose node is down, whatever is in it, but refuses a passive declare.
        const { messageCount } = await lease.request((channel) => channel.checkQueue(queue));
        if (messageCount > 0) return false;
        if (looks && (await isFilled(lease, queue))) return false;
        await lease.request((channel) => channel.deleteQueue(queue, { ifEmpty: true, ifUnused: true }));
        return true;
      };
      // With a channel, as publishes for the queue wait meanwhile.
      return (await this.#publisher.removeUnlessSending(queue, remove)) ?? false;
    };
    return this.#channels.use(work).catch((error) => {
      // The broker allows no further connection. A classic queue ends none.
      const isClassic = this.#kinds.known(queue)?.kind === 'classic';
      if (!isClassic || !hasCode(error, ErrorCode.limitReached)) throw error;
      return this.#reader.read({ missing: true, isRepeatable: () => false }, work);
    });
  }
}

/**
 * Whether a `get` finds a message. What is to give it back is sent at once, and does not wait for the answer: meanwhile
 * the queue would count as empty and unused, and another client that deletes it would delete the message.
 */
function isFilled(lease: ChannelLease, queue: string): Promise<boolean> {
  return lease.request(async (channel) => {
    const giveBack = async () => channel.nackAll(true);
    // Both fail on a channel that has just ended.
    const [answer] = await Promise.all([channel.get(queue), giveBack()]);
    return answer !== false;
  });
}
