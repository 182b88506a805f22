import { setMaxListeners } from 'node:events';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { EventSequence } from '../events/event-sequence.ts';
import type { EventName, TaskEvent } from '../events/task-events.ts';
import type { ManagementApiOptions } from '../management/management-api.ts';
import { taskIdOf } from '../messages/queue-names.ts';
import type { TaskEventSubscription } from '../options/client-options.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { firstLook } from './first-look.ts';
import { ItemQueue } from './item-queue.ts';
import { mapInChunks } from './map-in-chunks.ts';
import { unlessAborted } from './unless-aborted.ts';
import { closeGap, look, missedMessages, searchAllTasks, searchTask } from './untold-messages.ts';
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
   * are noticed in named tasks alone. Its `signal` is that of the watch.
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
 * half a second is not seen, nor what comes and goes within some 10 seconds where all tasks are watched, nor what
 * takes the place of another message meanwhile. Each message is shown once. With the first item the watch has begun,
 * for every task: what events tell after it is shown.
 *
 * Goes on by itself when the broker comes back, and says so, as it says what it may have missed.
 *
 * @param client it stays open afterwards
 * @param taskIds the tasks to follow; none for all
 * @param options
 * @throws TaskQueueError when the broker cannot be reached at the start, or refuses the subscription; `CLOSED` when the
 * client is closed
 */
export async function* watchTasks(
  client: TaskQueueClient,
  taskIds: readonly string[],
  { signal, tail = 0, removals = false, api }: WatchTasksOptions = {},
): AsyncGenerator<WatchItem, void, undefined> {
  const areAll = taskIds.length === 0;
  const tasks = new WatchedTasks(taskIds);
  const items = new ItemQueue<WatchItem>();
  const sequence = new EventSequence();
  const isWatched = ({ taskId, queue }: TaskEvent) =>
    taskId === taskIdOf(queue, client.prefix) && tasks.isWatched(taskId);
  const isSearched = !areAll || api !== undefined;
  const stopping = new AbortController();
  // Each search listens to it, and there can be more than the ten that Node takes for a leak.
  setMaxListeners(0, stopping.signal);
  const stop = () => {
    stopping.abort();
    items.end();
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  let lostAt: number | undefined;
  let hasReader = false;
  /** The ones named, once the watch has begun; those that the user may see into. */
  let visible: WatchedTask[] = [];
  let subscription: TaskEventSubscription | undefined;
  const events: EventName[] = ['enqueued', 'dequeued', 'cleared'];
  const subscribing = client.subscribe(events, {
    onEvent: async (event, arrivedAt) => {
      if (!isWatched(event)) return;
      const task = isSearched ? tasks.get(event.taskId) : undefined;
      const missing = sequence.missingBefore(event);
      await task?.held;
      if (missing > 0) await noteMissing(event, missing, task);
      const item = itemOf(event, arrivedAt, task, removals);
      if (item === undefined) return;
      items.put(item);
      // Until then nobody makes room.
      if (hasReader) await items.room();
    },
    onLost: (error) => {
      lostAt ??= Date.now();
      items.put({ kind: 'interrupted', error });
    },
    onResumed: async () => {
      tasks.noteGap();
      items.put({ kind: 'resumed', afterMs: lostAt === undefined ? 0 : Date.now() - lostAt });
      lostAt = undefined;
      // A reader who is behind has all that was told to see first.
      if (hasReader) await items.room();
      // What came meanwhile is older than what events tell from now on.
      await mapInChunks(visible, (task) => look(search, task), stopping.signal);
    },
    onClosed: () => {
      // One that could not be set up says so itself.
      if (subscription === undefined) return;
      items.fail(new TaskQueueError(ErrorCode.closed, 'The client of this watch was closed meanwhile'));
      stopping.abort();
    },
  });
  const search = { client, items, signal: stopping.signal };
  const noteMissing = async ({ event, taskId }: TaskEvent, count: number, task: WatchedTask | undefined) => {
    if (event === 'enqueued') {
      if (task === undefined) items.put(missedMessages(taskId, count));
      else await closeGap(search, task, count, visible.includes(task));
      return;
    }
    task?.noteGap();
    const reason = `${count === 1 ? '1 removal is' : `${count} removals are`} not shown, as events were dropped on the way`;
    if (removals) items.put({ kind: 'gap', taskId, reason });
  };
  try {
    subscription = await unlessAborted(subscribing, stopping.signal);
    if (subscription === undefined) return;
    // Followed before it is looked at, so that nothing falls in between; what shows up in both is shown once.
    const beginning = follow(subscription, taskIds).then(() =>
      mapInChunks([...tasks], (task) => firstLook(search, task, tail), stopping.signal),
    );
    // All are looked at before the first is shown, which tells that the watch has begun, for every task.
    const looks = (await unlessAborted(beginning, stopping.signal)) ?? [];
    hasReader = true;
    visible = looks.filter(({ isVisible }) => isVisible).map(({ task }) => task);
    for (const { existing } of looks) if (!stopping.signal.aborted) yield* existing;
    const searches = visible.map((task) => searchTask(search, task));
    if (areAll && api) searches.push(searchAllTasks(search, tasks, api));
    Promise.all(searches).catch((error) => items.fail(error));
    yield* items;
  } finally {
    stop();
    signal?.removeEventListener('abort', stop);
    if (subscription !== undefined) await subscription.close();
    // One that is still being set up is closed as soon as it is there.
    else subscribing.then((late) => late.close()).catch(() => {});
  }
}

/** @param taskIds none for all */
async function follow(subscription: TaskEventSubscription, taskIds: readonly string[]): Promise<void> {
  if (taskIds.length === 0) await subscription.follow();
  for (const taskId of taskIds) await subscription.follow(taskId);
}

function itemOf(
  event: TaskEvent,
  arrivedAt: number,
  task: WatchedTask | undefined,
  removals: boolean,
): WatchItem | undefined {
  const { taskId } = event;
  if (event.event !== 'enqueued') {
    task?.noteRemoved(event, arrivedAt);
    if (!removals) return undefined;
    const { count } = event;
    return event.event === 'cleared'
      ? { kind: 'cleared', taskId, count }
      : { kind: 'dequeued', taskId, count, messageId: event.messageId };
  }
  const { body, bodyBytes, properties, propertyList } = event;
  const isNew = task?.noteEnqueued(event, arrivedAt) ?? true;
  if (!isNew) return undefined;
  if (body === undefined) return { kind: 'large-message', taskId, bodyBytes, properties };
  return {
    kind: 'message',
    source: 'live',
    message: { taskId, body, properties, ...(propertyList && { propertyList }), redelivered: false },
  };
}
