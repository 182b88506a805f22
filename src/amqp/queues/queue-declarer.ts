import type { Channel } from 'amqplib';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
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
  async declare(queue: string, what: string): Promise<number> {
    const { queueType } = this.#options;
    const options =
      queueType === 'default'
        ? { durable: true }
        : { durable: true, arguments: { 'x-queue-type': queueType } };
    const { messageCount } = await this.#request(what, (channel) => channel.assertQueue(queue, options));
    return messageCount;
  }

  /** @throws TaskQueueError `QUEUE_NOT_FOUND` */
  async depth(queue: string, what: string): Promise<number> {
    const { messageCount } = await this.#request(what, (channel) => channel.checkQueue(queue));
    return messageCount;
  }

  /** Whether there is such a queue. Looks once more when the connection is lost. */
  async exists(queue: string, what: string): Promise<boolean> {
    for (let attempts = 1; ; attempts++) {
      try {
        await this.depth(queue, what);
        return true;
      } catch (error) {
        if (hasCode(error, ErrorCode.queueNotFound)) return false;
        if (!hasCode(error, ErrorCode.connectionLost) || attempts > 1) throw error;
      }
    }
  }

  async #request<T>(what: string, start: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      return await this.#channels.use(what, (lease) => lease.request(start));
    } catch (error) {
      // It may be blocked in the meantime.
      const isLate = hasCode(error, ErrorCode.noAnswer) || hasCode(error, ErrorCode.busy);
      throw (isLate && this.#publisher.blockedError(what)) || error;
    }
  }
}
