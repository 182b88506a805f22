import type { Channel, ConsumeMessage } from 'amqplib';
import type { ChannelLease } from '../connection/pooled-channel.ts';
import type { WindowDelivery } from './queue-windows.ts';

/** What a handler has taken care of, so that the broker may forget it. */
export class HeldMessages {
  /** Of each channel: this delivery and all before it. */
  readonly #upTo = new Map<ChannelLease, number>();
  /** Of each channel: these deliveries, between which others stay unacknowledged. */
  readonly #single = new Map<ChannelLease, number[]>();
  #hasGaps = false;
  #count = 0;
  #removed = 0;

  /** Some of what was delivered stays unacknowledged. */
  get hasGaps(): boolean {
    return this.#hasGaps;
  }

  /** All that were handled. */
  get count(): number {
    return this.#count;
  }

  /** All that the broker need not keep any more. */
  get removed(): number {
    return this.#removed;
  }

  /**
   * @param deliveries what was handled
   * @param isWhole whether that is all that has come since the last call
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

  /** @returns how many that were, since the last time */
  acknowledge(): number {
    for (const [lease, tag] of this.#upTo) acknowledge(lease, tag, true);
    for (const [lease, tags] of this.#single) for (const tag of tags) acknowledge(lease, tag, false);
    return this.markRemoved();
  }

  /** They are removed, however that was done. @returns how many that were, since the last time */
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
