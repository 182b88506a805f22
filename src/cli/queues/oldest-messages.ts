import { hasCode } from '../../cli-shared.ts';
import type { ErrorCode, TaskQueueClient } from '../../index.ts';
import { summarize } from '../text/message-summary.ts';
import { forEachAtOnce } from './each-at-once.ts';

/** Errors that say nothing of the other queues. */
const OF_ONE_QUEUE: readonly ErrorCode[] = [
  'ACCESS_REFUSED',
  'QUEUE_LOCKED',
  'QUEUE_UNAVAILABLE',
  'UNSUPPORTED',
  // Its name is that of no task.
  'INVALID_ARGUMENT',
];

/** What was found in a task's queue: when its oldest message was queued, or that it is empty. */
export interface OldestMessage {
  isEmpty: boolean;
  /** In milliseconds since the epoch, from the envelope in the body; undefined if that has no time. */
  queuedAt: number | undefined;
}

/**
 * Looks at the oldest message of each task, for tasks whose publisher sets no AMQP timestamp, so that the broker does
 * not know its age. This resets the queue's idle time. Skips queues that do not requeue messages to their original
 * position, those this user may not read, and those that are not available.
 */
export async function findOldest<T extends { taskId: string }>(
  { client, signal }: { client: TaskQueueClient; signal: AbortSignal },
  tasks: readonly T[],
  found: (task: T, oldest: OldestMessage) => void,
): Promise<void> {
  await forEachAtOnce(tasks, signal, async (task) => {
    try {
      if (!(await client.queueKind(task.taskId))?.isPlain) return;
      const [oldest] = await client.peek(task.taskId, { limit: 1 });
      found(task, { isEmpty: oldest === undefined, queuedAt: oldest && summarize(oldest).queuedAt });
    } catch (error) {
      if (!hasCode(error, ...OF_ONE_QUEUE)) throw error;
    }
  });
}
