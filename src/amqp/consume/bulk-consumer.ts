import type { ConsumeMessage } from 'amqplib';
import { ErrorCode } from '../../errors/task-queue-error.ts';
import type { StoredMessage } from '../../messages/stored-message.ts';
import type { BatchHandler } from '../../options/client-options.ts';
import type { ChannelLease } from '../connection/pooled-channel.ts';
import { CONSUMER_TIMEOUT_HINT } from '../errors/amqp-errors.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';
import { Consumption, MAX_PREFETCH } from './consumption.ts';
import { toStoredMessage } from './delivery.ts';
import { HeldMessages } from './held-messages.ts';
import { QueueWindows, type WindowDelivery } from './queue-windows.ts';

export interface BulkOptions {
  taskId: string;
  /** Read at most this many. */
  limit: number;
  /** At most this many at once go to the handler. Unless it is one, the broker sends as many again meanwhile. */
  batchSize: number;
  /**
   * Only these are handled; the others are kept until the end, and are then where they were. They count for `limit`, not
   * for `most`.
   */
  select?: ((message: StoredMessage) => boolean) | undefined;
  /** Handle at most this many. */
  most?: number | undefined;
  /** Acknowledge when everything has been handled, and not batch by batch. */
  allOrNone?: boolean | undefined;
  /**
   * With `allOrNone`: deletes the queue with all that is held of it, if nobody else uses it; answers whether it has. RabbitMQ
   * takes 250 ms to have 50,000 messages acknowledged, and 30 ms for this.
   */
  deleteQueue?: (() => Promise<boolean>) | undefined;
  /** Another channel of the same connection. */
  openChannel: () => Promise<ChannelLease>;
  /** Whether it is a plain classic queue; `undefined` when there is none. */
  isPlain: () => Promise<boolean | undefined>;
  /** Stops between two batches. */
  signal?: AbortSignal | undefined;
  /** How long a queue that is not empty may deliver nothing. */
  operationTimeoutMs: number;
  /** Called after each batch with how many messages were read so far. */
  onRead?: ((count: number) => void) | undefined;
  /** Called after each acknowledgement. */
  onRemoved: (count: number) => void;
}

/**
 * The first channel holds so many that are kept, where any are; or where each message is handled alone, which may take
 * long, while what was sent ahead is withheld from other readers.
 */
const KEPT_WINDOW = 2_000;
const KEPT_WINDOW_ONE_BY_ONE = 100;

/**
 * Consumes a queue in order, up to a limit, or until it is empty, whichever comes first: others may be
 * reading it too. A batch is acknowledged when the handler has resolved, but for those that it returns. Everything else
 * that was delivered goes back to its place, and has done so when this returns or rejects.
 * @returns how many messages were handled and acknowledged
 */
export async function consumeInBatches(
  lease: ChannelLease,
  queue: string,
  options: BulkOptions,
  handle: BatchHandler,
): Promise<number> {
  const { taskId, limit, batchSize, select, allOrNone = false, signal, onRead, onRemoved } = options;
  const { most = limit, deleteQueue } = options;
  const prefetch = prefetchFor(options);
  const windows = await QueueWindows.open(lease, queue, { ...options, prefetch });
  const held = new HeldMessages();
  /**
   * RabbitMQ 4.3 cancels a consumer that holds messages of a quorum queue for longer than consumer_timeout; earlier ones
   * close the channel. To acknowledge them then does nothing, and nobody says so.
   */
  const throwIfTakenBack = async () => {
    if (!windows.isCancelled) return;
    const queueNow = await windows.inspectQueue();
    // Deleted with what was held, and perhaps declared again: what was handled is nowhere else, and must not be given up.
    if (queueNow === 'missing') return;
    // Somebody who may not ask what it is has a classic queue, as a rule, which does not cancel what holds messages for long.
    if (allOrNone && (queueNow === 'plain' || queueNow === 'not permitted')) return;
    throw takenBackError(queue);
  };
  const acknowledge = () => onRemoved(windows.isCancelled ? held.markRemoved() : held.acknowledge());
  const handleBatch = async (deliveries: WindowDelivery[], before: number) => {
    const messages = deliveries.map(({ message }) => toStoredMessage(taskId, message));
    const selected = select ? messages.filter(select).slice(0, most - before) : messages;
    const kept = selected.length === 0 ? undefined : await handle(selected, before);
    if (selected.length === messages.length && !kept?.length) return held.add(deliveries, true);
    const removable = new Set(selected);
    for (const message of kept ?? []) removable.delete(message);
    const handled = deliveries.filter((_, index) => removable.has(messages[index] as StoredMessage));
    windows.keep(deliveries.length - handled.length);
    held.add(handled, false);
  };
  let seen = 0;
  let before = 0;
  let isStopped = false;
  try {
    while (seen < limit && before < most && !signal?.aborted) {
      const deliveries = await windows.next(Math.min(batchSize, limit - seen), signal);
      await throwIfTakenBack();
      if (deliveries.length === 0 || signal?.aborted) break;
      await handleBatch(deliveries, before);
      await throwIfTakenBack();
      seen += deliveries.length;
      before = held.count;
      onRead?.(seen);
      if (allOrNone) continue;
      const isLast = seen === limit || held.count === most;
      if (isLast && !held.hasGaps && windows.current.received === seen) {
        // Otherwise the acknowledgement would bring more, which nobody else could see for a moment.
        await windows.current.stop();
        await throwIfTakenBack();
        isStopped = true;
      }
      acknowledge();
    }
    const isNone = held.count === 0 || (allOrNone && signal?.aborted);
    if (!isNone && !isStopped && !windows.isCancelled) await windows.sync();
    await throwIfTakenBack();
    if (allOrNone && !isNone) {
      const isLong = held.count > batchSize;
      // All that could come has come and was handled: nothing that has to go back may be held by then.
      const isWhole = held.count === prefetch;
      if (deleteQueue && isLong && isWhole && !windows.isCancelled)
        onRemoved(await removeWithQueue(windows.current, held, deleteQueue));
      else acknowledge();
    }
  } finally {
    await windows.end();
  }
  return held.removed;
}

/**
 * How many the broker may have sent that are not acknowledged; 0 for any number. The next batch, so that it need not wait
 * for the handling of this one; but whoever handles messages one by one may take long, and holds none that another could
 * handle. What is held until the end counts all the time: where all may be, it is the limit, so that nothing comes behind
 * it, if AMQP has such a number.
 */
function prefetchFor({ limit, batchSize, select, allOrNone }: BulkOptions): number {
  if (allOrNone) return limit <= MAX_PREFETCH ? limit : 0;
  if (select) return Math.min(batchSize === 1 ? KEPT_WINDOW_ONE_BY_ONE : KEPT_WINDOW, limit);
  return Math.min(batchSize === 1 ? 1 : 2 * batchSize, limit, MAX_PREFETCH);
}

/**
 * Removes what was handled together with its queue, or by an acknowledgement where that cannot be.
 * @returns how many that were
 */
async function removeWithQueue(
  consumption: Consumption,
  held: HeldMessages,
  deleteQueue: () => Promise<boolean>,
): Promise<number> {
  await consumption.stop();
  let isDeleted: boolean | undefined;
  try {
    isDeleted = await deleteQueue();
  } catch {
    // Nobody knows. It makes no difference where the acknowledgement arrives.
  }
  if (isDeleted) return held.markRemoved();
  try {
    return held.acknowledge();
  } catch (error) {
    if (isDeleted === false) throw error;
    // They may be gone already, so they must not be given up for what comes with another try: at worst they come twice.
    return held.markRemoved();
  }
}

function takenBackError(queue: string): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.connectionLost,
    `the broker cancelled the reading of the queue ${queue}: what was held too long is back in it, or it was deleted`,
    { hint: CONSUMER_TIMEOUT_HINT },
  );
}

/**
 * Hands over the oldest messages of a queue, up to a number, batch by batch; all are back at their place when this
 * resolves.
 * @param count no more than there are, or it takes a little longer to see that there are none
 */
export async function consumeAndGiveBack(
  lease: ChannelLease,
  queue: string,
  count: number,
  operationTimeoutMs: number,
  handle: (batch: ConsumeMessage[]) => Promise<void> | void,
): Promise<void> {
  const consumption = await Consumption.start(lease, queue, count);
  try {
    for (let seen = 0; seen < count; ) {
      const batch = await consumption.next(count - seen, operationTimeoutMs);
      if (batch.length === 0) break;
      seen += batch.length;
      await handle(batch);
    }
  } finally {
    await consumption.end();
  }
}
