import type { ConsumeMessage } from 'amqplib';
import { ErrorCode, TaskQueueError } from '../errors.ts';
import { Consumption, MAX_PREFETCH } from './consumption.ts';
import { CONSUMER_TIMEOUT_HINT } from './errors.ts';
import type { ChannelLease } from './pooled-channel.ts';

export interface BulkOptions {
  /** Read at most this many. */
  limit: number;
  /** At most this many at once go to the handler. Unless it is one, the broker sends as many again meanwhile. */
  batchSize: number;
  /**
   * Only these are handled; the others are held back until the end, and are then where they were. They count
   * for `limit`, not for `most`.
   */
  select?: ((message: ConsumeMessage) => boolean) | undefined;
  /** Handle at most this many. */
  most?: number | undefined;
  /** Acknowledge when everything has been handled, and not batch by batch. */
  allOrNone?: boolean | undefined;
  /**
   * With `allOrNone`: deletes the queue with all that is held of it, if nobody else uses it; answers whether it has. RabbitMQ
   * takes 250 ms to have 50,000 messages acknowledged, and 30 ms for this.
   */
  deleteQueue?: (() => Promise<boolean>) | undefined;
  /** Whether it is a plain classic queue; `undefined` when there is none. */
  isPlain: () => Promise<boolean | undefined>;
  /** Stops between two batches. */
  signal?: AbortSignal | undefined;
  /** How long a queue that is not empty may deliver nothing. */
  operationTimeoutMs: number;
  /** Told after each acknowledgement. */
  onRemoved: (count: number) => void;
}

/**
 * Consumes a queue in order, up to a limit, or until it is empty, whichever comes first: others may be
 * reading it too. A batch is acknowledged when the handler has resolved. Everything else that was delivered
 * goes back to its place, and has done so when this returns or rejects.
 * @param handle is told how many were handed over before
 * @returns how many messages were handled and acknowledged
 */
export async function consumeInBatches(
  lease: ChannelLease,
  queue: string,
  options: BulkOptions,
  handle: (batch: ConsumeMessage[], before: number) => Promise<void> | void,
): Promise<number> {
  const { limit, batchSize, select, allOrNone = false, signal, operationTimeoutMs, onRemoved } = options;
  const { most = limit, deleteQueue } = options;
  const prefetch = sentUnacknowledged(options);
  const consumption = await Consumption.start(lease, queue, prefetch, options.isPlain);
  const handled = new HandledMessages(lease, select !== undefined);
  /**
   * RabbitMQ 4.3 cancels a consumer that holds messages of a quorum queue for longer than consumer_timeout; earlier ones
   * close the channel. To acknowledge them then does nothing, and nobody says so.
   */
  const throwIfTakenBack = async () => {
    if (!consumption.isCancelled) return;
    const queueNow = await consumption.queueNow();
    // Deleted with what was held, and perhaps declared again: what was handled is nowhere else, and must not be given up.
    if (queueNow === 'missing' || (queueNow === 'plain' && allOrNone)) return;
    throw takenBackError(queue);
  };
  const acknowledge = () => onRemoved(consumption.isCancelled ? handled.settle() : handled.acknowledge());
  let seen = 0;
  try {
    while (seen < limit && handled.count < most && !signal?.aborted) {
      const wanted = Math.min(batchSize, limit - seen);
      const batch = await consumption.take(1, wanted, operationTimeoutMs, signal);
      await throwIfTakenBack();
      if (batch.length === 0 || signal?.aborted) break;
      seen += batch.length;
      const selected = select ? batch.filter(select).slice(0, most - handled.count) : batch;
      if (selected.length === 0) continue;
      await handle(selected, handled.count);
      await throwIfTakenBack();
      handled.add(selected);
      if (!allOrNone) acknowledge();
    }
    const isNone = handled.count === 0 || (allOrNone && signal?.aborted);
    if (!isNone && !consumption.isCancelled) await consumption.hearOut();
    await throwIfTakenBack();
    if (allOrNone && !isNone) {
      const isLong = handled.count > batchSize;
      // All that could come has come and was handled: nothing that has to go back may be held by then.
      const isWhole = handled.count === prefetch;
      if (deleteQueue && isLong && isWhole && !consumption.isCancelled)
        onRemoved(await removeWithQueue(consumption, handled, deleteQueue));
      else acknowledge();
    }
  } finally {
    await consumption.end();
  }
  return handled.acknowledged;
}

/**
 * How many the broker may have sent that are not acknowledged; 0 for any number. The next batch, so that it need not wait
 * for the handling of this one; but whoever handles messages one by one may take long, and holds none that another could
 * handle. What is held until the end counts all the time, and reading would come to a halt: where it may be all, it is the
 * limit, so that nothing comes behind it, if AMQP has such a number.
 */
function sentUnacknowledged({ limit, batchSize, select, allOrNone }: BulkOptions): number {
  if (select) return 0;
  if (allOrNone) return limit <= MAX_PREFETCH ? limit : 0;
  return Math.min(batchSize === 1 ? 1 : 2 * batchSize, limit);
}

/**
 * Removes what was handled together with its queue, or by an acknowledgement where that cannot be.
 * @returns how many that were
 */
async function removeWithQueue(
  consumption: Consumption,
  handled: HandledMessages,
  deleteQueue: () => Promise<boolean>,
): Promise<number> {
  await consumption.stop();
  let isDeleted: boolean | undefined;
  try {
    isDeleted = await deleteQueue();
  } catch {
    // Nobody knows. It makes no difference where the acknowledgement arrives.
  }
  if (isDeleted) return handled.settle();
  try {
    return handled.acknowledge();
  } catch (error) {
    if (isDeleted === false) throw error;
    // They may be gone already, so they must not be given up for what comes with another try: at worst they come twice.
    return handled.settle();
  }
}

function takenBackError(queue: string): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.connectionLost,
    `The broker cancelled the reading of the queue ${queue}: what was held too long is back in it, or it was deleted`,
    { hint: CONSUMER_TIMEOUT_HINT },
  );
}

/** What a handler has taken care of, so that the broker may forget it. */
class HandledMessages {
  readonly #lease: ChannelLease;
  readonly #hasGaps: boolean;
  #waiting: ConsumeMessage[] = [];
  #count = 0;
  #acknowledged = 0;

  /** @param hasGaps messages between these may be held back */
  constructor(lease: ChannelLease, hasGaps: boolean) {
    this.#lease = lease;
    this.#hasGaps = hasGaps;
  }

  get count(): number {
    return this.#count;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  add(messages: ConsumeMessage[]): void {
    this.#count += messages.length;
    // Without gaps the last one stands for all before it, and those need not be kept.
    this.#waiting = this.#hasGaps ? this.#waiting.concat(messages) : messages.slice(-1);
  }

  /** @returns how many that were, since the last time */
  acknowledge(): number {
    this.#lease.throwIfEnded();
    const { channel } = this.#lease;
    for (const message of this.#waiting) channel.ack(message, !this.#hasGaps);
    return this.settle();
  }

  /** They are removed, however that was done. @returns how many that were, since the last time */
  settle(): number {
    this.#waiting = [];
    const before = this.#acknowledged;
    this.#acknowledged = this.#count;
    return this.#count - before;
  }
}

/**
 * The oldest messages of a queue, up to a number, which are all back at their place when this resolves.
 * @param count no more than there are, or it takes a little longer to see that there are none
 */
export async function consumeAndGiveBack(
  lease: ChannelLease,
  queue: string,
  count: number,
  operationTimeoutMs: number,
): Promise<ConsumeMessage[]> {
  const consumption = await Consumption.start(lease, queue, count);
  try {
    return await consumption.take(count, count, operationTimeoutMs);
  } finally {
    await consumption.end();
  }
}
