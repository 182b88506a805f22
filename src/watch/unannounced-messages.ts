import { setTimeout as sleep } from 'node:timers/promises';
import { formatNumber } from '../errors/number-text.ts';
import { ErrorCode, hasCode, isTaskQueueError } from '../errors/task-queue-error.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { MAX_PEEK } from '../options/client-options.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import type { ItemQueue } from './item-queue.ts';
import type { WatchItem } from './watch-items.ts';
import { type DepthReading, EVENT_DELAY_MS, LATE_EVENT_MS, type WatchedTask } from './watched-task.ts';

/** How often the depth of a named task's queue is read. */
const POLL_MS = 500;

/** RabbitMQ 4.3; older versions answer everybody. */
const REFUSED =
  'only messages announced by events are shown; seeing others needs configure, write or read permission on the queue';

export interface LookOptions {
  client: TaskQueueClient;
  items: ItemQueue<WatchItem>;
  /** Ends polling. */
  signal: AbortSignal;
  /** Whether to look into queues; else only their depths are read. */
  peek: boolean;
}

/**
 * Shows messages without an event: those that are there when a watch begins, those of publishers without events, and those
 * that came while events were missed. A depth that events do not explain gives them away; a look at the queue shows them.
 */
export class UnannouncedMessages {
  readonly #options: LookOptions;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /** The first look, while events are held back. @returns what to show, of the messages the newest `tail` ones at most */
  async snapshot(task: WatchedTask, tail: number): Promise<WatchItem[]> {
    const { taskId } = task;
    try {
      const { depth } = await this.read(task);
      task.snapshotAt = performance.now();
      const seen = await this.#peek(task, depth);
      if (typeof seen !== 'string') {
        const messages = tail === 0 ? [] : seen.slice(-tail);
        return messages.map((message) => ({ kind: 'message', source: 'existing', message }));
      }
      task.noteUnseen(depth);
      const reason = `${countOf(depth)} already queued, not shown: ${seen}`;
      return tail === 0 ? [] : [{ kind: 'gap', taskId, missed: depth, reason }];
    } catch (error) {
      if (!hasCode(error, ErrorCode.accessRefused)) throw error;
      task.isRefused = true;
      return [{ kind: 'gap', taskId, reason: REFUSED }];
    }
  }

  /** Follows a task until the signal. The connection may be lost and return meanwhile. */
  async poll(task: WatchedTask): Promise<void> {
    while (await pause(POLL_MS * (0.75 + Math.random() / 2), this.#options.signal)) await this.look(task);
  }

  /** Shows what is in the task's queue without an event. While the connection is down, it does nothing. */
  look(task: WatchedTask): Promise<void> {
    task.turn = task.turn.then(async () => {
      try {
        await this.#look(task);
      } catch (error) {
        if (!isTaskQueueError(error)) throw error;
        if (!hasCode(error, ErrorCode.accessRefused) || task.isRefused) return;
        task.isRefused = true;
        this.#options.items.put({ kind: 'gap', taskId: task.taskId, reason: REFUSED });
      }
    });
    return task.turn;
  }

  async #look(task: WatchedTask): Promise<void> {
    const { items } = this.#options;
    const reading = await this.read(task);
    // The events of messages that were counted may still be on their way.
    if (!task.mustLook && reading.depth !== task.size) await sleep(EVENT_DELAY_MS);
    // While the reader is behind, events are too: they may announce all of these.
    if (!items.hasRoom) return;
    const unannounced = task.noteDepth(reading);
    if (!task.mustLook && unannounced === 0) return;
    const { depth } = task.mustLook ? reading : await this.read(task);
    const seen = await this.#peek(task, depth);
    if (typeof seen === 'string') this.#noteUnseen(task, unannounced, seen);
    else for (const message of seen) items.put({ kind: 'message', source: 'found', message });
    await items.room();
  }

  /** Says how many messages cannot be seen, once it is certain that no event announces them. */
  #noteUnseen(task: WatchedTask, missed: number, obstacle: string): void {
    const { taskId } = task;
    task.mustLook = false;
    task.unexplainedSince ??= performance.now();
    if (missed === 0 || performance.now() - task.unexplainedSince < LATE_EVENT_MS) return;
    task.noteUnseen(missed);
    const reason = `${countOf(missed)} without an event, not shown: ${obstacle}`;
    this.#options.items.put({ kind: 'gap', taskId, missed, reason });
  }

  /** How many messages are in the task's queue now. */
  async read(task: WatchedTask): Promise<DepthReading> {
    const { counts } = task;
    const depth = await this.#options.client.depth(task.taskId);
    return { task, depth: depth?.messages ?? 0, ...counts };
  }

  /**
   * Looks at all messages of a task, if that does no harm. Its events wait meanwhile: each is then about a message that was
   * seen, or that came later.
   * @returns the messages that were not seen before; or why it was not looked at
   */
  async #peek(task: WatchedTask, depth: number): Promise<StoredMessage[] | string> {
    const { client } = this.#options;
    const obstacle = depth === 0 ? undefined : await this.#obstacleToPeeking(task, depth);
    if (obstacle !== undefined) return obstacle;
    let release = () => {};
    task.looking = new Promise((resolve) => {
      release = resolve;
    });
    try {
      const messages = depth === 0 ? [] : await client.peek(task.taskId, { limit: MAX_PEEK });
      return messages.length < MAX_PEEK ? task.noteSeen(messages, depth) : TOO_DEEP;
    } catch (error) {
      if (!hasCode(error, ErrorCode.accessRefused) && !hasCode(error, ErrorCode.queueLocked)) throw error;
      return 'peeking needs read permission, and no exclusive consumer on the queue';
    } finally {
      task.looking = undefined;
      release();
    }
  }

  async #obstacleToPeeking({ taskId }: WatchedTask, depth: number): Promise<string | undefined> {
    const { client, peek } = this.#options;
    if (!peek) return 'peeking is off';
    if (depth >= MAX_PEEK) return TOO_DEEP;
    try {
      if ((await client.queueKind(taskId))?.isPlain !== false) return undefined;
      return 'not a plain classic queue, so peeking could reorder messages or count as a delivery';
    } catch (error) {
      if (!hasCode(error, ErrorCode.accessRefused)) throw error;
      return 'checking whether a peek is safe needs configure permission';
    }
  }
}

/** @returns false once the signal is aborted */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}

const TOO_DEEP = `watch does not peek at a queue with ${formatNumber(MAX_PEEK)} or more messages`;

export function countOf(count: number): string {
  return count === 1 ? '1 message' : `${formatNumber(count)} messages`;
}
