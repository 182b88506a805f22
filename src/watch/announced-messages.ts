import { formatNumber } from '../errors/number-text.ts';
import { EventSequence, type MissingEvents } from '../events/event-sequence.ts';
import type { TaskEvent } from '../events/task-events.ts';
import type { ItemQueue } from './item-queue.ts';
import { countOf, type TaskWatch } from './task-watch.ts';
import type { WatchItem } from './watch-items.ts';

/** The stream of a watch: what events announce, in the order in which they come, with a gap where numbers are missing. */
export class AnnouncedMessages {
  readonly #items: ItemQueue<WatchItem>;
  readonly #removals: boolean;
  readonly #sequence = new EventSequence();

  constructor(items: ItemQueue<WatchItem>, removals: boolean) {
    this.#items = items;
    this.#removals = removals;
  }

  /**
   * Resolves when the next event may come.
   * @param task undefined where queues are not looked at
   */
  async show(event: TaskEvent, arrivedAt: number, task: TaskWatch | undefined): Promise<void> {
    const missing = this.#sequence.missingBefore(event, arrivedAt);
    await task?.peeked();
    if (missing.count > 0) await this.#showGap(event, missing, task);
    const item = this.#itemOf(event, arrivedAt, task);
    if (item === undefined) return;
    this.#items.put(item);
    await this.#items.room();
  }

  async #showGap(
    { event, taskId }: TaskEvent,
    missing: MissingEvents,
    task: TaskWatch | undefined,
  ): Promise<void> {
    if (event !== 'enqueued') {
      const { count } = missing;
      if (task !== undefined) task.mustLook = true;
      const reason = `${count === 1 ? '1 removal is' : `${formatNumber(count)} removals are`} not shown: events were dropped`;
      if (this.#removals) this.#items.put({ kind: 'gap', taskId, reason });
      return;
    }
    const missed = task ? await task.catchUp(missing) : missing.count;
    const reason = `${countOf(missed)} ${missed === 1 ? 'is' : 'are'} not shown: events were dropped`;
    if (missed > 0) this.#items.put({ kind: 'gap', taskId, missed, reason });
  }

  #itemOf(event: TaskEvent, arrivedAt: number, task: TaskWatch | undefined): WatchItem | undefined {
    const { taskId, at } = event;
    if (event.event !== 'enqueued') {
      const { event: kind, count } = event;
      const messageId = event.event === 'dequeued' ? event.messageId : undefined;
      task?.known.noteRemoved(count, messageId, arrivedAt);
      if (!this.#removals) return undefined;
      return kind === 'cleared' ? { kind, taskId, at, count } : { kind, taskId, at, count, messageId };
    }
    const { body, bodyBytes, properties, propertyList } = event;
    if (task?.known.noteAnnounced(event, arrivedAt) === false) return undefined;
    if (body === undefined) return { kind: 'large-message', taskId, at, bodyBytes, properties };
    const message = { taskId, body, properties, ...(propertyList && { propertyList }), redelivered: false };
    return { kind: 'message', source: 'live', at, message };
  }
}
