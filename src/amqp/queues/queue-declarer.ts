import type { Channel } from 'amqplib';
import { retry } from '../../errors/retry.ts';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { QueueDepth } from '../../options/client-options.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import type { ChannelPool } from '../connection/channel-pool.ts';
import type { ConfirmedPublisher } from '../publish/confirmed-publisher.ts';

/** Creates queues for a publisher, and looks whether they are there. */
export class QueueDeclarer {
  readonly #channels: ChannelPool;
  readonly #publisher: ConfirmedPublisher;
  readonly #options: ResolvedOptions;

  /**
   * @param channels each declare has one alone, as a refusal closes it
   * @param publisher knows why the broker does not answer
   * @param options
   */
  constructor(channels: ChannelPool, publisher: ConfirmedPublisher, options: ResolvedOptions) {
    this.#channels = channels;
    this.#publisher = publisher;
    this.#options = options;
  }

  /** Creates the queue if there is none. @returns how many messages are in it */
  async declare(queue: string): Promise<number> {
    const { queueType } = this.#options;
    const options =
      queueType === 'default'
        ? { durable: true }
        : { durable: true, arguments: { 'x-queue-type': queueType } };
    const { messageCount } = await this.#request((channel) => channel.assertQueue(queue, options));
    return messageCount;
  }

  /** @throws TaskQueueError `QUEUE_NOT_FOUND` */
  async depth(queue: string): Promise<QueueDepth> {
    const { messageCount, consumerCount } = await this.#request((channel) => channel.checkQueue(queue));
    return { messages: messageCount, consumers: consumerCount };
  }

  /** Whether there is such a queue. Looks once more when the connection is lost. */
  async exists(queue: string): Promise<boolean> {
    const mayRetry = (error: unknown) => hasCode(error, ErrorCode.connectionLost);
    try {
      await retry(() => this.depth(queue), { attempts: 2, mayRetry });
      return true;
    } catch (error) {
      if (hasCode(error, ErrorCode.queueNotFound)) return false;
      throw error;
    }
  }

  async #request<T>(start: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      return await this.#channels.use((lease) => lease.request(start));
    } catch (error) {
      // The connection may be blocked by now.
      const isLate = hasCode(error, ErrorCode.noAnswer, ErrorCode.busy);
      throw (isLate && this.#publisher.blockedError()) || error;
    }
  }
}
