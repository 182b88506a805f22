import { MAX_PEEK } from '../client-options.ts';
import { ErrorCode, hasCode } from '../errors.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { obstacleToPeeking, type Search } from './untold-messages.ts';
import type { WatchItem } from './watch-items.ts';
import type { WatchedTask } from './watched-task.ts';

/** What there is of a task when a watch begins. */
export interface FirstLook {
  /** To be shown before anything that events tell. */
  existing: WatchItem[];
  /** Whether the user may see into the task's queue. */
  isVisible: boolean;
}

/**
 * Looks at a task whose events are followed already. What came since then belongs behind what they have told: it is
 * put there at once, and not counted against the tail.
 *
 * @param tail so many of the newest messages that were there before
 */
export async function firstLook(
  { client, items }: Search,
  task: WatchedTask,
  tail: number,
): Promise<FirstLook> {
  const { taskId } = task;
  const gap = (reason: string): WatchItem => ({ kind: 'gap', taskId, reason });
  const depth = await depthIfAllowed(client, taskId);
  if (depth === undefined) {
    // RabbitMQ 4.3; before, everybody is told.
    const reason =
      'only what publishers with events add is shown: it takes permission to configure, write to or read the queue to see more';
    return { existing: [gap(reason)], isVisible: false };
  }
  if (depth === 0) return { existing: [], isVisible: true };
  const obstacle = await obstacleToPeeking(client, taskId, depth);
  if (obstacle !== undefined || tail === 0) {
    task.skip(depth);
    const notShown = tail > 0 ? [gap(`${depth} messages that were there are not shown: ${obstacle}`)] : [];
    return { existing: notShown, isVisible: true };
  }
  const { before, since } = task.noteFirstPeek(await client.peek(taskId, { limit: MAX_PEEK }));
  // Without waiting for room: nobody reads yet.
  for (const message of since) void items.put({ kind: 'message', source: 'found', message });
  const existing = before
    .slice(-tail)
    .map((message): WatchItem => ({ kind: 'message', source: 'existing', message }));
  return { existing, isVisible: true };
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
