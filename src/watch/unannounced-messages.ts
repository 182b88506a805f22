/*
 * Messages without an event: what is there when a watch begins, what publishers without events add, and what came while
 * events were missed. A depth that events do not explain gives them away; a look at the queue shows them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, hasCode, isTaskQueueError } from '../errors/task-queue-error.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { MAX_PEEK } from '../options/client-options.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import type { ItemQueue } from './item-queue.ts';
import type { WatchItem } from './watch-items.ts';
import { EVENT_DELAY_MS, LATE_EVENT_MS, type WatchedTask } from './watched-task.ts';

/** How often the depth of a named task's queue is read. */
const POLL_MS = 500;

/** RabbitMQ 4.3; older versions answer everybody. */
const REFUSED =
  'only messages of publishers with events are shown: more takes permission to configure, write to or read the queue';

const PEEK_OFF = 'looking into queues is switched off';

export interface LookOptions {
  client: TaskQueueClient;
  items: ItemQueue<WatchItem>;
  /** Ends polling. */
  signal: AbortSignal;
  /** Whether to look into queues; else only their depths are read. */
  peek: boolean;
  isWatched(taskId: string): boolean;
}

export class UnannouncedMessages {
  readonly #options: LookOptions;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /**
   * Looks at a task for the first time, while its events are held back.
   * @param tail how many of the newest messages to show
   * @returns what to show of the messages that are there
   */
  async snapshot(task: WatchedTask, tail: number): Promise<WatchItem[]> {
    const { taskId } = task;
    let depth: number;
    try {
      depth = await this.#depthOf(task);
    } catch (error) {
      if (!hasCode(error, ErrorCode.accessRefused)) throw error;
      task.isVisible = false;
      return [{ kind: 'gap', taskId, reason: REFUSED }];
    }
    let newest: StoredMessage[] = [];
    task.snapshotAt = performance.now();
    const obstacle = await this.#peek(task, depth, (messages) => {
      task.noteSeen(messages, depth);
      newest = tail === 0 ? [] : messages.slice(-tail);
    });
    if (obstacle === undefined)
      return newest.map((message) => ({ kind: 'message', source: 'existing', message }));
    task.snapshotAt = Number.NEGATIVE_INFINITY;
    task.mustLook = false;
    task.noteUnseen(depth);
    const reason = `${countOf(depth)} already queued, not shown: ${obstacle}`;
    return tail === 0 ? [] : [{ kind: 'gap', taskId, missed: depth, reason }];
  }

  /** Looks after a task until the signal. The connection may come and go meanwhile. */
  async poll(task: WatchedTask): Promise<void> {
    const { signal } = this.#options;
    while (await pause(POLL_MS * (0.75 + Math.random() / 2), signal)) await this.look(task);
  }

  /** Shows what is in the task's queue without an event. While the connection is down, it does nothing. */
  look(task: WatchedTask): Promise<void> {
    task.turn = task.turn.then(async () => {
      try {
        await this.#look(task);
      } catch (error) {
        if (!isTaskQueueError(error)) throw error;
        if (!hasCode(error, ErrorCode.accessRefused) || task.reported.has(REFUSED)) return;
        task.reported.add(REFUSED);
        this.#options.items.put({ kind: 'gap', taskId: task.taskId, reason: REFUSED });
      }
    });
    return task.turn;
  }

  async #look(task: WatchedTask): Promise<void> {
    const { items, signal } = this.#options;
    const before = { added: task.added, removed: task.removed };
    let depth = await this.#depthOf(task);
    // The events of messages that were counted may still be on their way.
    if (!task.mustLook && depth !== task.size) await pause(EVENT_DELAY_MS, signal);
    // While the reader is behind, so are the events: they may announce all of these.
    if (signal.aborted || items.isFull) return;
    const unannounced = task.noteDepth(depth, before);
    if (unannounced === 0) task.unexplainedSince = undefined;
    if (!task.mustLook && unannounced === 0) return;
    if (!task.mustLook) depth = await this.#depthOf(task);
    const obstacle = await this.#peek(task, depth, (messages) => {
      for (const message of task.noteSeen(messages, depth))
        items.put({ kind: 'message', source: 'found', message });
    });
    if (obstacle !== undefined) this.#noteUnseen(task, unannounced, obstacle);
    await items.room();
  }

  /** Says how many messages cannot be seen, once it is certain that no event announces them. */
  #noteUnseen(task: WatchedTask, count: number, obstacle: string): void {
    task.mustLook = false;
    if (count === 0) return;
    const now = performance.now();
    if (task.unexplainedSince === undefined || task.announcedAt > task.unexplainedSince)
      task.unexplainedSince = now;
    if (now - task.unexplainedSince < LATE_EVENT_MS) return;
    task.unexplainedSince = undefined;
    task.noteUnseen(count);
    if (task.reported.has(PEEK_OFF)) return;
    if (obstacle === PEEK_OFF) task.reported.add(PEEK_OFF);
    const reason = `${countOf(count)} without an event, not shown: ${obstacle}`;
    this.#options.items.put({ kind: 'gap', taskId: task.taskId, missed: count, reason });
  }

  async #depthOf({ taskId }: WatchedTask): Promise<number> {
    return (await this.#options.client.depth(taskId))?.messages ?? 0;
  }

  /**
   * Looks at all messages of a task, if that does no harm. Its events wait meanwhile: each is then about a message that was
   * seen, or that came later.
   * @returns why it was not looked at
   */
  async #peek(
    task: WatchedTask,
    depth: number,
    note: (messages: StoredMessage[]) => void,
  ): Promise<string | undefined> {
    if (depth === 0) return void note([]);
    const obstacle = await this.#obstacleToPeeking(task, depth);
    if (obstacle !== undefined) return obstacle;
    let release = () => {};
    task.looking = new Promise((resolve) => {
      release = resolve;
    });
    try {
      const messages = await this.#options.client.peek(task.taskId, { limit: MAX_PEEK });
      if (messages.length >= MAX_PEEK) return tooDeep(messages.length);
      note(messages);
      return undefined;
    } catch (error) {
      if (!hasCode(error, ErrorCode.accessRefused) && !hasCode(error, ErrorCode.queueLocked)) throw error;
      return 'it takes permission to read the queue, and no exclusive consumer';
    } finally {
      task.looking = undefined;
      release();
    }
  }

  async #obstacleToPeeking({ taskId }: WatchedTask, depth: number): Promise<string | undefined> {
    const { client, peek } = this.#options;
    if (!peek) return PEEK_OFF;
    if (depth >= MAX_PEEK) return tooDeep(depth);
    try {
      if ((await client.isPlainQueue(taskId)) !== false) return undefined;
      return 'on a queue that is not a plain classic one, a look would count as a delivery';
    } catch (error) {
      if (!hasCode(error, ErrorCode.accessRefused)) throw error;
      return 'checking whether a look is safe takes permission to configure the queue';
    }
  }
}

/** @returns false once the signal is aborted */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}

function tooDeep(depth: number): string {
  return `the queue holds ${depth} messages, and only fewer than ${MAX_PEEK} are looked at`;
}

function countOf(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}
