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

/** How many messages were added to a queue, and how many of them are not in it anymore, as far as is known. */
export interface KnownCounts {
  added: number;
  gone: number;
}

/** How many messages a queue held, and what was known just before that was read. */
export interface DepthReading extends KnownCounts {
  depth: number;
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
  /** How many messages were added, as far as is known. */
  #added = 0;
  /** How many were removed, by events. */
  #removed = 0;
  /** How many others were not in the queue: a reader holds them, whose event is still to come, or has sent none. */
  #held = 0;
  /** When the snapshot was begun. */
  snapshotAt = Number.NEGATIVE_INFINITY;
  /** When an event came, or the depth was read. */
  updatedAt = performance.now();
  readonly #seen = new Map<string, Seen>();
  /** Some messages that should be in the queue cannot be recognised: they were never seen, or are forgotten. */
  #holdsUnseen = false;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** How many messages should be in the queue. */
  get size(): number {
    return this.#added - this.#removed - this.#held;
  }

  get counts(): KnownCounts {
    return { added: this.#added, gone: this.#removed + this.#held };
  }

  /** An event of a message came. @returns whether it is to be shown */
  noteAnnounced(message: Announcement, arrivedAt: number): boolean {
    this.updatedAt = performance.now();
    const key = keyOf(message);
    const seen = this.#seen.get(key);
    if (seen !== undefined && seen.found > 0) {
      seen.found--;
      // One without an id and without an event by now was published so.
      if (!seen.areGone && (isOfId(key) || this.updatedAt - seen.foundAt < LATE_EVENT_MS)) return false;
    }
    // Taken before the snapshot, with which the watch begins.
    if (arrivedAt < this.snapshotAt) return false;
    this.#added++;
    // It cannot be recognised in the queue.
    if (key === '') this.#holdsUnseen = true;
    else this.#entry(key).count++;
    return true;
  }

  /** An event of a removal came. */
  noteRemoved(count: number, messageId: string | undefined, arrivedAt: number): void {
    this.updatedAt = performance.now();
    if (arrivedAt < this.snapshotAt) return;
    this.#removed = Math.min(this.#added, this.#removed + count);
    this.#held = Math.max(0, this.#held - count);
    if (arrivedAt < this.#lookedAt + EVENT_DELAY_MS) return;
    const seen = messageId === undefined ? undefined : this.#seen.get(`id ${messageId}`);
    for (const gone of this.size === 0 ? this.#seen.values() : [seen]) if (gone) gone.areGone = true;
  }

  /** Messages are in the queue, or were, that cannot be seen. */
  noteUnseen(count: number): void {
    this.#added += count;
    this.#holdsUnseen ||= count > 0;
  }

  /** @returns how many messages were missed of those whose events are missing since then: looks have found the others */
  noteMissing(count: number, since: number): number {
    let missed = count;
    for (const [key, seen] of this.#seen) {
      if (missed === 0) break;
      if (seen.found === 0 || seen.foundAt < since || !isOfId(key)) continue;
      seen.found--;
      missed--;
    }
    if (missed > 0) this.noteUnseen(missed);
    return missed;
  }

  /** @returns how many of the messages that were in the queue a moment ago came without an event */
  unannounced({ depth, gone }: DepthReading): number {
    return Math.max(0, depth - (this.#added - gone));
  }

  /**
   * @param reading from a moment ago; the events of these messages have come meanwhile
   * @returns how many messages came without an event
   */
  noteDepth(reading: DepthReading): number {
    const { depth, added } = reading;
    this.updatedAt = performance.now();
    const unannounced = this.unannounced(reading);
    this.#held = Math.max(this.#held, added - this.#removed - depth);
    if (depth === 0 && this.#added === added) this.#forget(new Map());
    return unannounced;
  }

  /**
   * @param messages all that are ready in the queue
   * @param depth how many there were a moment before
   * @returns those to be shown
   */
  noteSeen(messages: readonly StoredMessage[], depth: number): StoredMessage[] {
    this.#lookedAt = performance.now();
    const present = new Map<string, number>();
    const fresh = messages.filter((message) => {
      const key = keyOf(message);
      const count = (present.get(key) ?? 0) + 1;
      present.set(key, count);
      const seen = this.#entry(key);
      if (count <= seen.count) return false;
      seen.count = count;
      seen.found++;
      seen.foundAt = this.#lookedAt;
      seen.areGone = false;
      return true;
    });
    const surplus = Math.max(0, messages.length - this.size);
    // Those that cannot be recognised are older than those that came since.
    const shown = this.#holdsUnseen ? fresh.slice(fresh.length - Math.min(surplus, fresh.length)) : fresh;
    // Others were given back by a reader.
    this.#added = Math.max(this.#added + Math.min(surplus, fresh.length), this.#removed + messages.length);
    // A reader holds some, and may give them back.
    if (messages.length < depth) return shown;
    this.#held = this.#added - this.#removed - messages.length;
    this.#holdsUnseen = false;
    this.#forget(present);
    return shown;
  }

  /** The queue was seen without other messages. One with an id stays known: a reader may give it back. */
  #forget(present: ReadonlyMap<string, number>): void {
    for (const [key, seen] of this.#seen) {
      const count = present.get(key) ?? 0;
      if (count === 0) seen.areGone = true;
      if (!isOfId(key)) seen.count = Math.min(seen.count, count);
    }
  }

  #entry(key: string): Seen {
    const seen = this.#seen.get(key) ?? {
      count: 0,
      found: 0,
      foundAt: Number.NEGATIVE_INFINITY,
      areGone: false,
    };
    this.#seen.delete(key);
    this.#seen.set(key, seen);
    if (this.#seen.size > MAX_REMEMBERED) this.#forgetOldest();
    return seen;
  }

  /** Forgets what was seen longest ago, unless a look found it just now: its event would show it again. */
  #forgetOldest(): void {
    const [key = ''] = this.#seen.keys();
    const { foundAt, areGone } = this.#seen.get(key) as Seen;
    if (performance.now() - foundAt < LATE_EVENT_MS) return;
    this.#seen.delete(key);
    this.#holdsUnseen ||= !areGone;
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
