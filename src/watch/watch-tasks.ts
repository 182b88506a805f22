/*
 * Watching
 *
 * A watch is a snapshot and a stream, and removes nothing. It first subscribes to the events of its tasks. Then it looks at
 * each task once, and shows the newest messages that are there (`tail`). From then on it shows what events announce: each
 * message once, in the order of the queue.
 *
 * Events are numbered. Some may be missing: dropped by a busy publisher, dropped by the broker for a slow watcher, or sent
 * while the connection was lost. The watch then shows what is still in the queue, and says how many messages it missed, at
 * their place in the order.
 *
 * Publishers without events (the Python package, other AMQP clients) are noticed because the queue is deeper than the
 * events explain. For a named task, that takes up to a second; for all tasks, it needs the management API and takes about
 * 10 seconds, or longer with thousands of queues, as listing them is work for the broker. The watch then looks at the
 * messages again, and shows those that it has not shown. It recognises a message by its message id, or by its body if it has
 * no id, until a look no longer finds it. It remembers 2,000 messages of a task; where it has forgotten some that may be in
 * the queue, it shows only as many as came without an event, the newest ones. Such a message is missed silently if a reader
 * takes it first, or if another message is taken in the same interval. One that a reader holds while 2,000 others come, and
 * then gives back, is shown twice.
 *
 * At the end, the watch looks once more, and counts what it has not shown.
 *
 * A look holds the messages for some milliseconds and marks them as redelivered. So the watch looks only where that is
 * safe: at classic queues without arguments and with fewer than 1,000 messages. Elsewhere, and everywhere with
 * `peek: false`, it says what it cannot show.
 */
import { once, setMaxListeners } from 'node:events';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { globMatcher } from '../management/globs.ts';
import type { ManagementApiOptions } from '../management/management-api.ts';
import { queueName, taskIdOf } from '../messages/queue-names.ts';
import {
  aBoolean,
  aClient,
  anIterable,
  anObject,
  aSignal,
  type Checks,
  checkArgument,
  checkOptions,
  integer,
  strings,
} from '../options/check-options.ts';
import type { TaskEventSubscription } from '../options/client-options.ts';
import { onAbort } from '../options/on-abort.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { AllTasks } from './all-tasks.ts';
import { AnnouncedMessages } from './announced-messages.ts';
import { ItemQueue } from './item-queue.ts';
import { lastLook } from './last-look.ts';
import { TaskWatch } from './task-watch.ts';
import type { WatchItem } from './watch-items.ts';

/** For {@link watchTasks}. */
export interface WatchTasksOptions {
  /** Stops watching. The iteration then ends without an error, after a last look that takes at most 3 seconds. */
  signal?: AbortSignal | undefined;
  /** First show this many of the newest messages of each task, at most. Without named tasks it takes `api`. Default 0. */
  tail?: number | undefined;
  /** Also show when messages are dequeued or cleared. Default false. */
  removals?: boolean | undefined;
  /** Whether to look into queues. With false only what events announce is shown. Default true. */
  peek?: boolean | undefined;
  /**
   * Where the management API is, which knows all queues. Without named tasks it counts their messages at the beginning and
   * the end. In between it is asked, every 5 seconds or less often, which of them have grown; its statistics are up to 10
   * seconds old. Left out: publishers without events are noticed in
   * named tasks only. Its `signal` is that of the watch.
   */
  api?: ManagementApiOptions | undefined;
  /** Without named tasks: only those whose ids match one of these. `*` is any text, `?` one character. Default: all. */
  globs?: readonly string[] | undefined;
}

const WATCH_CHECKS: Checks<WatchTasksOptions> = {
  signal: aSignal,
  tail: integer(0),
  removals: aBoolean,
  peek: aBoolean,
  api: anObject,
  globs: strings,
};

/**
 * Follows the messages of the named tasks, or of all tasks if none is named. Removes nothing; any number of watchers can
 * follow a task. They see copies of the messages, in events that every publisher with this package sends. With the first
 * item the watch has begun, for every task: what is published after it is shown, or counted in a gap. The watch resumes by
 * itself when the broker is back.
 *
 * @param client it stays open afterwards
 * @param taskIds the tasks to follow; none for all
 * @param options
 * @throws TaskQueueError `INVALID_ARGUMENT` for an unusable task id or option; when the broker cannot be reached at the
 * start, or refuses the subscription; `CLOSED` when the client is closed
 */
export async function* watchTasks(
  client: TaskQueueClient,
  taskIds: readonly string[],
  options: WatchTasksOptions = {},
): AsyncGenerator<WatchItem, void, undefined> {
  checkArgument('client', client, aClient);
  checkArgument('taskIds', taskIds, anIterable);
  const ids = [...taskIds];
  // Before anything is opened for them.
  for (const taskId of ids) queueName(taskId, client.prefix);
  const checked = checkOptions(options, WATCH_CHECKS);
  const { signal, tail = 0, removals = false, peek = true, api, globs } = checked;
  const items = new ItemQueue<WatchItem>();
  const stopping = new AbortController();
  // Each poll listens to it, and there can be more than the ten that Node takes for a leak.
  setMaxListeners(0, stopping.signal);
  const aborted = once(stopping.signal, 'abort').then(() => undefined);
  const look = { client, items, signal: stopping.signal, peek };
  const named = new Map(ids.map((taskId) => [taskId, new TaskWatch(taskId, look, true)]));
  const matchers = globs?.map(globMatcher) ?? [() => true];
  const isWatched = (taskId: string) =>
    named.size > 0 ? named.has(taskId) : matchers.some((matches) => matches(taskId));
  const visible = () => [...named.values()].filter(({ isRefused }) => !isRefused);
  const announced = new AnnouncedMessages(items, removals);
  const all = named.size === 0 && api ? new AllTasks(look, api, isWatched) : undefined;
  await all?.checkOptions();
  let isShowing = false;
  let lostAt: number | undefined;
  const readDepths = async (giveUp: AbortSignal) =>
    all?.end(giveUp) ?? Promise.all(visible().map((task) => task.looked().then(() => task.read())));
  const stop = async () => {
    stopping.abort();
    try {
      // What is missed by an interruption is not known, which it has said.
      const last = isShowing && lostAt === undefined ? await lastLook(readDepths) : undefined;
      if (last !== undefined) items.put(last);
      items.end();
    } catch (error) {
      items.end({ error });
    }
  };
  const stopListening = onAbort(signal, stop);
  if (signal?.aborted) void stop();
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  let subscription: TaskEventSubscription | undefined;
  const subscribing = client.subscribe(['enqueued', 'dequeued', 'cleared'], {
    onEvent: async (event, arrivedAt) => {
      const { taskId, queue } = event;
      if (taskId !== taskIdOf(queue, client.prefix) || !isWatched(taskId)) return;
      await begun;
      await announced.show(event, arrivedAt, named.get(taskId) ?? all?.get(taskId));
    },
    onLost: (error) => {
      lostAt ??= performance.now();
      items.put({ kind: 'interrupted', error });
    },
    onResumed: async () => {
      const now = performance.now();
      items.put({ kind: 'resumed', afterMs: Math.round(now - (lostAt ?? now)) });
      lostAt = undefined;
      await begun;
      await items.room();
      for (const task of all ?? named.values()) task.mustLook = true;
      // What came meanwhile is older than what events announce from now on.
      await Promise.all(visible().map((task) => task.look()));
    },
    onClosed: () => {
      // A subscription that could not be set up reports that itself.
      if (subscription === undefined) return;
      items.end({
        error: new TaskQueueError(ErrorCode.closed, 'The client of this watch was closed meanwhile'),
      });
      stopping.abort();
    },
  });
  const takeSnapshots = async (subscribed: TaskEventSubscription) => {
    // Followed before it is looked at, so that nothing falls in between.
    for (const taskId of named.size > 0 ? named.keys() : [undefined]) await subscribed.follow(taskId);
    const tasks =
      all && tail > 0 ? ((await all.list('counted'))?.map(({ task }) => task) ?? []) : named.values();
    const snapshots = await Promise.all([...tasks].map((task) => task.snapshot(tail)));
    return snapshots.flat();
  };
  try {
    subscription = await Promise.race([subscribing, aborted]);
    if (subscription === undefined) return;
    const existing = await Promise.race([takeSnapshots(subscription), aborted]);
    for (const item of existing ?? []) items.put(item);
    begin();
    isShowing = true;
    const polls = visible().map((task) => task.poll());
    if (all) polls.push(all.poll());
    Promise.all(polls).catch((error) => items.end({ error }));
    yield* items;
  } finally {
    stopping.abort();
    items.end();
    stopListening();
    if (subscription !== undefined) await subscription.close();
    // Close one that is still being set up as soon as it is ready.
    else subscribing.then((late) => late.close()).catch(() => {});
  }
}
