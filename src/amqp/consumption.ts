import type { ConsumeMessage } from 'amqplib';
import { ErrorCode, TaskQueueError } from '../errors.ts';
import type { ChannelLease } from './channel-pool.ts';
import { DeliveryInbox } from './delivery-inbox.ts';

/** How long no delivery comes before the broker is asked whether there is anything left. */
const QUIET_MS = 20;

/** AMQP's prefetch count is a 16-bit number; 0 means without limit. */
const MAX_PREFETCH = 65_535;

/**
 * A consumer of one queue for a short while, for reading what is there.
 *
 * A consumer rather than gets: not only for its speed, but because the queue is in use while it is there.
 * RabbitMQ's conditional delete does not count messages that are held unacknowledged: it takes a queue for
 * empty while somebody looks at its only message, and deletes both, unless somebody consumes.
 */
export class Consumption {
  readonly #lease: ChannelLease;
  readonly #queue: string;
  readonly #consumerTag: string;
  readonly #inbox: DeliveryInbox;
  readonly #stopListening: () => void;
  #isConsuming = true;
  #progressAt = Date.now();
  #isExhausted = false;

  /** @param prefetch how many may be held unacknowledged; 0 for any number */
  static async start(lease: ChannelLease, queue: string, prefetch: number): Promise<Consumption> {
    const inbox = new DeliveryInbox();
    await lease.request((channel) => channel.prefetch(Math.min(prefetch, MAX_PREFETCH)));
    const stopListening = lease.onEnd((reason) => inbox.fail(reason));
    try {
      const { consumerTag } = await lease.request((channel) =>
        channel.consume(queue, (message) => inbox.put(message)),
      );
      return new Consumption(lease, queue, consumerTag, inbox, stopListening);
    } catch (error) {
      stopListening();
      throw error;
    }
  }

  private constructor(
    lease: ChannelLease,
    queue: string,
    consumerTag: string,
    inbox: DeliveryInbox,
    stopListening: () => void,
  ) {
    this.#lease = lease;
    this.#queue = queue;
    this.#consumerTag = consumerTag;
    this.#inbox = inbox;
    this.#stopListening = stopListening;
  }

  /** Deliveries so far, those taken included. */
  get received(): number {
    return this.#inbox.received;
  }

  /**
   * The next deliveries, as soon as there are `least`; fewer when the queue is empty, or when the signal says
   * so. No more than `most`.
   * @throws TaskQueueError `TIMEOUT` when the queue is not empty and yet nothing comes
   */
  async take(
    least: number,
    most: number,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<ConsumeMessage[]> {
    const inbox = this.#inbox;
    while (inbox.size < least && !inbox.isCancelled && !this.#isExhausted && !signal?.aborted) {
      if (await inbox.waitForMore(QUIET_MS, signal)) {
        this.#progressAt = Date.now();
        continue;
      }
      // Twice, as the first answer may overtake a delivery that was already on its way.
      const before = inbox.received;
      this.#isExhausted =
        (await this.#depth()) === 0 && (await this.#depth()) === 0 && inbox.received === before;
      if (Date.now() - this.#progressAt > timeoutMs) throw starvedError(this.#queue, timeoutMs);
    }
    this.#progressAt = Date.now();
    return inbox.take(most);
  }

  /**
   * Ends the consumer. What is sent on the channel right after this call, an acknowledgement say, reaches the
   * broker directly behind it: nothing is delivered in between, and the queue is not for a moment unused
   * while it has messages that are held.
   */
  async cancel(): Promise<void> {
    if (!this.#isConsuming) return;
    this.#isConsuming = false;
    if (this.#inbox.isCancelled) return;
    await this.#lease.request((channel) => channel.cancel(this.#consumerTag));
  }

  /**
   * Gives back, to its place, whatever is held and not acknowledged. Resolves when the broker has done that
   * and all before it. Never rejects: when the channel has ended, the broker does it by itself.
   */
  async giveBackTheRest(): Promise<void> {
    this.#stopListening();
    try {
      const cancelled = this.cancel();
      this.#lease.channel.nackAll(true);
      await cancelled;
      // Deliveries that crossed with the cancel.
      this.#lease.channel.nackAll(true);
      await this.#depth();
    } catch {
      // The channel has ended, and with that everything it held is back; or the queue is gone.
    }
  }

  async #depth(): Promise<number> {
    const { messageCount } = await this.#lease.request((channel) => channel.checkQueue(this.#queue));
    return messageCount;
  }
}

function starvedError(queue: string, ms: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.timeout,
    `The queue ${queue} is not empty, but delivered nothing for ${ms} ms`,
    { hint: 'Another consumer may hold it alone (single active consumer).' },
  );
}
