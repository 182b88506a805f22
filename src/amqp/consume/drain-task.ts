import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { StoredMessage } from '../../messages/stored-message.ts';
import type { BatchHandler, DrainEnd, DrainOptions } from '../../options/client-options.ts';
import type { ChannelLease } from '../connection/pooled-channel.ts';
import { CallerFailure } from '../errors/caller-failure.ts';
import type { QueueDeleter } from '../queues/queue-deleter.ts';
import type { QueueKinds } from '../queues/queue-kinds.ts';
import type { QueueReader } from '../queues/queue-reader.ts';
import { consumeInBatches } from './bulk-consumer.ts';

const DEFAULT_BATCH_SIZE = 500;

/** How long messages held by a lost connection may take to return, and how often to check. */
const RETURN_MS = 1_000;
const LOOK_MS = 20;

/** The task to drain. */
export interface DrainedTask {
  taskId: string;
  queue: string;
  reader: QueueReader;
  kinds: QueueKinds;
  /** Removes all messages by deleting the queue, for `allOrNone`. Left out: by acknowledging them. */
  deleter?: QueueDeleter;
  operationTimeoutMs: number;
  /** Whether to refuse an auto-delete queue, which takes a channel for each queue. Default true. */
  refusesAutoDelete?: boolean;
  /**
   * Whether the handler's result must reach the caller even if the broker may not have received the last
   * acknowledgement, so that the message may come again. Default false: that is a failure.
   */
  keepsResult?: boolean;
  /** Called with the number of messages removed since the last call. */
  onRemoved(count: number): void;
}

/**
 * Removes messages in bulk, oldest first, as `TaskQueueClient.drain` describes it.
 * @returns how many were removed
 */
export async function drainTask(
  {
    taskId,
    queue,
    reader,
    kinds,
    deleter,
    operationTimeoutMs,
    refusesAutoDelete = true,
    keepsResult,
    onRemoved,
  }: DrainedTask,
  handle: BatchHandler,
  options: DrainOptions,
): Promise<number> {
  const { limit, batchSize = DEFAULT_BATCH_SIZE, select, allOrNone = false, signal, onRead, onEnd } = options;
  let isHandedOver = false;
  /** If the connection is lost from here on, it may have held messages. */
  let isBegun = false;
  /** Deleted unless the reading comes to its end. */
  let end: DrainEnd = { counted: 0, read: 0, isDeleted: true };
  const failure = new CallerFailure();
  const drain = async (lease: ChannelLease) => {
    const messageCount = await countReady(lease, queue, isBegun ? RETURN_MS : 0);
    isBegun = true;
    const bound = select ? messageCount : Math.min(messageCount, limit ?? messageCount);
    end = { counted: bound, read: 0, isDeleted: bound > 0 };
    if (bound === 0) return 0;
    // Everything is handed over before the reader ends.
    if (!allOrNone && refusesAutoDelete) await kinds.refuseAutoDelete(queue);
    const bulk = {
      taskId,
      limit: bound,
      most: limit,
      batchSize,
      select: select && ((message: StoredMessage) => failure.watchSync(() => select(message))),
      allOrNone,
      deleteQueue: deleter && (() => deleter.deleteIfUnused(queue)),
      keepsResult,
      findKind: () => kinds.kindNow(queue),
      signal,
      operationTimeoutMs,
      onRead: (count: number) => {
        end.read = count;
        if (onRead) failure.watchSync(() => onRead(count));
      },
      onRemoved: (count: number) => {
        onRemoved(count);
        if (options.onRemoved) failure.watchSync(() => options.onRemoved?.(count));
      },
    };
    const { removed, isDeleted } = await consumeInBatches(lease, queue, bulk, (batch, before) => {
      isHandedOver = true;
      return failure.watch(() => handle(batch, before));
    });
    end.isDeleted = isDeleted;
    return removed;
  };
  // A queue that is gone takes with it what was handed over, which then exists nowhere else.
  const isRepeatable = (error: unknown) =>
    !isHandedOver || (allOrNone && !failure.isKnown && hasCode(error, ErrorCode.connectionLost));
  const drained = reader.read({ queue, missing: 0, isRepeatable }, drain).then((removed) => {
    if (onEnd && !signal?.aborted) failure.watchSync(() => onEnd(end));
    return removed;
  });
  return failure.passOn(drained);
}

/**
 * @param patienceMs how long to wait for a queue that has a consumer but no messages: the consumer may belong to a
 * lost connection
 */
async function countReady(lease: ChannelLease, queue: string, patienceMs: number): Promise<number> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const { messageCount, consumerCount } = await lease.request((channel) => channel.checkQueue(queue));
    if (messageCount > 0 || consumerCount === 0 || performance.now() >= giveUpAt) return messageCount;
    await sleep(LOOK_MS);
  }
}
