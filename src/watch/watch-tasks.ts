/*
 * A watch is a snapshot and a stream, and removes nothing. It follows the events of its tasks, looks at each task once, and
 * then shows what events announce. Numbers missing among the events are a gap: what is still in the queue is shown, the
 * rest is counted. Messages without an event are noticed because a queue is deeper than the events explain, and are shown
 * in the same way.
 *
 * This file puts events, looks and the reader together. WatchedTasks knows which tasks there are and when to check them,
 * TaskWatch follows one of them, and KnownMessages is what it knows of its queue.
 */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { onAbort } from '../concurrency/on-abort.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { EventSequence } from '../events/event-sequence.ts';
import type { ManagementApiOptions } from '../management/management-api.ts';
import { withManagementApi } from '../management/with-management-api.ts';
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
import type { TaskQueueClient } from '../task-queue-client.ts';
import type { WatchItem } from './watch-items.ts';
import { WatchedTasks } from './watched-tasks.ts';

/** Beyond 1,000 items that wait for the reader, events wait too. */
const AT_MOST_WAITING = { objectMode: true, readableHighWaterMark: 1, writableHighWaterMark: 1_000 };

/** For {@link watchTasks}. */
export interface WatchTasksOptions {
  /**
   * Stops watching. The iteration then ends without an error, after a last look that takes at most 3 seconds, or a gap if the
   * watch had not begun.
   */
  signal?: AbortSignal | undefined;
  /** First show this many of the newest messages of each task, at most. Without named tasks it requires `api`. Default 0. */
  tail?: number | undefined;
  /** Also show when messages are dequeued or cleared. Default false. */
  removals?: boolean | undefined;
  /** Whether to look into queues. With false only what events announce is shown. Default true. */
  peek?: boolean | undefined;
  /**
   * Where the management API is, which knows all queues. Without named tasks it counts their messages at the beginning and
   * the end. In between it is asked, every 5 seconds or less often, which of them have changed; its statistics are up to 10
   * seconds old. Left out: publishers without events are noticed in named tasks only. Its `signal` is that of the watch.
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
  const { signal, tail = 0, removals = false, peek = true, api, globs } = checkOptions(options, WATCH_CHECKS);
  // Before anything is opened for them.
  for (const taskId of ids) queueName(taskId, client.prefix);
  if (api) await withManagementApi(api, async () => {});
  const items = new PassThrough(AT_MOST_WAITING);
  // Until the watch has begun, as the first item says.
  items.cork();
  const put = (item: WatchItem) => void (items.writable && items.write(item));
  const isBehind = () => items.writableNeedDrain;
  const room = async () => void (isBehind() && (await once(items, 'drain')));
  const fail = (error: unknown) => void (items.writable && items.destroy(error as Error));
  const stopping = new AbortController();
  // Tasks that show up in events alone are not looked at.
  const canPeek = peek && (ids.length > 0 || api !== undefined);
  const look = { client, put, isBehind, signal: stopping.signal, peek: canPeek, removals };
  const tasks = new WatchedTasks(ids, { ...look, api, globs });
  const sequence = new EventSequence();
  let hasBegun = false;
  let lostAt: number | undefined;
  const stop = async () => {
    stopping.abort();
    if (!hasBegun) put({ kind: 'gap', taskId: undefined, reason: 'stopped before the watch had begun' });
    // What is missed by an interruption is not known, which it has said.
    else if (lostAt === undefined) await tasks.lastLook();
    items.end();
  };
  const onStop = () => void stop().catch(fail);
  const stopListening = onAbort(signal, onStop);
  if (signal?.aborted) onStop();
  let subscription: TaskEventSubscription | undefined;
  const subscribing = client.subscribe(['enqueued', 'dequeued', 'cleared'], {
    onEvent: async (event, arrivedAt) => {
      const { taskId, queue } = event;
      const task = taskId === taskIdOf(queue, client.prefix) ? tasks.get(taskId) : undefined;
      if (task === undefined) return;
      await beginning;
      await task.show(event, arrivedAt, sequence.missingBefore(event, arrivedAt));
      await room();
    },
    onLost: (error) => {
      lostAt ??= performance.now();
      put({ kind: 'interrupted', error });
    },
    onResumed: async () => {
      const now = performance.now();
      put({ kind: 'resumed', afterMs: Math.round(now - (lostAt ?? now)) });
      lostAt = undefined;
      await beginning;
      await room();
      await tasks.catchUp();
    },
    onClosed: () => {
      // A subscription that could not be set up reports that itself.
      if (subscription === undefined) return;
      fail(new TaskQueueError(ErrorCode.closed, 'The client of this watch was closed meanwhile'));
      stopping.abort();
    },
  });
  const beginning = subscribing.then(async (subscribed) => {
    subscription = subscribed;
    // Followed before it is looked at, so that nothing falls in between.
    for (const taskId of ids.length > 0 ? ids : [undefined]) await subscribed.follow(taskId);
    for (const item of await tasks.snapshot(tail)) put(item);
    hasBegun = true;
    items.uncork();
    tasks.poll().catch(fail);
  });
  beginning.catch(fail);
  try {
    yield* items as AsyncIterable<WatchItem>;
  } finally {
    stopping.abort();
    items.destroy();
    stopListening();
    if (subscription !== undefined) await subscription.close();
    // Close one that is still being set up as soon as it is ready.
    else subscribing.then((late) => late.close()).catch(() => {});
  }
}
