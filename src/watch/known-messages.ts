import { createHash } from 'node:crypto';
import type { MissingEvents } from '../events/event-sequence.ts';
import type { EnqueuedEvent } from '../events/task-events.ts';
import { setNewest } from '../forget-oldest.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { propertyText } from '../properties/typed-values.ts';

/** Events normally arrive within this time; a later one is about something after the look. */
export const EVENT_DELAY_MS = 200;

/** A busy publisher can be this late with its events. */
export const LATE_EVENT_MS = 2_000;

/** Messages that are remembered, as a watch can go on for weeks: more than a look can see. */
const MAX_REMEMBERED = 2_000;

type Announcement = Pick<EnqueuedEvent, 'body' | 'properties'>;

/** Messages that are alike, and were shown or counted although no event of them had come. */
interface Unannounced {
  count: number;
  /** How many more were taken for ones whose events are missing, which is not certain until no event of them comes. */
  assumed: number;
  /** When the last of them was found, and when one was last seen. */
  at: number;
  seenAt: number;
  /** When they had left the queue: an event that arrives afterwards is about another message. */
  goneAt: number;
}

/** In place of the key of messages that were counted. */
const COUNTED = 'counted';

/**
 * What a watch knows of one queue. How many messages it should hold: where it holds more, some came without an event. And
 * which messages were shown, so that none is shown twice, or counted as missed. Times are by `performance.now()`.
 */
export class KnownMessages {
  /** How many messages should be in the queue. */
  size = 0;
  /** How many more it held when its depth was last read, less those that events have announced since. */
  unexplained = 0;
  /** How many messages have left the queue without an event: a reader holds them, or sends none. */
  #held = 0;
  /** Messages in the queue were not shown. They are older than those that were. */
  #holdsUnseen = false;
  /** What events announced before, the snapshot shows. */
  begunAt = Number.NEGATIVE_INFINITY;
  /** How often each was shown, by key. */
  readonly #shown = new Map<string, number>();
  /** By key, in the order of the queue. */
  readonly #unannounced = new Map<string, Unannounced>();

  /**
   * An event of a message came, after others that are missing.
   * @returns whether to show it, and how many of the missing ones were neither shown nor counted
   */
  noteAnnounced(message: Announcement, { count, since }: MissingEvents, arrivedAt: number) {
    const key = keyOf(message);
    const found = this.#unannounced.get(key);
    // What has neither an id nor, by now, an event was published so.
    const isLate = found && isBody(key) && performance.now() > found.at + LATE_EVENT_MS;
    const isShown = found !== undefined && arrivedAt < found.goneAt && !isLate;
    let missed = count;
    for (const [other, { at, seenAt }] of missed > 0 ? this.#unannounced : []) {
      // What a look saw behind this message, or later and without it, is newer.
      if (other === key) break;
      const isOlder = found !== undefined || seenAt <= arrivedAt;
      if (at >= since && isOlder && !isBody(other)) missed -= this.#take(other, missed, found === undefined);
    }
    const taken = this.#take(key, 1);
    if (isShown && taken === 0) {
      missed++;
      if (--found.assumed === 0) this.#unannounced.delete(key);
    }
    if (isShown || arrivedAt < this.begunAt) return { isNew: false, missed };
    // It may be one that was counted before its event came.
    this.#take(COUNTED, 1);
    this.size++;
    this.unexplained = Math.max(0, this.unexplained - 1);
    if (key === '') this.#holdsUnseen = true;
    else setNewest(this.#shown, key, (this.#shown.get(key) ?? 0) + 1, MAX_REMEMBERED);
    return { isNew: true, missed };
  }

  /** An event of a removal came. */
  noteRemoved(count: number, messageId: string | undefined, arrivedAt: number): void {
    if (arrivedAt < this.begunAt) return;
    const held = Math.min(count, this.#held);
    this.#held -= held;
    this.size = Math.max(0, this.size - count + held);
    const id = messageId === undefined || this.size === 0 ? undefined : `id ${messageId}`;
    let left = this.size === 0 ? Number.POSITIVE_INFINITY : count;
    // Without an id, the oldest ones were taken.
    for (const [key, found] of this.#unannounced)
      if (id === undefined ? found.goneAt > arrivedAt && left-- > 0 : key === id) noteGone(found, arrivedAt);
  }

  /** Messages are in the queue, or were, that are not shown. */
  noteUnseen(count: number): void {
    this.size += count;
    this.#holdsUnseen ||= count > 0;
  }

  /** All that are unexplained were reported. */
  noteCounted(): void {
    this.noteUnseen(this.unexplained);
    this.#noteUnannounced(COUNTED, this.unexplained);
    this.unexplained = 0;
  }

  /** What this depth leaves unexplained, events may explain that are on their way. */
  noteDepth(depth: number): void {
    this.unexplained = Math.max(0, depth - this.size);
    if (depth < this.size) this.#resize(depth);
    if (depth === 0) this.#forget(new Map());
  }

  /**
   * @param messages all that are ready in the queue
   * @param depth how many there were a moment before
   * @returns those to be shown
   */
  noteSeen(messages: readonly StoredMessage[], depth: number): StoredMessage[] {
    const present = new Map<string, number>();
    const fresh = messages.filter((message) => {
      const key = keyOf(message);
      const [count, shown] = [(present.get(key) ?? 0) + 1, this.#shown.get(key) ?? 0];
      present.set(key, count);
      setNewest(this.#shown, key, Math.max(count, shown), MAX_REMEMBERED);
      return count > shown;
    });
    // Others were given back by a reader.
    const added = Math.min(fresh.length, Math.max(0, messages.length - this.size));
    this.size += added;
    const isNew = this.#holdsUnseen ? fresh.slice(fresh.length - added) : fresh;
    // All anew, in the order of the queue: what a reader has given back is older than what was found before it.
    for (const message of messages) this.#noteUnannounced(keyOf(message), isNew.includes(message) ? 1 : 0);
    // Otherwise a reader holds some, and may give them back.
    const isAll = messages.length >= depth;
    if (isAll) this.#forget(present);
    if (isAll || !this.#holdsUnseen) this.#resize(messages.length);
    this.#holdsUnseen &&= !isAll;
    this.unexplained = 0;
    return isNew;
  }

  /** Messages were taken, or given back, without an event. */
  #resize(size: number): void {
    this.#held = Math.max(0, this.#held + this.size - size);
    this.size = size;
  }

  /** The queue was seen without other messages. One with an id stays known: a reader may give it back. */
  #forget(present: ReadonlyMap<string, number>): void {
    for (const [key, found] of this.#unannounced) if (!present.has(key)) noteGone(found, performance.now());
    for (const [key, count] of this.#shown)
      if (isBody(key)) this.#shown.set(key, Math.min(count, present.get(key) ?? 0));
  }

  #noteUnannounced(key: string, more: number): void {
    const known = this.#unannounced.get(key) ?? { count: 0, assumed: 0, at: 0 };
    const count = known.count + more;
    if (count === 0) return;
    const seenAt = performance.now();
    const at = more > 0 ? seenAt : known.at;
    const found = { count, assumed: known.assumed, at, seenAt, goneAt: Number.POSITIVE_INFINITY };
    setNewest(this.#unannounced, key, found, MAX_REMEMBERED);
  }

  #take(key: string, most: number, isAssumed = false): number {
    const found = this.#unannounced.get(key);
    if (found === undefined) return 0;
    const taken = Math.min(most, found.count);
    found.count -= taken;
    if (isAssumed) found.assumed += taken;
    if (found.count + found.assumed === 0) this.#unannounced.delete(key);
    return taken;
  }
}

function noteGone(found: Unannounced, at: number): void {
  // A removal soon after the look may have come before it.
  if (at >= found.at + EVENT_DELAY_MS) found.goneAt = Math.min(found.goneAt, at);
}

/** How a message is recognised, in an event and in its queue; '' for an event without a message id and without the body. */
function keyOf({ body, properties: { message_id } }: Announcement): string {
  const id = propertyText(message_id);
  if (id !== undefined) return `id ${id}`;
  return body === undefined ? '' : `body ${createHash('sha1').update(body).digest('base64')}`;
}

function isBody(key: string): boolean {
  return key.startsWith('body ');
}
