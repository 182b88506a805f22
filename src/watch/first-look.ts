import { ErrorCode, hasCode } from '../errors/task-queue-error.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { pause, peekAt, REFUSED, type Search } from './untold-messages.ts';
import type { WatchItem } from './watch-items.ts';
import { EVENT_DELAY_MS, type WatchedTask } from './watched-task.ts';

/** What there is of a task when a watch begins. */
export interface FirstLook {
  task: WatchedTask;
  /** To be shown before anything that events tell. */
  existing: WatchItem[];
  /** Whether the user may see into the task's queue. */
  isVisible: boolean;
}

/**
 * Looks at a task whose events are followed already.
 *
 * @param search
 * @param task
 * @param tail so many of the newest messages that were there before
 * @throws TaskQueueError when the broker cannot be reached, or fails
 */
export async function firstLook(search: Search, task: WatchedTask, tail: number): Promise<FirstLook> {
  const { taskId } = task;
  const existing: WatchItem[] = [];
  const gap = (reason: string, missed?: number) =>
    existing.push({ kind: 'gap', taskId, reason, ...(missed !== undefined && { missed }) });
  const since = task.mark();
  const depth = await depthIfAllowed(search.client, taskId);
  if (depth === undefined) {
    if (task.noteRefused()) gap(REFUSED);
    return { task, existing, isVisible: false };
  }
  if (depth === 0) return { task, existing, isVisible: true };
  // Also without a tail: what was there is not to be taken for new when it is seen later.
  const obstacle = await peekAt(search, task, depth, (messages) => {
    const { before, behind } = task.noteFirstPeek(messages, depth);
    const newest = tail === 0 ? [] : before.slice(-tail);
    for (const message of newest) existing.push({ kind: 'message', source: 'existing', message });
    // What came behind one that an event has told of belongs there, and is not counted against the tail.
    for (const message of behind) search.items.put({ kind: 'message', source: 'found', message });
  });
  if (obstacle === undefined) return { task, existing, isVisible: true };
  if (tail > 0) gap(`${depth} messages that were there are not shown: ${obstacle}`, depth);
  await pause(search, EVENT_DELAY_MS);
  task.skip(depth, since);
  return { task, existing, isVisible: true };
}

/** How many messages there are; `undefined` when the broker does not tell this user. */
async function depthIfAllowed(client: TaskQueueClient, taskId: string): Promise<number | undefined> {
  try {
    return (await client.depth(taskId))?.messages ?? 0;
  } catch (error) {
    if (hasCode(error, ErrorCode.accessRefused)) return undefined;
    throw error;
  }
}
