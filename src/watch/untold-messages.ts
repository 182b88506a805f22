/*
 * Messages that no event tells of: those of publishers without events, as the Python package is one. They are
 * noticed when a queue holds more than events told of, and then peeked at.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, hasCode, isTaskQueueError } from '../errors/task-queue-error.ts';
import { listTaskQueues } from '../management/list-task-queues.ts';
import type { ManagementApiOptions } from '../management/management-api.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { MAX_PEEK } from '../options/client-options.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import type { ItemQueue } from './item-queue.ts';
import type { WatchItem } from './watch-items.ts';
import { EVENT_DELAY_MS, type Mark, type WatchedTask } from './watched-task.ts';
import type { WatchedTasks } from './watched-tasks.ts';

/** How often the depth of a named task's queue is looked at. */
const POLL_MS = 500;

/** How often all queues are listed, at least; a list that takes long is asked for less often. */
const LIST_MS = 5_000;
const LIST_SHARE = 20;

/** RabbitMQ 4.3; before, everybody is told. */
export const REFUSED =
  'only what publishers with events add is shown: it takes permission to configure, write to or read the queue to see more';

export interface Search {
  client: TaskQueueClient;
  items: ItemQueue<WatchItem>;
  /** Ends the search. */
  signal: AbortSignal;
}

/** How much was in a queue, and what events had told before that was asked. */
interface Count {
  depth: number;
  since: Mark;
}

/** Looks after one task, until the signal; the connection may come and go meanwhile. */
export async function searchTask(search: Search, task: WatchedTask): Promise<void> {
  while (await pause(search, POLL_MS * (0.75 + Math.random() / 2))) await look(search, task);
}

/**
 * Looks after all tasks, until the signal. The list is that of the broker's statistics, as counting would make
 * every queue look busy; so it is some seconds old, and only tasks are looked at that have more than is known of.
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
    let grown: WatchedTask[] = [];
    try {
      grown = await listGrown(search, tasks, api, isFirst);
      isFirst = false;
      isAnswered = true;
    } catch (error) {
      if (search.signal.aborted) return;
      if (!isTaskQueueError(error)) throw error;
      // Nobody tells which tasks are over, and what comes meanwhile is not seen: it begins anew when there is a list.
      tasks.forgetAllBut(new Set());
      isFirst = true;
      if (isAnswered) {
        const reason = `messages of publishers without events are not seen for now: ${error.message}`;
        search.items.put({ kind: 'gap', taskId: undefined, reason });
      }
      isAnswered = false;
    }
    tookMs = performance.now() - startedAt;
    for (const task of grown) if (!search.signal.aborted) await look(search, task);
  } while (await pause(search, Math.max(LIST_MS, tookMs * LIST_SHARE)));
}

/** @returns the tasks whose queues hold more than is known of */
async function listGrown(
  { client, signal }: Search,
  tasks: WatchedTasks,
  api: ManagementApiOptions,
  isFirst: boolean,
): Promise<WatchedTask[]> {
  const present = new Set<string>();
  const grown: WatchedTask[] = [];
  for await (const queues of listTaskQueues({
    ...api,
    prefix: client.prefix,
    source: 'statistics',
    signal,
  })) {
    for (const { taskId, ready = 0 } of queues) {
      if (ready === 0) {
        tasks.find(taskId)?.noteStatistics(0);
        continue;
      }
      present.add(taskId);
      const task = tasks.get(taskId);
      // What was there before the watch is not looked at.
      if (isFirst) task.skip(Math.max(ready, task.expected), task.mark());
      else if (task.mayHaveGrown(ready)) grown.push(task);
      else task.noteStatistics(ready);
    }
  }
  tasks.forgetAllBut(present);
  return grown;
}

/** Shows what is in the queue of a task and no event told of. */
export function look(search: Search, task: WatchedTask): Promise<void> {
  return task.inTurn(() => lookNow(search, task));
}

async function lookNow(search: Search, task: WatchedTask): Promise<void> {
  const { taskId } = task;
  const { items, signal } = search;
  try {
    const count = await countMessages(search, task);
    // While the reader is behind, so are the events: they may tell of all that is in the queue.
    if (signal.aborted || items.isFull) return;
    const holdsUntold = task.noteDepth(count.depth, count.since);
    if (holdsUntold === 'no') return;
    const obstacle = await peekAt(search, task, count.depth, (messages) => {
      for (const message of task.notePeeked(messages, count.depth))
        items.put({ kind: 'message', source: 'found', message });
    });
    if (obstacle !== undefined) {
      const missed = task.excess(count.depth);
      if (holdsUntold === 'yes' && missed === 0) return;
      task.skip(count.depth, count.since, missed);
      const what =
        missed === 0
          ? 'messages that came during a gap, if any,'
          : `${missed} messages that came without events, or during a gap,`;
      items.put({
        kind: 'gap',
        taskId,
        reason: `${what} are not shown: ${obstacle}`,
        ...(missed > 0 && { missed }),
      });
    }
    await items.room();
  } catch (error) {
    if (!isTaskQueueError(error)) throw error;
    if (hasCode(error, ErrorCode.accessRefused) && task.noteRefused())
      items.put({ kind: 'gap', taskId, reason: REFUSED });
    // Mostly the connection is down; looking goes on when it is back.
  }
}

/**
 * Events of a task's messages are missing just before one that has come: shows those messages, where they can be seen, and
 * says how many cannot.
 * @param count how many events, by their numbers
 * @param isVisible whether the user may look at the queue
 */
export async function closeGap(
  search: Search,
  task: WatchedTask,
  count: number,
  isVisible: boolean,
): Promise<void> {
  const { client, items } = search;
  const { taskId } = task;
  if (isVisible) {
    try {
      const depth = (await client.depth(taskId))?.messages ?? 0;
      if (depth > 0) {
        await peekAt(search, task, depth, (messages) => {
          for (const message of task.notePeeked(messages, depth))
            items.put({ kind: 'message', source: 'found', message });
        });
      }
    } catch (error) {
      // They count as missed then.
      if (!isTaskQueueError(error)) throw error;
    }
  }
  const missed = task.noteMissing(count);
  if (missed > 0) items.put(missedMessages(taskId, missed));
}

export function missedMessages(taskId: string, missed: number): WatchItem {
  const what = missed === 1 ? '1 message is' : `${missed} messages are`;
  return { kind: 'gap', taskId, missed, reason: `${what} not shown, as events were dropped on the way` };
}

/** How much is in the task's queue. Afterwards the events of all that was counted are taken to have arrived. */
async function countMessages({ client, signal }: Search, task: WatchedTask): Promise<Count> {
  const since = task.mark();
  const depth = (await client.depth(task.taskId))?.messages ?? 0;
  await pause({ signal }, EVENT_DELAY_MS);
  return { depth, since };
}

/**
 * Looks at all that is in a task's queue, if that does no harm.
 *
 * @param search
 * @param task its events wait meanwhile
 * @param depth how much was in the queue
 * @param note takes down what was seen, before the events go on
 * @returns why it was not looked at
 */
export async function peekAt(
  { client }: Search,
  task: WatchedTask,
  depth: number,
  note: (messages: StoredMessage[]) => void,
): Promise<string | undefined> {
  const obstacle = await obstacleToPeeking(client, task.taskId, depth);
  if (obstacle !== undefined) return obstacle;
  const goOn = task.hold();
  try {
    const messages = await peekAll(client, task);
    if (messages.length >= MAX_PEEK) return tooDeep(messages.length);
    note(messages);
    return undefined;
  } catch (error) {
    if (!hasCode(error, ErrorCode.accessRefused) && !hasCode(error, ErrorCode.queueLocked)) throw error;
    return 'it takes permission to read the queue, and nobody who consumes from it exclusively';
  } finally {
    goOn();
  }
}

/** Tries once more when the connection is lost, as every reading does; but it has to be known. */
async function peekAll(client: TaskQueueClient, task: WatchedTask): Promise<StoredMessage[]> {
  const peek = () => client.peek(task.taskId, { limit: MAX_PEEK, retry: false });
  try {
    return await peek();
  } catch (error) {
    if (!hasCode(error, ErrorCode.connectionLost)) throw error;
    task.notePeekFailed();
    return peek();
  }
}

/** Why the queue cannot be peeked at without harm. */
async function obstacleToPeeking(
  client: TaskQueueClient,
  taskId: string,
  depth: number,
): Promise<string | undefined> {
  if (depth >= MAX_PEEK) return tooDeep(depth);
  try {
    if ((await client.queueKind(taskId))?.isPlain !== false) return undefined;
    return 'it is no plain classic queue, and looking would count as a delivery';
  } catch (error) {
    if (!hasCode(error, ErrorCode.accessRefused)) throw error;
    return 'only a user with permission to configure the queue is told of its type, and looking is not safe on all';
  }
}

function tooDeep(depth: number): string {
  return `there are ${depth} messages in the queue, and only fewer than ${MAX_PEEK} are looked at`;
}

/** @returns false when the search is over */
export async function pause({ signal }: { signal: AbortSignal }, ms: number): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}
