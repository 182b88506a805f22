import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { QueueDepth } from '../../options/client-options.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import type { ChannelLease } from '../connection/channel-lease.ts';
import type { ChannelPool } from '../connection/channel-pool.ts';
import type { ConfirmedPublisher } from '../publish/confirmed-publisher.ts';
import { findQueueKind } from './queue-kind.ts';
import { QueueReader } from './queue-reader.ts';

/** Creates queues for a publisher, and looks whether they are there. */
export class QueueDeclarer {
  readonly #channels: ChannelPool;
  readonly #publisher: ConfirmedPublisher;
  readonly #options: ResolvedOptions;
  readonly #reader = new QueueReader({ use: (work) => this.#use(work) });

  /**
   * @param channels each declare has one alone, as a refusal closes it
   * @param publisher knows why the broker does not answer
   */
  constructor(channels: ChannelPool, publisher: ConfirmedPublisher, options: ResolvedOptions) {
    this.#channels = channels;
    this.#publisher = publisher;
    this.#options = options;
  }

  /** Opens the channel for publishing, and one for declaring. */
  async openChannels(): Promise<void> {
    await Promise.all([this.#publisher.ready(), this.#use(async () => {})]);
  }

  /** Creates the queue if there is none. @returns how many messages are in it */
  async declare(queue: string): Promise<number> {
    const { queueType } = this.#options;
    const options =
      queueType === 'default'
        ? { durable: true }
        : { durable: true, arguments: { 'x-queue-type': queueType } };
    const { messageCount } = await this.#use((lease) =>
      lease.request((channel) => channel.assertQueue(queue, options)),
    );
    return messageCount;
  }

  /** Fails where {@link declare} would, and creates no queue, unless this one is deleted at that moment. */
  async checkDeclare(queue: string): Promise<void> {
    // If the queue is missing, this asks for the permission to create it.
    const found = await findQueueKind(queue, (work) => this.#reader.read({ missing: undefined }, work));
    if (found !== undefined) await this.declare(queue);
  }

  /** `undefined` if there is no such queue. */
  depth(queue: string): Promise<QueueDepth | undefined> {
    return this.#reader.depth(queue);
  }

  async #use<T>(work: (lease: ChannelLease) => Promise<T>): Promise<T> {
    try {
      return await this.#channels.use(work);
    } catch (error) {
      // The connection may be blocked by now.
      const isLate = hasCode(error, ErrorCode.noAnswer, ErrorCode.busy);
      throw (isLate && this.#publisher.blockedError()) || error;
    }
  }
}
