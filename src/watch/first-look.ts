import { ErrorCode, hasCode } from '../errors.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { peekAt, type Search } from './untold-messages.ts';
import type { WatchItem } from './watch-items.ts';
import type { WatchedTask } from './watched-task.ts';

/** What there is of a task when a watch begins. */
export interface FirstLook {
  task: WatchedTask;
  /** To be shown before anything that events tell. */
  existing: WatchItem[];
  /**
   * What is known of the queue: all that is in it; that it holds messages, which are still to be counted; or nothing, as
   * the user may not see into it.
   */
  knows: 'all' | 'some' | 'nothing';
}

/** Tasks that are looked at together: some round trips each, on channels side by side. */
const AT_ONCE = 16;

/**
 * Looks at tasks whose events are followed already.
 *
 * @param search
 * @param tasks
 * @param tail for each, so many of the newest messages that were there before
 * @throws TaskQueueError when the broker cannot be reached, or fails
 */
export async function firstLooks(search: Search, tasks: WatchedTask[], tail: number): Promise<FirstLook[]> {
  const looks: FirstLook[] = [];
  for (let start = 0; start < tasks.length && !search.signal.aborted; start += AT_ONCE) {
    const some = tasks.slice(start, start + AT_ONCE);
    looks.push(...(await Promise.all(some.map((task) => firstLook(search, task, tail)))));
  }
  return looks;
}

async function firstLook(search: Search, task: WatchedTask, tail: number): Promise<FirstLook> {
  const { taskId } = task;
  const existing: WatchItem[] = [];
  const gap = (reason: string) => existing.push({ kind: 'gap', taskId, reason });
  const depth = await depthIfAllowed(search.client, taskId);
  if (depth === undefined) {
    // RabbitMQ 4.3; before, everybody is told.
    gap(
      'only what publishers with events add is shown: it takes permission to configure, write to or read the queue to see more',
    );
    return { task, existing, knows: 'nothing' };
  }
  if (depth === 0) return { task, existing, knows: 'all' };
  if (tail === 0) return { task, existing, knows: 'some' };
  const obstacle = await peekAt(search, task, depth, (messages) => {
    const { before, since } = task.noteFirstPeek(messages);
    for (const message of before.slice(-tail))
      existing.push({ kind: 'message', source: 'existing', message });
    // What came since belongs behind what events have told meanwhile, and is not counted against the tail.
    for (const message of since) search.items.put({ kind: 'message', source: 'found', message });
  });
  if (obstacle === undefined) return { task, existing, knows: 'all' };
  gap(`${depth} messages that were there are not shown: ${obstacle}`);
  return { task, existing, knows: 'some' };
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
