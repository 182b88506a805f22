import { formatNumber } from '../errors/number-text.ts';
import { EventSequence } from '../events/event-sequence.ts';
import type { TaskEvent } from '../events/task-events.ts';
import type { ItemQueue } from './item-queue.ts';
import type { UnannouncedMessages } from './unannounced-messages.ts';
import type { WatchItem } from './watch-items.ts';
import type { WatchedTask } from './watched-task.ts';

/** The stream of a watch: what events announce, in the order in which they come, with a gap where numbers are missing. */
export class AnnouncedMessages {
  readonly #items: ItemQueue<WatchItem>;
  readonly #unannounced: UnannouncedMessages;
  readonly #removals: boolean;
  readonly #sequence = new EventSequence();

  constructor(items: ItemQueue<WatchItem>, unannounced: UnannouncedMessages, removals: boolean) {
    this.#items = items;
    this.#unannounced = unannounced;
    this.#removals = removals;
  }

  /**
   * Resolves when the next event may come.
   * @param task undefined where queues are not looked at
   */
  async show(event: TaskEvent, arrivedAt: number, task: WatchedTask | undefined): Promise<void> {
    const { count, since } = this.#sequence.missingBefore(event, arrivedAt);
    await task?.looking;
    if (count > 0) await this.#showGap(event, count, since, task);
    const item = this.#itemOf(event, arrivedAt, task);
    if (item === undefined) return;
    this.#items.put(item);
    await this.#items.room();
  }

  async #showGap(
    { event, taskId }: TaskEvent,
    count: number,
    since: number,
    task?: WatchedTask,
  ): Promise<void> {
    if (task !== undefined) task.mustLook = true;
    if (event !== 'enqueued') {
      const reason = `${count === 1 ? '1 removal is' : `${formatNumber(count)} removals are`} not shown: events were dropped`;
      if (this.#removals) this.#items.put({ kind: 'gap', taskId, reason });
      return;
    }
    // Those that are still in the queue are older than the message of this event.
    if (task?.isRefused === false) await this.#unannounced.look(task);
    const missed = task?.noteMissing(count, since) ?? count;
    const reason = `${missed === 1 ? '1 message is' : `${formatNumber(missed)} messages are`} not shown: events were dropped`;
    if (missed > 0) this.#items.put({ kind: 'gap', taskId, missed, reason });
  }

  #itemOf(event: TaskEvent, arrivedAt: number, task: WatchedTask | undefined): WatchItem | undefined {
    const { taskId, at } = event;
    if (event.event !== 'enqueued') {
      const { event: kind, count } = event;
      const messageId = event.event === 'dequeued' ? event.messageId : undefined;
      task?.noteRemoved(count, messageId, arrivedAt);
      if (!this.#removals) return undefined;
      return kind === 'cleared' ? { kind, taskId, at, count } : { kind, taskId, at, count, messageId };
    }
    const { body, bodyBytes, properties, propertyList } = event;
    if (task?.noteAnnounced(event, arrivedAt) === false) return undefined;
    if (body === undefined) return { kind: 'large-message', taskId, at, bodyBytes, properties };
    const message = { taskId, body, properties, ...(propertyList && { propertyList }), redelivered: false };
    return { kind: 'message', source: 'live', at, message };
  }
}
