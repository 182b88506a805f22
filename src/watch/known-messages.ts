import { createHash } from 'node:crypto';
import type { EnqueuedEvent } from '../events/task-events.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { propertyText } from '../properties/typed-values.ts';

/** Events normally arrive within this time; a later one is about something after the look. */
export const EVENT_DELAY_MS = 200;

/** A busy publisher can be this late with its events. */
export const LATE_EVENT_MS = 2_000;

/** Messages that are remembered, as a watch can go on for weeks: more than a look can see. */
const MAX_REMEMBERED = 2_000;

type Announcement = Pick<EnqueuedEvent, 'body' | 'properties'>;

/** How many messages a queue held, and what was known just before that was read. */
export interface DepthReading {
  depth: number;
  added: number;
  gone: number;
}

/** Messages that are alike: with the same id, or without one and with the same body. */
interface Seen {
  count: number;
  /** How many of them were found by a look, and no event of them has come. */
  found: number;
  foundAt: number;
  /** They have left the queue since: an event like them is about another message. */
  areGone: boolean;
}

/**
 * What a watch knows of one queue: how many messages it should hold, and which ones were seen. So messages without an event
 * are noticed, and none is shown twice. Times are by `performance.now()`.
 */
export class KnownMessages {
  #added = 0;
  /** How many of these are not in the queue anymore. */
  #gone = 0;
  /** How many of these are gone without an event: a reader holds them, or sends none. */
  #held = 0;
  /** When the snapshot was begun. */
  snapshotAt = Number.NEGATIVE_INFINITY;
  readonly #seen = new Map<string, Seen>();
  /** Some messages that should be in the queue cannot be recognised: they were never seen, or are forgotten. */
  #holdsUnseen = false;
  /** Messages that were counted, as they had no event. Theirs may be missing, or late. */
  #counted = 0;

  /** How many messages should be in the queue. */
  get size(): number {
    return this.#added - this.#gone;
  }

  get counts(): Omit<DepthReading, 'depth'> {
    return { added: this.#added, gone: this.#gone };
  }

  /** An event of a message came. @returns whether it is to be shown */
  noteAnnounced(message: Announcement, arrivedAt: number): boolean {
    const key = keyOf(message);
    const seen = this.#seen.get(key);
    if (seen !== undefined && seen.found > 0) {
      seen.found--;
      // One without an id and without an event by now was published so.
      if (!seen.areGone && (isOfId(key) || performance.now() < seen.foundAt + LATE_EVENT_MS)) return false;
    }
    // Taken before the snapshot, with which the watch begins.
    if (arrivedAt < this.snapshotAt) return false;
    // It may be one that was counted before its event came.
    if (this.#counted > 0) this.#counted--;
    this.#added++;
    if (key === '') this.#holdsUnseen = true;
    else this.#entry(key).count++;
    return true;
  }

  /** An event of a removal came. */
  noteRemoved(count: number, messageId: string | undefined, arrivedAt: number): void {
    if (arrivedAt < this.snapshotAt) return;
    const held = Math.min(count, this.#held);
    this.#held -= held;
    this.#gone = Math.min(this.#added, this.#gone + count - held);
    const removed = this.size === 0 ? this.#seen.values() : [this.#seen.get(`id ${messageId}`)];
    // It may be about what was removed before the look.
    for (const seen of removed) if (seen) seen.areGone ||= arrivedAt >= seen.foundAt + EVENT_DELAY_MS;
  }

  /** Messages are in the queue, or were, that cannot be seen. */
  noteUnseen(count: number): void {
    this.#added += count;
    this.#holdsUnseen ||= count > 0;
  }

  /** Such messages were reported, as they are in the queue without an event. */
  noteCounted(count: number): void {
    this.noteUnseen(count);
    this.#counted += count;
  }

  /** @returns how many messages were missed of those whose events are missing since then: the others were found or counted */
  noteMissing(count: number, since: number): number {
    const counted = Math.min(count, this.#counted);
    this.#counted -= counted;
    let missed = count - counted;
    for (const [key, seen] of this.#seen) {
      if (missed === 0 || seen.found === 0 || seen.foundAt < since || !isOfId(key)) continue;
      seen.found--;
      missed--;
    }
    this.noteUnseen(missed);
    return missed;
  }

  /** @returns how many of the messages that were in the queue a moment ago came without an event */
  unannounced({ depth, gone }: DepthReading): number {
    return Math.max(0, depth - (this.#added - gone));
  }

  /** The same, once the events of these messages have come. */
  noteDepth(reading: DepthReading): number {
    const { depth, added } = reading;
    const unannounced = this.unannounced(reading);
    this.#setGone(Math.max(this.#gone, added - depth));
    if (depth === 0 && this.#added === added) this.#forget(new Map());
    return unannounced;
  }

  /**
   * @param messages all that are ready in the queue
   * @param depth how many there were a moment before
   * @returns those to be shown
   */
  noteSeen(messages: readonly StoredMessage[], depth: number): StoredMessage[] {
    const foundAt = performance.now();
    const present = new Map<string, number>();
    const fresh = messages.filter((message) => {
      const key = keyOf(message);
      const count = (present.get(key) ?? 0) + 1;
      present.set(key, count);
      const seen = this.#entry(key);
      if (count <= seen.count) return false;
      Object.assign(seen, { count, found: seen.found + 1, foundAt, areGone: false });
      return true;
    });
    // Others were given back by a reader.
    const added = Math.min(fresh.length, Math.max(0, messages.length - this.size));
    this.#added += added;
    // Those that cannot be recognised are older than those that came since.
    const shown = this.#holdsUnseen ? fresh.slice(fresh.length - added) : fresh;
    // A reader holds some, and may give them back.
    const isAll = messages.length >= depth;
    if (isAll) this.#forget(present);
    if (isAll || !this.#holdsUnseen) this.#setGone(this.#added - messages.length);
    this.#holdsUnseen &&= !isAll;
    return shown;
  }

  /** Messages were taken, or given back, without an event. */
  #setGone(gone: number): void {
    this.#held = Math.max(0, this.#held + gone - this.#gone);
    this.#gone = gone;
  }

  /** The queue was seen without other messages. One with an id stays known: a reader may give it back. */
  #forget(present: ReadonlyMap<string, number>): void {
    for (const [key, seen] of this.#seen) {
      const count = present.get(key) ?? 0;
      seen.areGone ||= count === 0;
      if (!isOfId(key)) seen.count = Math.min(seen.count, count);
    }
  }

  /** Moves it to the end, and forgets what was seen longest ago. */
  #entry(key: string): Seen {
    const seen = this.#seen.get(key) ?? { count: 0, found: 0, foundAt: 0, areGone: false };
    this.#seen.delete(key);
    this.#seen.set(key, seen);
    for (const [oldest, { foundAt, areGone }] of this.#seen) {
      // The event of what a look found just now would show it again.
      if (this.#seen.size <= MAX_REMEMBERED || performance.now() < foundAt + LATE_EVENT_MS) break;
      this.#seen.delete(oldest);
      this.#holdsUnseen ||= !areGone;
    }
    return seen;
  }
}

/** How a message is recognised, in an event and in its queue; '' for an event without a message id and without the body. */
function keyOf({ body, properties: { message_id } }: Announcement): string {
  const id = propertyText(message_id);
  if (id !== undefined) return `id ${id}`;
  return body === undefined ? '' : `body ${createHash('sha1').update(body).digest('base64')}`;
}

function isOfId(key: string): boolean {
  return key.startsWith('id ');
}
