import { ErrorCode } from '../../errors/task-queue-error.ts';
import type { StoredMessage } from '../../messages/stored-message.ts';
import type { BatchHandler } from '../../options/client-options.ts';
import type { ChannelLease } from '../connection/channel-lease.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';
import { CONSUMER_TIMEOUT_HINT } from '../errors/queue-refusals.ts';
import { type Consumption, type FindKind, MAX_PREFETCH } from './consumption.ts';
import { toStoredMessage } from './delivery.ts';
import { HeldMessages } from './held-messages.ts';
import { QueueWindows, type WindowDelivery } from './queue-windows.ts';

export interface BulkOptions {
  taskId: string;
  /** Read at most this many. */
  limit: number;
  /** The handler gets at most this many at once. Unless it is 1, the broker sends as many again meanwhile. */
  batchSize: number;
  /**
   * Only these are handled. The others stay unacknowledged until the end, and then go back to their places. They
   * count towards `limit`, not `most`.
   */
  select?: ((message: StoredMessage) => boolean) | undefined;
  /** Handle at most this many. */
  most?: number | undefined;
  /** Acknowledge once everything has been handled, rather than batch by batch. */
  allOrNone: boolean;
  /**
   * With `allOrNone`: deletes the queue together with the messages held, unless somebody else uses it; returns
   * whether it did. RabbitMQ takes 250 ms to acknowledge 50,000 messages, and 30 ms for this.
   */
  deleteQueue?: (() => Promise<boolean>) | undefined;
  /** Without `allOrNone`: resolve even if the broker may not have received the last acknowledgement. */
  keepsResult?: boolean | undefined;
  /** It is known that the queue is classic, and so may be mirrored. */
  isClassic: boolean;
  findKind: FindKind;
  /** Stops between two batches. */
  signal?: AbortSignal | undefined;
  /** Called after each batch with how many messages were read so far. */
  onRead: (count: number) => Promise<void>;
  /** Called after each acknowledgement. */
  onRemoved: (count: number) => Promise<void>;
}

/**
 * How many messages the first channel holds when some are kept back. Fewer when messages are handled one by one: that
 * may take long, and what was sent ahead is withheld from other readers.
 */
const KEPT_WINDOW = 2_000;
const KEPT_WINDOW_ONE_BY_ONE = 100;

/**
 * Consumes a queue in order, up to a limit or until it is empty; others may be reading it too. A batch is
 * acknowledged when the handler resolves, except for the messages that it returns. Everything else that was delivered
 * is back at its place when this resolves or rejects.
 * @throws AmqpFailure `CONNECTION_LOST` when the broker has not confirmed that the last ones are removed
 * @returns whether the queue was deleted meanwhile
 */
export async function consumeInBatches(
  lease: ChannelLease,
  queue: string,
  options: BulkOptions,
  handle: BatchHandler,
): Promise<boolean> {
  const { taskId, limit, batchSize, select, allOrNone, signal, onRead, onRemoved } = options;
  const { most = limit, deleteQueue, keepsResult = false, isClassic } = options;
  const prefetch = prefetchFor(options);
  /**
   * How many are acknowledged before all have come. Any more would bring messages beyond the limit, and a quorum queue counts
   * it as a delivery when these go back.
   */
  const early = isClassic || select ? limit : limit - prefetch;
  const windows = new QueueWindows(queue, options);
  await windows.open(lease, prefetch);
  const held = new HeldMessages();
  /**
   * RabbitMQ 4.3 cancels a consumer that holds messages of a quorum queue for longer than consumer_timeout; earlier ones
   * close the channel. Acknowledging them then does nothing, without an error.
   */
  const throwIfTakenBack = async () => {
    if (!windows.isCancelled) return;
    const queueStatus = await windows.inspectQueue();
    // Deleted together with what was held, and perhaps declared again: what was handled exists nowhere else, so keep
    // it.
    if (queueStatus === 'missing') return;
    // Without permission to ask, assume a classic queue: those never cancel a consumer for holding messages too long.
    if (allOrNone && (queueStatus === 'plain' || queueStatus === 'not permitted')) return;
    throw takenBackError(queue);
  };
  const acknowledge = async (later = 0) => {
    const removed = windows.isCancelled ? held.markRemoved() : held.acknowledge(later);
    if (removed > 0) await onRemoved(removed);
  };
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
  /** How many of those that were handled may be acknowledged. */
  let done = 0;
  let isStopped = false;
  let isDeleted = false;
  let isAnswered = false;
  try {
    while (seen < limit && before < most && !signal?.aborted) {
      const deliveries = await windows.next(Math.min(batchSize, limit - seen), signal);
      await throwIfTakenBack();
      if (deliveries.length === 0 || signal?.aborted) break;
      await handleBatch(deliveries, before);
      await throwIfTakenBack();
      seen += deliveries.length;
      before = held.count;
      await onRead(seen);
      done = held.count;
      if (allOrNone) continue;
      const isLast = seen === limit || held.count === most;
      // Nothing is on its way that would be held after the stop.
      const isFull = held.count - held.removed === prefetch;
      if (isLast && !held.hasGaps && isFull && windows.current.received === seen) {
        // Otherwise the acknowledgement would bring another delivery, which others could not see for a moment.
        await windows.current.stop();
        await throwIfTakenBack();
        isStopped = true;
      }
      await acknowledge(isLast || held.hasGaps ? 0 : Math.max(0, held.count - early));
    }
    if (!allOrNone) await acknowledge();
    const isNone = held.count === 0 || (allOrNone && signal?.aborted);
    if (!isNone && !isStopped && !windows.isCancelled) await windows.sync();
    await throwIfTakenBack();
    isDeleted = windows.isCancelled;
    if (allOrNone && !isNone) {
      const isLong = held.count > batchSize;
      // Everything that can come has come and was handled: nothing that has to go back may be held here.
      const isWhole = held.count === prefetch;
      if (deleteQueue && isLong && isWhole && !windows.isCancelled)
        await onRemoved(await removeWithQueue(lease, windows.current, held, deleteQueue));
      else await acknowledge();
    }
  } catch (error) {
    // What was handled before is to be removed, unless it is back.
    if (!allOrNone && !held.hasGaps && !windows.isCancelled)
      await acknowledge(held.count - done).catch(() => {});
    if (!windows.isCancelled) windows.throwIfEnded();
    throw error;
  } finally {
    isAnswered = await windows.end();
  }
  // What was acknowledged before is known to be removed by the answer to a later request.
  if (isStopped && !isDeleted && !isAnswered && !keepsResult) throw unansweredError();
  return isDeleted;
}

/**
 * The prefetch count; 0 means unlimited. Normally two batches, so that the next one arrives while this one is
 * handled. Handling messages one by one may take long, so nothing is prefetched that another reader could handle.
 * Messages held until the end count all the time: with `allOrNone` it is the limit, if AMQP can express it, so that
 * nothing beyond it arrives.
 */
function prefetchFor({ limit, batchSize, select, allOrNone }: BulkOptions): number {
  if (allOrNone) return limit <= MAX_PREFETCH ? limit : 0;
  if (select) return Math.min(batchSize === 1 ? KEPT_WINDOW_ONE_BY_ONE : KEPT_WINDOW, limit);
  return Math.min(batchSize === 1 ? 1 : 2 * batchSize, limit, MAX_PREFETCH);
}

/**
 * Removes what was handled by deleting the queue, or by an acknowledgement where that is not possible.
 * @returns how many were removed
 */
async function removeWithQueue(
  lease: ChannelLease,
  consumption: Consumption,
  held: HeldMessages,
  deleteQueue: () => Promise<boolean>,
): Promise<number> {
  lease.throwIfEnded();
  try {
    await consumption.stop();
  } catch {
    // If the broker has stopped it, the next conditional delete finds the queue empty and unused, and deletes what is held.
    return held.markRemoved();
  }
  let isDeleted: boolean | undefined;
  try {
    isDeleted = await deleteQueue();
  } catch {
    // Unknown. It makes no difference if the acknowledgement arrives.
  }
  if (isDeleted) return held.markRemoved();
  try {
    return held.acknowledge();
  } catch (error) {
    if (isDeleted === false) throw error;
    // The messages may be gone already, so keep what was handled: at worst they are delivered twice.
    return held.markRemoved();
  }
}

function unansweredError(): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.connectionLost,
    'the broker did not confirm that the last messages are removed; they may be delivered again',
  );
}

function takenBackError(queue: string): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.connectionLost,
    `the broker cancelled the consumer of queue ${queue}: its messages were unacknowledged for too long and are back, its node failed, or it was deleted`,
    { hint: CONSUMER_TIMEOUT_HINT },
  );
}
