import type { ConsumeMessage } from 'amqplib';
import type { ChannelLease } from '../connection/channel-lease.ts';
import { Consumption, type FindKind, MAX_PREFETCH, type QueueStatus } from './consumption.ts';

/** How many more messages each further channel may hold than the one before. */
const GROWTH = 256;

/** A delivery and the channel that holds it. */
export interface WindowDelivery {
  message: ConsumeMessage;
  lease: ChannelLease;
}

interface Window {
  consumption: Consumption;
  lease: ChannelLease;
  /** How many messages it may hold; 0 means any number. */
  prefetch: number;
  /** How many of those are kept until the end. */
  kept: number;
}

export interface QueueWindowsOptions {
  isClassic: boolean;
  findKind: FindKind;
}

/**
 * Reads a queue in order while some of its messages are kept unacknowledged until the end.
 *
 *     window 1: k k a k a k        full: all that it may hold is kept (k), the rest acknowledged (a)
 *     window 2: a k a …            delivers now
 *
 * Each window is a consumer on a channel of its own. For an acknowledgement RabbitMQ walks through what its channel holds
 * from the oldest on (rabbit_channel.erl, collect_acks): with 70,000 kept on one channel, 1,400 acknowledgements took a
 * minute. Later windows are larger, for a broker limits the number of channels.
 */
export class QueueWindows {
  readonly #queue: string;
  readonly #options: QueueWindowsOptions;
  readonly #windows: Window[] = [];

  constructor(queue: string, options: QueueWindowsOptions) {
    this.#queue = queue;
    this.#options = options;
  }

  /** The window that delivers now. */
  get current(): Consumption {
    return this.#last.consumption;
  }

  /** The broker has ended the reading: the queue is deleted, or what was held is back in it. */
  get isCancelled(): boolean {
    return this.#windows.some(({ consumption }) => consumption.isCancelled);
  }

  /** Begins another window. @param prefetch how many messages it may hold unacknowledged; 0 for any number */
  async open(lease: ChannelLease, prefetch: number): Promise<void> {
    const { findKind, isClassic } = this.#options;
    const consumption = new Consumption(lease, this.#queue, findKind);
    await consumption.start(prefetch, isClassic);
    this.#windows.push({ consumption, lease, prefetch, kept: 0 });
  }

  /** The next deliveries, as {@link Consumption.next} gives them. */
  async next(most: number, signal: AbortSignal | undefined): Promise<WindowDelivery[]> {
    const { prefetch, kept, lease: full } = this.#last;
    if (prefetch > 0 && kept >= prefetch) {
      const another = await full.openAnother();
      try {
        await this.open(another, Math.min(prefetch + GROWTH, MAX_PREFETCH));
      } catch (error) {
        // A broker that answers late would deliver to a consumer that nobody reads. The closing need not be awaited.
        another.close().catch(() => {});
        throw error;
      }
    }
    const { consumption, lease } = this.#last;
    const messages = await consumption.next(most, signal);
    return messages.map((message) => ({ message, lease }));
  }

  /** Counts deliveries that stay unacknowledged until the end. */
  keep(count: number): void {
    this.#last.kept += count;
  }

  /** Resolves when what the broker said before is known; rejects when it has closed a channel. */
  async sync(): Promise<void> {
    await Promise.all(this.#windows.map(({ consumption }) => consumption.sync()));
  }

  /** Throws why a channel ended, the first one before others: those may know only that the connection was lost after that. */
  throwIfEnded(): void {
    for (const { lease } of this.#windows) lease.throwIfEnded();
  }

  /** After a cancel: what the queue is now. */
  async inspectQueue(): Promise<QueueStatus> {
    const cancelled = this.#windows.find(({ consumption }) => consumption.isCancelled) ?? this.#last;
    return cancelled.consumption.inspectQueue();
  }

  /**
   * Requeues what is unacknowledged, the oldest first: a quorum queue keeps messages in the order in which they come
   * back.
   * @returns whether the broker has answered for all of them
   */
  async end(): Promise<boolean> {
    let isAnswered = true;
    for (const { consumption } of this.#windows) isAnswered = (await consumption.end()) && isAnswered;
    return isAnswered;
  }

  get #last(): Window {
    return this.#windows.at(-1) as Window;
  }
}
