import { isTaskQueueError, type TaskQueueClient } from '../../index.ts';
import { summarize } from '../output/message-summary.ts';

/** Messages looked at together. */
const LOOKS_AT_ONCE = 8;

/** What was found in the queue of a task: when its oldest message was queued, or that it has none. */
export interface OldestMessage {
  isEmpty: boolean;
  /** In milliseconds since the epoch, as the envelope in the body says. Undefined where it does not. */
  queuedAt: number | undefined;
}

/**
 * Looks at the oldest message of each task, for where its publisher set no AMQP timestamp and so the broker does not know
 * its age. That ends the idle time of the queue. Left out are queues that do not give back to its place what was looked at,
 * and those that this user may not read.
 */
export async function findOldest<T extends { taskId: string }>(
  { client, signal }: { client: TaskQueueClient; signal: AbortSignal },
  tasks: readonly T[],
  found: (task: T, oldest: OldestMessage) => void,
): Promise<void> {
  const waiting = tasks.values();
  const work = async () => {
    for (const task of waiting) {
      signal.throwIfAborted();
      try {
        if (!(await client.queueKind(task.taskId))?.isPlain) continue;
        const [oldest] = await client.peek(task.taskId, { limit: 1 });
        found(task, { isEmpty: oldest === undefined, queuedAt: oldest && summarize(oldest).queuedAt });
      } catch (error) {
        if (!isTaskQueueError(error) || !['ACCESS_REFUSED', 'QUEUE_LOCKED'].includes(error.code)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, work));
}
