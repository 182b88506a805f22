import type { Channel, ConsumeMessage } from 'amqplib';
import type { ChannelLease } from '../connection/channel-lease.ts';
import type { WindowDelivery } from './queue-windows.ts';

/** Messages that a handler has finished with, to be acknowledged. */
export class HeldMessages {
  /** Per channel: acknowledge up to this delivery. */
  readonly #upTo = new Map<ChannelLease, number>();
  /** Per channel: acknowledge these deliveries one by one, as others between them stay unacknowledged. */
  readonly #single = new Map<ChannelLease, number[]>();
  #hasGaps = false;
  #count = 0;
  #removed = 0;

  /** Whether some of the deliveries stay unacknowledged. */
  get hasGaps(): boolean {
    return this.#hasGaps;
  }

  /** How many were handled. */
  get count(): number {
    return this.#count;
  }

  /** How many are removed from the queue. */
  get removed(): number {
    return this.#removed;
  }

  /**
   * @param deliveries what was handled
   * @param isWhole whether these are all the deliveries since the last call
   */
  add(deliveries: readonly WindowDelivery[], isWhole: boolean): void {
    if (!isWhole) this.#hasGaps = true;
    for (const { lease, message } of deliveries) {
      const { deliveryTag } = message.fields;
      if (!this.#hasGaps) this.#upTo.set(lease, deliveryTag);
      else if (this.#single.has(lease)) this.#single.get(lease)?.push(deliveryTag);
      else this.#single.set(lease, [deliveryTag]);
    }
    this.#count += deliveries.length;
  }

  /**
   * @param later how many of the last ones are acknowledged another time; 0 where there are gaps
   * @returns how many were removed, since the last time
   */
  acknowledge(later = 0): number {
    const removed = this.#count - later - this.#removed;
    if (removed <= 0) return 0;
    for (const [lease, tag] of this.#upTo) acknowledge(lease, tag - later, true);
    if (later > 0) {
      this.#removed += removed;
      return removed;
    }
    for (const [lease, tags] of this.#single) for (const tag of tags) acknowledge(lease, tag, false);
    return this.markRemoved();
  }

  /** Marks everything handled as removed. @returns how many were removed since the last call */
  markRemoved(): number {
    this.#upTo.clear();
    this.#single.clear();
    const before = this.#removed;
    this.#removed = this.#count;
    return this.#count - before;
  }
}

function acknowledge(lease: ChannelLease, deliveryTag: number, allUpTo: boolean): void {
  lease.throwIfEnded();
  const { channel }: { channel: Channel } = lease;
  channel.ack({ fields: { deliveryTag } } as ConsumeMessage, allUpTo);
}
