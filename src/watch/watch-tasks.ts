import type { ManagementApiOptions } from '../management/management-api.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { queueName } from '../wire/naming.ts';
import type { EventName, TaskEvent } from '../wire/task-events.ts';
import { firstLook } from './first-look.ts';
import { ItemQueue } from './item-queue.ts';
import { searchAllTasks, searchTask } from './untold-messages.ts';
import type { WatchItem } from './watch-items.ts';
import type { WatchedTask } from './watched-task.ts';
import { WatchedTasks } from './watched-tasks.ts';

/** For {@link watchTasks}. */
export interface WatchTasksOptions {
  /** Stops watching; the iteration ends then, without an error. */
  signal?: AbortSignal;
  /**
   * Begin with so many of the newest messages that are there already, for each task named. Default 0. What comes
   * while the watch begins is not counted.
   */
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
 * message is shown once. With the first item the watch has begun, for every task: what events tell after it is shown.
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
    const named = areAll ? [] : [...tasks];
    // Subscribed before it is looked at, so that nothing falls in between; what shows up in both is shown once.
    for (const { taskId } of named) await subscription.follow(taskId);
    const search = { client, items, signal: stopping.signal };
    const visible: WatchedTask[] = [];
    const existing: WatchItem[] = [];
    // All are looked at before the first is shown, which tells that the watch has begun, for every task.
    for (const task of named) {
      if (stopping.signal.aborted) return;
      const look = await firstLook(search, task, tail);
      existing.push(...look.existing);
      if (look.isVisible) visible.push(task);
    }
    yield* existing;
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
  const isNew = task?.noteEnqueued(event) ?? true;
  if (!isNew) return undefined;
  if (body === undefined) return { kind: 'large-message', taskId, bodyBytes, properties };
  return { kind: 'message', source: 'live', message: { taskId, body, properties, redelivered: false } };
}
