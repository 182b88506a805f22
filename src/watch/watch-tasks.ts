import { MAX_PEEK } from '../client-options.ts';
import { ErrorCode, hasCode } from '../errors.ts';
import type { ManagementApiOptions } from '../management/management-api.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { queueName } from '../wire/naming.ts';
import type { EventName, TaskEvent } from '../wire/task-events.ts';
import { ItemQueue } from './item-queue.ts';
import { obstacleToPeeking, searchAllTasks, searchTask } from './untold-messages.ts';
import type { WatchItem } from './watch-items.ts';
import type { WatchedTask } from './watched-task.ts';
import { WatchedTasks } from './watched-tasks.ts';

/** For {@link watchTasks}. */
export interface WatchTasksOptions {
  /** Stops watching; the iteration ends then, without an error. */
  signal?: AbortSignal;
  /** Begin with so many of the newest messages that are there already, for each task named. Default 0. */
  tail?: number;
  /** Also tell when messages are dequeued or cleared. Default false. */
  removals?: boolean;
  /**
   * Where the management API is, which knows all queues. With no task named it is asked, every 5 seconds or less
   * often, which of them have grown; its statistics are up to 10 seconds old. Left out: publishers without events
   * are noticed in named tasks alone.
   */
  api?: ManagementApiOptions;
}

/**
 * Follows the messages of some tasks, or of all without any named. Takes nothing, and disturbs nobody: it
 * reads copies of the messages, sent as events by every publisher that uses this package. Any number of
 * watchers may watch.
 *
 * Publishers without events (the Python package) are noticed when a queue holds more than events told of; then
 * it is peeked at, once, if it is a plain classic queue. What such a publisher queues and a reader takes within
 * half a second is not seen, nor what comes and goes within some 10 seconds where all tasks are watched. Each
 * message is shown once.
 *
 * Goes on by itself when the broker comes back, and says so, as it says what it may have missed.
 *
 * @param client it stays open afterwards
 * @param taskIds the tasks to follow; none for all
 * @param options
 * @throws TaskQueueError when the broker cannot be reached at the start, or refuses the subscription
 */
export async function* watchTasks(
  client: TaskQueueClient,
  taskIds: readonly string[],
  { signal, tail = 0, removals = false, api }: WatchTasksOptions = {},
): AsyncGenerator<WatchItem, void, undefined> {
  const areAll = taskIds.length === 0;
  const tasks = new WatchedTasks(taskIds);
  const items = new ItemQueue<WatchItem>();
  const isWatched = ({ taskId, queue }: TaskEvent) =>
    queue === queueName(taskId, client.prefix) && tasks.isWatched(taskId);
  const isSearched = !areAll || api !== undefined;
  let lostAt = 0;
  const events: EventName[] = ['enqueued', 'dequeued', 'cleared'];
  const subscription = await client.subscribe(events, {
    onEvent: (event) => {
      if (!isWatched(event)) return;
      const item = itemOf(event, isSearched ? tasks.get(event.taskId) : undefined, removals);
      return item && items.put(item);
    },
    onLost: (error) => {
      lostAt = Date.now();
      void items.put({ kind: 'interrupted', error });
    },
    onResumed: () => void items.put({ kind: 'resumed', afterMs: Date.now() - lostAt }),
    onOverflow: () =>
      void items.put({
        kind: 'gap',
        taskId: undefined,
        reason: 'events came faster than they were read, and the oldest of them were dropped',
      }),
  });
  const stopping = new AbortController();
  const stop = () => {
    stopping.abort();
    items.end();
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    if (areAll) await subscription.follow();
    // Subscribed before it is looked at, so that nothing falls in between; what shows up in both is shown once.
    const named = areAll ? [] : [...tasks];
    const visible: WatchedTask[] = [];
    for (const task of named) {
      await subscription.follow(task.taskId);
      if (yield* existing(client, task, tail)) visible.push(task);
    }
    const search = { client, items, signal: stopping.signal };
    const searching = Promise.all([
      ...visible.map((task) => searchTask(search, task)),
      areAll && api && searchAllTasks(search, tasks, api),
    ]).catch((error) => items.fail(error));
    yield* items;
    await searching;
  } finally {
    stop();
    signal?.removeEventListener('abort', stop);
    await subscription.close();
  }
}

function itemOf(event: TaskEvent, task: WatchedTask | undefined, removals: boolean): WatchItem | undefined {
  const { taskId } = event;
  if (event.event !== 'enqueued') {
    task?.noteRemoved(event.count);
    if (!removals) return undefined;
    const { count } = event;
    return event.event === 'cleared'
      ? { kind: 'cleared', taskId, count }
      : { kind: 'dequeued', taskId, count, messageId: event.messageId };
  }
  const { body, bodyBytes, properties } = event;
  const isNew = task?.noteEnqueued({ body: body ?? Buffer.from(String(bodyBytes)), properties }) ?? true;
  if (!isNew) return undefined;
  if (body === undefined) return { kind: 'large-message', taskId, bodyBytes, properties };
  return { kind: 'message', source: 'live', message: { taskId, body, properties, redelivered: false } };
}

/** @returns whether the user may see into the task's queue */
async function* existing(
  client: TaskQueueClient,
  task: WatchedTask,
  tail: number,
): AsyncGenerator<WatchItem, boolean> {
  const { taskId } = task;
  const depth = await depthIfAllowed(client, taskId);
  if (depth === undefined) {
    // RabbitMQ 4.3; before, everybody is told.
    const reason =
      'only what publishers with events add is shown: it takes permission to configure, write to or read the queue to see more';
    yield { kind: 'gap', taskId, reason };
    return false;
  }
  if (depth === 0) return true;
  const obstacle = await obstacleToPeeking(client, taskId, depth);
  if (obstacle !== undefined || tail === 0) {
    task.skip(depth);
    if (tail > 0)
      yield { kind: 'gap', taskId, reason: `${depth} messages that were there are not shown: ${obstacle}` };
    return true;
  }
  const messages = task.notePeeked(await client.peek(taskId, { limit: MAX_PEEK }));
  for (const message of messages.slice(-tail)) yield { kind: 'message', source: 'existing', message };
  return true;
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
