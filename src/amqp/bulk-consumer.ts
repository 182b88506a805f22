import type { ConsumeMessage } from 'amqplib';
import { ErrorCode, TaskQueueError } from '../errors.ts';
import type { ChannelLease } from './channel-pool.ts';
import { DeliveryInbox } from './delivery-inbox.ts';

export interface BulkOptions {
  /** Stop after this many messages. */
  limit: number;
  /** At most this many at once go to the handler; also how many the broker sends ahead. */
  batchSize: number;
  /** Collect everything before the handler is called, once. */
  whole?: boolean | undefined;
  /** Stops between two batches. */
  signal?: AbortSignal | undefined;
  /** How long a queue that is not empty may deliver nothing. */
  operationTimeoutMs: number;
  /** Told after each acknowledgement. */
  onRemoved: (count: number) => void;
}

/** How long no delivery comes before the broker is asked whether there is anything left. */
const QUIET_MS = 20;

/** AMQP's prefetch count is a 16-bit number; 0 means without limit. */
const MAX_PREFETCH = 65_535;

/**
 * Consumes a queue in order, up to a limit, or until it is empty, whichever comes first: others may be
 * reading it too. A batch is acknowledged when the handler has resolved. Everything else that was delivered
 * goes back to its place, and has done so when this returns or rejects.
 * @returns how many messages were handled and acknowledged
 */
export async function consumeInBatches(
  lease: ChannelLease,
  queue: string,
  options: BulkOptions,
  handle: (batch: ConsumeMessage[]) => Promise<void> | void,
): Promise<number> {
  const { limit, batchSize, whole = false, signal, operationTimeoutMs, onRemoved } = options;
  const inbox = new DeliveryInbox();
  const stopListening = lease.onEnd((reason) => inbox.fail(reason));
  const depth = async () => (await lease.request((channel) => channel.checkQueue(queue))).messageCount;

  const prefetch = whole ? 0 : Math.min(batchSize, limit, MAX_PREFETCH);
  await lease.request((channel) => channel.prefetch(prefetch));
  const { consumerTag } = await lease.request((channel) =>
    channel.consume(queue, (message) => inbox.put(message)),
  );
  let isConsuming = true;
  const stopConsuming = async () => {
    if (!isConsuming) return;
    isConsuming = false;
    if (!inbox.isCancelled) await lease.request((channel) => channel.cancel(consumerTag));
  };

  let handled = 0;
  try {
    let isExhausted = false;
    let progressAt = Date.now();
    while (handled < limit && !signal?.aborted) {
      // Before the batch is acknowledged, so that the broker sends nothing in its place.
      if (inbox.received >= limit) await stopConsuming();
      const wanted = Math.min(whole ? limit : batchSize, limit - handled);
      if (inbox.size >= (whole ? wanted : 1) || isExhausted || inbox.isCancelled) {
        const batch = inbox.take(wanted);
        const last = batch.at(-1);
        if (last === undefined) break;
        await handle(batch);
        lease.channel.ack(last, true);
        handled += batch.length;
        onRemoved(batch.length);
        progressAt = Date.now();
      } else if (await inbox.waitForMore(QUIET_MS, signal)) {
        progressAt = Date.now();
      } else {
        // Twice, as the first answer may overtake a delivery that was already on its way.
        const before = inbox.received;
        isExhausted = (await depth()) === 0 && (await depth()) === 0 && inbox.received === before;
        if (Date.now() - progressAt > operationTimeoutMs) throw starvedError(queue, operationTimeoutMs);
      }
    }
  } finally {
    stopListening();
    await giveBackTheRest(lease, stopConsuming, depth);
  }
  return handled;
}

async function giveBackTheRest(
  lease: ChannelLease,
  stopConsuming: () => Promise<void>,
  depth: () => Promise<number>,
): Promise<void> {
  try {
    await stopConsuming();
    lease.channel.nackAll(true);
    // The answer comes after the broker has done all of the above, and the acknowledgements before it.
    await depth();
  } catch {
    // The channel has ended, and with that everything it held is back in the queue; or the queue is gone.
  }
}

function starvedError(queue: string, ms: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.timeout,
    `The queue ${queue} is not empty, but delivered nothing for ${ms} ms`,
    { hint: 'Another consumer may hold it alone (single active consumer).' },
  );
}
