/*
 * Messages that no event tells of: those of publishers without events, as the Python package is one. They are
 * noticed when a queue holds more than events told of, and then peeked at.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_PEEK } from '../client-options.ts';
import { ErrorCode, hasCode, isTaskQueueError } from '../errors.ts';
import { listTaskQueues } from '../management/list-task-queues.ts';
import type { ManagementApiOptions } from '../management/management-api.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import type { ItemQueue } from './item-queue.ts';
import type { WatchItem } from './watch-items.ts';
import { EVENT_DELAY_MS, type WatchedTask } from './watched-task.ts';
import type { WatchedTasks } from './watched-tasks.ts';

/** How often the depth of a named task's queue is looked at. */
const POLL_MS = 500;

/** How often all queues are listed, at least; a list that takes long is asked for less often. */
const LIST_MS = 5_000;
const LIST_SHARE = 20;

export interface Search {
  client: TaskQueueClient;
  items: ItemQueue<WatchItem>;
  /** Ends the search. */
  signal: AbortSignal;
}

/** Looks after one task, until the signal; the connection may come and go meanwhile. */
export async function searchTask(search: Search, task: WatchedTask): Promise<void> {
  while (await pause(search, POLL_MS * (0.75 + Math.random() / 2))) await look(search, task);
}

/**
 * Looks after all tasks, until the signal. The list is that of the broker's statistics, as counting would make
 * every queue look busy; so it is some seconds old, and only what it says has grown is looked at.
 */
export async function searchAllTasks(
  search: Search,
  tasks: WatchedTasks,
  api: ManagementApiOptions,
): Promise<void> {
  let isFirst = true;
  let isAnswered = true;
  let tookMs: number;
  do {
    const startedAt = performance.now();
    try {
      await searchListed(search, tasks, api, isFirst);
      isFirst = false;
      isAnswered = true;
    } catch (error) {
      if (!isTaskQueueError(error)) throw error;
      // Nobody tells which tasks are over, and what comes meanwhile is not seen: it begins anew when there is a list.
      tasks.forgetAllBut(new Set());
      isFirst = true;
      if (isAnswered) {
        const reason = `messages of publishers without events are not seen for now: ${error.message}`;
        await search.items.put({ kind: 'gap', taskId: undefined, reason });
      }
      isAnswered = false;
    }
    tookMs = performance.now() - startedAt;
  } while (await pause(search, Math.max(LIST_MS, tookMs * LIST_SHARE)));
}

async function searchListed(
  search: Search,
  tasks: WatchedTasks,
  api: ManagementApiOptions,
  isFirst: boolean,
): Promise<void> {
  const { prefix } = search.client;
  const present = new Set<string>();
  for await (const queues of listTaskQueues({ ...api, prefix, source: 'statistics' })) {
    for (const { taskId, ready = 0 } of queues) {
      if (search.signal.aborted) return;
      if (ready === 0) continue;
      present.add(taskId);
      const task = tasks.get(taskId);
      // What was there before the watch is not looked at.
      if (isFirst) task.skip(Math.max(ready, task.expected));
      else if (ready > task.expected) await look(search, task);
    }
  }
  tasks.forgetAllBut(present);
}

/** Shows what is in the queue of a task and no event told of. */
async function look({ client, items, signal }: Search, task: WatchedTask): Promise<void> {
  const { taskId } = task;
  try {
    const mark = task.mark();
    const depth = (await client.depth(taskId))?.messages ?? 0;
    await pause({ signal }, EVENT_DELAY_MS);
    if (!task.holdsUntold(depth, mark)) return;
    const obstacle = await obstacleToPeeking(client, taskId, depth);
    if (obstacle !== undefined) {
      task.skip(depth);
      const reason = `messages came from a publisher without events and are not shown: ${obstacle}`;
      await items.put({ kind: 'gap', taskId, reason });
      return;
    }
    const fresh = task.notePeeked(await client.peek(taskId, { limit: MAX_PEEK }));
    for (const message of fresh) await items.put({ kind: 'message', source: 'found', message });
  } catch {
    // The connection is down, which the subscription tells of; looking goes on when it is back.
  }
}

/** Why the queue cannot be peeked at without harm. */
export async function obstacleToPeeking(
  client: TaskQueueClient,
  taskId: string,
  depth: number,
): Promise<string | undefined> {
  if (depth > MAX_PEEK) return `the queue is ${depth} messages deep, and at most ${MAX_PEEK} are looked at`;
  try {
    if ((await client.isPlainQueue(taskId)) !== false) return undefined;
    return 'it is no plain classic queue, and looking would count as a delivery';
  } catch (error) {
    if (!hasCode(error, ErrorCode.accessRefused)) throw error;
    return 'only a user with permission to configure the queue is told of its type, and looking is not safe on all';
  }
}

/** @returns false when the search is over */
async function pause({ signal }: { signal: AbortSignal }, ms: number): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}
