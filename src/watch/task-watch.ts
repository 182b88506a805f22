import { setTimeout as sleep } from 'node:timers/promises';
import { formatNumber } from '../errors/number-text.ts';
import { ErrorCode, hasCode, isTaskQueueError } from '../errors/task-queue-error.ts';
import type { MissingEvents } from '../events/event-sequence.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { MAX_PEEK } from '../options/client-options.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import type { ItemQueue } from './item-queue.ts';
import { type DepthReading, EVENT_DELAY_MS, KnownMessages, LATE_EVENT_MS } from './known-messages.ts';
import type { WatchItem } from './watch-items.ts';

/** How often the depth of a named task's queue is read. */
const POLL_MS = 500;

/** RabbitMQ 4.3; older versions answer everybody. */
const REFUSED =
  'only messages announced by events are shown; seeing others needs configure, write or read permission on the queue';

const TOO_DEEP = `watch does not peek at a queue with ${formatNumber(MAX_PEEK)} or more messages`;

export interface LookOptions {
  client: TaskQueueClient;
  items: ItemQueue<WatchItem>;
  /** Ends polling. */
  signal: AbortSignal;
  /** Whether to look into queues; else only their depths are read. */
  peek: boolean;
}

/** How many messages a task's queue held. */
export interface TaskReading extends DepthReading {
  task: TaskWatch;
}

/**
 * The watch of one task. It shows messages without an event: those that are there when the watch begins, those of publishers
 * without events, and those that came while events were missed. A depth that events do not explain gives them away; a look
 * at the queue shows them.
 */
export class TaskWatch {
  readonly taskId: string;
  readonly known = new KnownMessages();
  /** Events may have been missed: look, whatever the depth. */
  mustLook: boolean;
  /** The user may not read the depth, which the watcher knows. */
  isRefused = false;
  readonly #options: LookOptions;
  /** Looks come one after the other: of two at once, each would miss what the other one holds. */
  #turn: Promise<void> = Promise.resolve();
  /** A peek that events have to wait for: each is then about a message that was seen, or that came later. */
  #peeking: Promise<unknown> | undefined;
  #isCounting = false;

  /** @param mustLook false if what is in the queue is not to be shown */
  constructor(taskId: string, options: LookOptions, mustLook: boolean) {
    this.taskId = taskId;
    this.#options = options;
    this.mustLook = mustLook;
  }

  /** The first look, while events are held back. @returns what to show, of the messages the newest `tail` ones at most */
  async snapshot(tail: number): Promise<WatchItem[]> {
    const { taskId } = this;
    try {
      const { depth } = await this.read();
      this.known.snapshotAt = performance.now();
      const seen = await this.#peek(depth);
      if (typeof seen !== 'string') {
        const messages = tail === 0 ? [] : seen.slice(-tail);
        return messages.map((message) => ({ kind: 'message', source: 'existing', message }));
      }
      this.known.noteUnseen(depth);
      this.mustLook = false;
      const reason = `${countOf(depth)} already queued, not shown: ${seen}`;
      return tail === 0 ? [] : [{ kind: 'gap', taskId, missed: depth, reason }];
    } catch (error) {
      if (!hasCode(error, ErrorCode.accessRefused)) throw error;
      return [this.#refused()];
    }
  }

  /** Follows the task until the signal. The connection may be lost and return meanwhile. */
  async poll(): Promise<void> {
    while (await pause(POLL_MS * (0.75 + Math.random() / 2), this.#options.signal)) await this.look();
  }

  /** Shows what is in the queue without an event. While the connection is down, it does nothing. */
  look(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      try {
        await this.#look();
      } catch (error) {
        if (!isTaskQueueError(error)) throw error;
        if (hasCode(error, ErrorCode.accessRefused) && !this.isRefused)
          this.#options.items.put(this.#refused());
      }
    });
    return this.#turn;
  }

  /** Resolves when no look is under way anymore. */
  looked(): Promise<void> {
    return this.#turn;
  }

  /** Resolves when no peek is under way anymore, so that the next event can be taken in. */
  async peeked(): Promise<void> {
    await this.#peeking;
  }

  /** Looks, as events are missing. @returns how many of their messages are not shown */
  async catchUp({ count, since }: MissingEvents): Promise<number> {
    this.mustLook = true;
    // Those that are still in the queue are older than what the next event announces.
    if (!this.isRefused) await this.look();
    const missed = this.known.noteMissing(count, since);
    if (missed > 0) this.mustLook = false;
    return missed;
  }

  /** How many messages are in the queue now. */
  async read(): Promise<TaskReading> {
    const { counts } = this.known;
    const depth = await this.#options.client.depth(this.taskId);
    return { task: this, depth: depth?.messages ?? 0, ...counts };
  }

  async #look(): Promise<void> {
    const { items } = this.#options;
    const reading = await this.read();
    // The events of messages that were counted may still be on their way.
    if (!this.mustLook && reading.depth !== this.known.size) await sleep(EVENT_DELAY_MS);
    // While the reader is behind, events are too: they may announce all of these.
    if (!items.hasRoom) return;
    const unannounced = this.known.noteDepth(reading);
    if (!this.mustLook && unannounced === 0) return;
    const { depth } = this.mustLook ? reading : await this.read();
    const seen = await this.#peek(depth);
    if (typeof seen === 'string') {
      this.mustLook = false;
      void this.#countLater(reading, seen);
    } else for (const message of seen) items.put({ kind: 'message', source: 'found', message });
    await items.room();
  }

  /** Says how many messages cannot be seen, once it is certain that no event announces them. */
  async #countLater(reading: DepthReading, obstacle: string): Promise<void> {
    const { items, signal } = this.#options;
    if (this.#isCounting) return;
    this.#isCounting = true;
    const { added } = this.known.counts;
    const isOver = await pause(LATE_EVENT_MS, signal);
    this.#isCounting = false;
    // While events come, or wait for the reader, others may be on their way.
    const isQuiet = this.known.counts.added === added && items.hasRoom;
    const missed = this.known.unannounced(reading);
    if (!isOver || !isQuiet || missed === 0) return;
    this.known.noteUnseen(missed);
    const reason = `${countOf(missed)} without an event, not shown: ${obstacle}`;
    items.put({ kind: 'gap', taskId: this.taskId, missed, reason });
  }

  #refused(): WatchItem {
    this.isRefused = true;
    return { kind: 'gap', taskId: this.taskId, reason: REFUSED };
  }

  /**
   * Looks at all messages, if that does no harm.
   * @returns the messages that were not seen before; or why it was not looked at
   */
  async #peek(depth: number): Promise<StoredMessage[] | string> {
    const { client } = this.#options;
    const obstacle = depth === 0 ? undefined : await this.#obstacleToPeeking(depth);
    if (obstacle !== undefined) return obstacle;
    const peek = async () => {
      const messages = depth === 0 ? [] : await client.peek(this.taskId, { limit: MAX_PEEK });
      if (messages.length >= MAX_PEEK) return TOO_DEEP;
      // A reader holds others, and may give them back.
      if (messages.length >= depth) this.mustLook = false;
      return this.known.noteSeen(messages, depth);
    };
    try {
      const peeking = peek();
      this.#peeking = peeking.catch(() => {});
      return await peeking;
    } catch (error) {
      if (!hasCode(error, ErrorCode.accessRefused) && !hasCode(error, ErrorCode.queueLocked)) throw error;
      return 'peeking needs read permission, and no exclusive consumer on the queue';
    }
  }

  async #obstacleToPeeking(depth: number): Promise<string | undefined> {
    const { client, peek } = this.#options;
    if (!peek) return 'peeking is off';
    if (depth >= MAX_PEEK) return TOO_DEEP;
    try {
      if ((await client.queueKind(this.taskId))?.isPlain !== false) return undefined;
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

export function countOf(count: number): string {
  return count === 1 ? '1 message' : `${formatNumber(count)} messages`;
}
