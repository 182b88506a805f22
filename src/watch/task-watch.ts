import { setTimeout as sleep } from 'node:timers/promises';
import { formatCount } from '../errors/number-text.ts';
import { ErrorCode, hasCode, isTaskQueueError } from '../errors/task-queue-error.ts';
import type { MissingEvents } from '../events/event-sequence.ts';
import type { TaskEvent } from '../events/task-events.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { MAX_PEEK } from '../options/client-options.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { EVENT_DELAY_MS, KnownMessages, LATE_EVENT_MS } from './known-messages.ts';
import { itemOf, notShown, type WatchItem } from './watch-items.ts';

/** How often the depth of a named task's queue is read. */
const POLL_MS = 500;

/** The same where it was refused: the broker logs each try. */
const REFUSED_MS = 60_000;

const TOO_DEEP = `watch does not peek at a queue with ${formatCount(MAX_PEEK, 'message')} or more`;
const DROPPED = 'events were dropped';

export interface TaskWatchOptions {
  client: TaskQueueClient;
  put(item: WatchItem): void;
  /** The reader is slow: wait before putting more. */
  isBehind(): boolean;
  /** Ends polling. */
  signal: AbortSignal;
  /** Whether to look into queues; else only their depths are read. */
  peek: boolean;
  removals: boolean;
}

/** The watch of one task. It shows what events announce and, where they do not explain the depth, what is in the queue. */
export class TaskWatch {
  readonly taskId: string;
  known = new KnownMessages();
  readonly #options: TaskWatchOptions;
  /** Looks and readings take turns, as each would miss what another look holds. Events wait for them. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Set while the depth may not be read, which the watcher knows: when it is tried again. */
  #retryAt: number | undefined;

  constructor(taskId: string, options: TaskWatchOptions) {
    this.taskId = taskId;
    this.#options = options;
  }

  /**
   * The first look.
   * @param isAlone no other task is looked at
   * @returns what to show, of the messages the newest `tail` ones at most
   */
  async snapshot(tail: number, isAlone: boolean): Promise<WatchItem[]> {
    this.known = new KnownMessages();
    const depth = await this.#depth();
    this.known.begunAt = performance.now();
    const seen = await this.#peek(depth, isAlone);
    if (typeof seen === 'string') this.known.noteUnseen(depth);
    if (tail === 0) return [];
    if (typeof seen === 'string') return [notShown(this.taskId, depth, ' already queued', seen)];
    return seen.slice(-tail).map((message) => ({ kind: 'message', source: 'existing', message }));
  }

  /** Shows what an event announces, after what is missing before it. */
  async show(event: TaskEvent, arrivedAt: number, missing: MissingEvents): Promise<void> {
    const { known, taskId } = this;
    const { put, removals } = this.#options;
    await this.#turn;
    if (event.event === 'enqueued') {
      // Those that are still in the queue are older than what this event announces.
      const obstacle = missing.count > 0 ? await this.look().catch(ignoreFailure) : undefined;
      const { isNew, missed } = known.noteAnnounced(event, missing, arrivedAt);
      if (obstacle !== undefined) known.noteUnseen(missed);
      if (missed > 0) put(notShown(taskId, missed, '', DROPPED));
      if (isNew) put(itemOf(event));
      return;
    }
    known.noteRemoved(event.count, event.event === 'dequeued' ? event.messageId : undefined, arrivedAt);
    if (!removals) return;
    if (missing.count > 0)
      put({ kind: 'gap', taskId, reason: `${formatCount(missing.count, 'removal')}, not shown: ${DROPPED}` });
    put(itemOf(event));
  }

  /** Checks the queue until the signal. */
  async poll(): Promise<void> {
    while (!this.#options.signal.aborted) {
      await sleep(POLL_MS * (0.75 + Math.random() / 2), undefined, { ref: false });
      await this.check().catch(ignoreFailure);
    }
  }

  /** Shows or counts messages without an event. Those that may yet have one stay unexplained. */
  async check(): Promise<void> {
    const { known, taskId } = this;
    const { put, isBehind, signal } = this.#options;
    await this.#inTurn(async () => known.noteDepth(await this.#depth()));
    if (known.unexplained === 0) return;
    // Their events may be on their way; while the reader is behind, they are.
    await sleep(EVENT_DELAY_MS);
    if (known.unexplained === 0 || isBehind()) return;
    const obstacle = await this.look();
    const missed = known.unexplained;
    if (obstacle === undefined || missed === 0 || signal.aborted) return;
    await sleep(LATE_EVENT_MS, undefined, { ref: false });
    // While events come, others may be on their way.
    if (signal.aborted || isBehind() || known.unexplained !== missed) return;
    known.noteCounted();
    put(notShown(taskId, missed, ' without an event', obstacle));
  }

  /** Shows what is in the queue and was not seen. @returns why it could not be looked at */
  look(): Promise<string | undefined> {
    if (this.#retryAt !== undefined) this.#retryAt = 0;
    return this.#inTurn(async () => {
      const seen = await this.#peek(await this.#depth(), true);
      if (typeof seen === 'string') return seen;
      for (const message of seen) this.#options.put({ kind: 'message', source: 'found', message });
      return undefined;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Where it is refused, which is said once, the queue counts as what events say. */
  async #depth(): Promise<number> {
    if (performance.now() < (this.#retryAt ?? 0)) return this.known.size;
    try {
      const depth = await this.#options.client.depth(this.taskId);
      this.#retryAt = undefined;
      return depth?.messages ?? 0;
    } catch (error) {
      if (!hasCode(error, ErrorCode.accessRefused, ErrorCode.queueLocked)) throw error;
      const reason = `only messages announced by events are shown: ${error.message}`;
      if (this.#retryAt === undefined) this.#options.put({ kind: 'gap', taskId: this.taskId, reason });
      this.#retryAt = performance.now() + REFUSED_MS;
      return this.known.size;
    }
  }

  /** Looks at all messages, if that does no harm. @returns those that were not seen before; or why it was not looked at */
  async #peek(depth: number, isAlone: boolean): Promise<StoredMessage[] | string> {
    const { client, peek } = this.#options;
    if (depth === 0) return this.known.noteSeen([], 0);
    if (!peek) return 'peeking is off';
    if (depth >= MAX_PEEK) return TOO_DEEP;
    try {
      if ((await client.queueKind(this.taskId))?.isPlain === false)
        return 'not a plain classic queue, so peeking could reorder messages or count as a delivery';
      const messages = await client.peek(this.taskId, { limit: MAX_PEEK });
      return messages.length < MAX_PEEK ? this.known.noteSeen(messages, depth) : TOO_DEEP;
    } catch (error) {
      if (isAlone && hasCode(error, ErrorCode.brokerError))
        return 'the broker had an internal error while they were read';
      if (!hasCode(error, ErrorCode.accessRefused, ErrorCode.queueLocked)) throw error;
      return 'peeking needs read permission, configure permission, and no exclusive consumer on the queue';
    }
  }
}

/** For looks that are repeated: the broker may be away. @returns why */
export function ignoreFailure(error: unknown): string {
  if (!isTaskQueueError(error)) throw error;
  return error.message;
}
