import type { ConsumeMessage } from 'amqplib';
import type { ChannelLease } from './channel-pool.ts';
import { Consumption } from './consumption.ts';

export interface BulkOptions {
  /** Read at most this many. */
  limit: number;
  /** At most this many at once go to the handler; also how many the broker sends ahead. */
  batchSize: number;
  /**
   * Only these are handled; the others are held back until the end, and are then where they were. They count
   * for `limit`, not for `most`.
   */
  select?: ((message: ConsumeMessage) => boolean) | undefined;
  /** Handle at most this many. */
  most?: number | undefined;
  /** Collect everything before the handler is called, once. */
  whole?: boolean | undefined;
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
 * @returns how many messages were handled and acknowledged
 */
export async function consumeInBatches(
  lease: ChannelLease,
  queue: string,
  options: BulkOptions,
  handle: (batch: ConsumeMessage[]) => Promise<void> | void,
): Promise<number> {
  const { limit, batchSize, select, whole = false, signal, operationTimeoutMs, onRemoved } = options;
  const { most = limit } = options;
  // What is held back counts for the prefetch, so that a selection would come to a halt.
  const prefetch = whole || select ? 0 : Math.min(batchSize, limit);
  const consumption = await Consumption.start(lease, queue, prefetch);
  let seen = 0;
  let handled = 0;
  try {
    while (seen < limit && handled < most && !signal?.aborted) {
      const wanted = Math.min(whole ? limit : batchSize, limit - seen);
      const batch = await consumption.take(whole ? wanted : 1, wanted, operationTimeoutMs, signal);
      if (batch.length === 0 || signal?.aborted) break;
      seen += batch.length;
      const selected = select ? batch.filter(select).slice(0, most - handled) : batch;
      if (selected.length === 0) continue;
      await handle(selected);
      handled += selected.length;
      acknowledge(lease, selected, select !== undefined);
      onRemoved(selected.length);
    }
  } finally {
    await consumption.end();
  }
  return handled;
}

/** In one request, unless messages between these are held back. */
function acknowledge({ channel }: ChannelLease, messages: ConsumeMessage[], hasGaps: boolean): void {
  if (hasGaps) for (const message of messages) channel.ack(message);
  else channel.ack(messages.at(-1) as ConsumeMessage, true);
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
