import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, hasCode, TaskQueueError } from '../../errors/task-queue-error.ts';
import type { StoredMessage } from '../../messages/stored-message.ts';
import type { BatchHandler, DrainEnd, DrainOptions } from '../../options/client-options.ts';
import type { ChannelLease } from '../connection/channel-lease.ts';
import { CallerFailure } from '../errors/caller-failure.ts';
import type { QueueDeleter } from '../queues/queue-deleter.ts';
import type { QueueKinds } from '../queues/queue-kinds.ts';
import type { QueueReader } from '../queues/queue-reader.ts';
import { consumeInBatches } from './bulk-consumer.ts';

const DEFAULT_BATCH_SIZE = 500;

/** How long messages held by a lost connection may take to return on a busy broker, and how often to check. */
const RETURN_MS = 3_000;
const LOOK_MS = 20;

export interface DrainedTask {
  taskId: string;
  queue: string;
  reader: QueueReader;
  kinds: QueueKinds;
  /** Removes all messages by deleting the queue, for `allOrNone`. Left out: by acknowledging them. */
  deleter?: QueueDeleter;
  /** Whether to refuse an auto-delete queue, which takes a channel for each queue. Default true. */
  refusesAutoDelete?: boolean;
  /**
   * Whether the handler's result must reach the caller even if the broker may not have received the last
   * acknowledgement, so that the message may come again. Default false: that is a failure.
   */
  keepsResult?: boolean;
  /** Called when there are messages to remove, before they are read. */
  onBegin(): void;
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
    refusesAutoDelete = true,
    keepsResult,
    onBegin,
    onRemoved,
  }: DrainedTask,
  handle: BatchHandler,
  options: DrainOptions,
): Promise<number> {
  const { limit, batchSize = DEFAULT_BATCH_SIZE, select, allOrNone = false, signal, onRead, onEnd } = options;
  let isHandedOver = false;
  let removed = 0;
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
    if (bound === 0) return;
    onBegin();
    // Everything is handed over before the reader ends.
    const kind = !allOrNone && refusesAutoDelete ? await kinds.refuseUnreadable(queue) : undefined;
    const bulk = {
      taskId,
      limit: bound,
      most: limit,
      batchSize,
      select:
        select &&
        ((message: StoredMessage) => {
          // It may have counted this one.
          isHandedOver = true;
          return failure.watchSync(() => isSelected(select(message)));
        }),
      allOrNone,
      deleteQueue: deleter && (() => deleter.deleteIfUnused(queue, { mayBeStream: false })),
      keepsResult,
      isClassic: kind?.kind === 'classic',
      findKind: () => kinds.kindOfAnswering(queue),
      signal,
      onRead: async (count: number) => {
        end.read = count;
        if (onRead) await failure.watch(() => onRead(count));
      },
      onRemoved: async (count: number) => {
        removed += count;
        onRemoved(count);
        if (options.onRemoved) await failure.watch(() => options.onRemoved?.(count));
      },
    };
    end.isDeleted = await consumeInBatches(lease, queue, bulk, (batch, before) => {
      isHandedOver = true;
      return failure.watch(async () => keptOf(await handle([...batch], before), batch));
    });
  };
  // A queue that is gone takes with it what was handed over, which then exists nowhere else.
  const isRepeatable = (error: unknown) =>
    !isHandedOver || (allOrNone && !failure.isKnown && hasCode(error, ErrorCode.connectionLost));
  // If the queue is deleted meanwhile, some may have been removed before.
  const drained = reader
    .read({ missing: undefined, isRepeatable, readsMessages: true }, drain)
    .then(async () => {
      if (onEnd && !signal?.aborted) await failure.watch(() => onEnd(end));
      return removed;
    });
  return failure.passOn(drained);
}

/** A promise would count as true, and the message would be removed, whatever comes of it. */
function isSelected(answer: unknown): boolean {
  if (typeof (answer as Partial<PromiseLike<unknown>> | undefined | null)?.then !== 'function')
    return !!answer;
  Promise.resolve(answer).catch(() => {});
  throw new TaskQueueError(
    ErrorCode.invalidArgument,
    'Option select must return true or false, not a promise',
  );
}

/**
 * The messages that a handler has returned; results of its work that are not objects say nothing. Another object may be a
 * copy of a message, which would be removed.
 */
function keptOf(returned: unknown, batch: readonly StoredMessage[]): StoredMessage[] {
  if (typeof returned !== 'object' || returned === null || !(Symbol.iterator in returned)) return [];
  const known = new Set(batch);
  const kept = [...(returned as Iterable<StoredMessage>)].filter((each) => typeof each === 'object' && each);
  if (kept.every((each) => known.has(each))) return kept;
  throw new TaskQueueError(
    ErrorCode.invalidArgument,
    'The handler returned an object that is not a message of its batch',
    { hint: 'Return nothing, or the messages to keep, not copies of them.' },
  );
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
