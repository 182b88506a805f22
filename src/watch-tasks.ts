import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_PEEK } from './client-options.ts';
import type { TaskQueueError } from './errors.ts';
import { queueName } from './naming.ts';
import type { MessageProperties, StoredMessage } from './stored-message.ts';
import type { EventName, TaskEvent } from './task-events.ts';
import type { TaskQueueClient } from './task-queue-client.ts';
import { WatchedTask } from './watched-task.ts';

/** For {@link watchTasks}. */
export interface WatchTasksOptions {
  /** Stops watching; the iteration ends then, without an error. */
  signal?: AbortSignal;
  /** Begin with so many of the newest messages that are there already, for each task named. Default 0. */
  tail?: number;
  /** Also tell when messages are dequeued or cleared. Default false. */
  removals?: boolean;
}

/** What a watcher sees, in the order in which it sees it. */
export type WatchItem =
  | {
      kind: 'message';
      /** How it was noticed: there from the start, told by an event, or found by looking at the queue. */
      source: 'existing' | 'live' | 'found';
      message: StoredMessage;
    }
  /** A message that is too large for its event to carry the body. It is in its queue as ever. */
  | { kind: 'large-message'; taskId: string; bodyBytes: number; properties: MessageProperties }
  | { kind: 'dequeued'; taskId: string; count: number; messageId: string | undefined }
  | { kind: 'cleared'; taskId: string; count: number }
  /** Something may have happened that was not seen. */
  | { kind: 'gap'; taskId: string | undefined; reason: string }
  | { kind: 'interrupted'; error: TaskQueueError }
  | { kind: 'resumed'; afterMs: number };

/** How often the depth of a watched queue is looked at, for publishers that tell no events. */
const POLL_MS = 500;

/** Within this time an event has arrived that belongs to what a depth already counts. */
const EVENT_DELAY_MS = 100;

/** Items that the reader has not taken yet; the broker keeps, within limits, what is over that. */
const MAX_PENDING = 1_000;

/**
 * Follows the messages of some tasks, or of all without any named. Takes nothing, and disturbs nobody: it
 * reads copies of the messages, sent as events by every publisher that uses this package. Any number of
 * watchers may watch.
 *
 * Publishers without events (the Python package) are noticed when a named task's queue holds more than events
 * told of; then it is peeked at, once, if it is a plain classic queue. What such a publisher queues and a
 * reader takes within half a second is not seen. Each message is shown once.
 *
 * Goes on by itself when the broker comes back, and says so, as it says what it may have missed.
 *
 * @throws TaskQueueError when the broker cannot be reached at the start, or refuses the subscription
 */
export async function* watchTasks(
  client: TaskQueueClient,
  taskIds: readonly string[],
  { signal, tail = 0, removals = false }: WatchTasksOptions = {},
): AsyncGenerator<WatchItem, void, undefined> {
  const tasks = new Map(taskIds.map((taskId) => [taskId, new WatchedTask(taskId)]));
  const items = new ItemQueue();
  const isWatched = ({ taskId, queue }: TaskEvent) =>
    queue === queueName(taskId, client.prefix) && (tasks.size === 0 || tasks.has(taskId));
  let lostAt = 0;
  const events: EventName[] = ['enqueued', 'dequeued', 'cleared'];
  const subscription = await client.subscribe(events, {
    onEvent: (event) => {
      if (!isWatched(event)) return;
      const item = itemOf(event, tasks.get(event.taskId), removals);
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
    if (tasks.size === 0) await subscription.follow();
    // Subscribed before it is looked at, so that nothing falls in between; what shows up in both is shown once.
    for (const task of tasks.values()) {
      await subscription.follow(task.taskId);
      yield* existing(client, task, tail);
    }
    const polling = Promise.all(
      [...tasks.values()].map((task) => poll(client, task, items, stopping.signal)),
    ).catch((error) => items.fail(error));
    yield* items;
    await polling;
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

async function* existing(
  client: TaskQueueClient,
  task: WatchedTask,
  tail: number,
): AsyncGenerator<WatchItem> {
  const { taskId } = task;
  const depth = (await client.depth(taskId))?.messages ?? 0;
  if (depth === 0) return;
  const obstacle = await obstacleToPeeking(client, taskId, depth);
  if (obstacle !== undefined || tail === 0) {
    task.skip(depth);
    if (tail > 0)
      yield { kind: 'gap', taskId, reason: `${depth} messages that were there are not shown: ${obstacle}` };
    return;
  }
  const messages = task.notePeeked(await client.peek(taskId, { limit: MAX_PEEK }));
  for (const message of messages.slice(-tail)) yield { kind: 'message', source: 'existing', message };
}

/** Looks after publishers without events, until the signal; the connection may come and go meanwhile. */
async function poll(
  client: TaskQueueClient,
  task: WatchedTask,
  items: ItemQueue,
  signal: AbortSignal,
): Promise<void> {
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {});
  while (!signal.aborted) {
    await pause(POLL_MS * (0.75 + Math.random() / 2));
    if (signal.aborted) return;
    try {
      const mark = task.mark();
      const depth = (await client.depth(task.taskId))?.messages ?? 0;
      await pause(EVENT_DELAY_MS);
      if (!task.holdsUntold(depth, mark)) continue;
      const obstacle = await obstacleToPeeking(client, task.taskId, depth);
      if (obstacle !== undefined) {
        task.skip(depth);
        await items.put({
          kind: 'gap',
          taskId: task.taskId,
          reason: `messages came from a publisher without events and are not shown: ${obstacle}`,
        });
        continue;
      }
      const fresh = task.notePeeked(await client.peek(task.taskId, { limit: MAX_PEEK }));
      for (const message of fresh) await items.put({ kind: 'message', source: 'found', message });
    } catch {
      // The connection is down, which the subscription tells of; looking goes on when it is back.
    }
  }
}

/** Why the queue cannot be peeked at without harm. */
async function obstacleToPeeking(
  client: TaskQueueClient,
  taskId: string,
  depth: number,
): Promise<string | undefined> {
  if (depth > MAX_PEEK) return `the queue is ${depth} messages deep, and at most ${MAX_PEEK} are looked at`;
  if ((await client.isPlainQueue(taskId)) === false) {
    return 'it is no plain classic queue, and looking would count as a delivery';
  }
  return undefined;
}

/** Items on their way from the events to the reader, who may be slow. */
class ItemQueue {
  readonly #items: WatchItem[] = [];
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];
  #hasEnded = false;
  #failure: { error: unknown } | undefined;

  /** Resolves when there is room for the next one. */
  async put(item: WatchItem): Promise<void> {
    this.#items.push(item);
    this.#wakeReader?.();
    if (this.#items.length < MAX_PENDING || this.#hasEnded) return;
    await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
  }

  end(): void {
    this.#hasEnded = true;
    this.#wakeReader?.();
    for (const wake of this.#wakeWriters.splice(0)) wake();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchItem, void, undefined> {
    while (true) {
      const item = this.#items.shift();
      if (item !== undefined) {
        if (this.#items.length < MAX_PENDING) for (const wake of this.#wakeWriters.splice(0)) wake();
        yield item;
        continue;
      }
      if (this.#failure) throw this.#failure.error;
      if (this.#hasEnded) return;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }
}
