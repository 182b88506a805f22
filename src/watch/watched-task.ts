import { createHash } from 'node:crypto';
import type { StoredMessage } from '../wire/stored-message.ts';
import { type EnqueuedEvent, MAX_EVENT_BODY_BYTES } from '../wire/task-events.ts';

/**
 * What a watcher knows of one task: how many messages its queue holds as far as events tell, and which of
 * them were shown. With that it finds those that came without an event, as the Python package's do, and shows
 * none twice.
 */
export class WatchedTask {
  readonly taskId: string;
  /** Shown messages that may still be in the queue, by fingerprint; how often each. */
  readonly #shown = new Map<string, number>();
  /** Seen by peek, with a message id; their events may be on the way. */
  readonly #shownAhead = new Map<string, number>();
  /** The same of those without one: if no event comes soon none will, and the next message like it is another one. */
  readonly #shownJustNow = new Map<string, number>();
  #justNowUntil = Number.NEGATIVE_INFINITY;
  #expected = 0;
  /** Some of what is expected was never looked at. */
  #hasSkipped = false;
  #enqueued = 0;
  #removed = 0;

  constructor(taskId: string) {
    this.taskId = taskId;
  }

  /** How many messages the queue holds, as far as is known. */
  get expected(): number {
    return this.#expected;
  }

  /** An event told of a message. @returns whether it is to be shown */
  noteEnqueued(message: Told): boolean {
    const key = fingerprintOfEvent(message);
    if (take(this.#shownAhead, key)) return false;
    if (performance.now() < this.#justNowUntil && take(this.#shownJustNow, key)) return false;
    add(this.#shown, key);
    this.#expected++;
    this.#enqueued++;
    return true;
  }

  noteRemoved(count: number): void {
    this.#removed += count;
    this.#expected = Math.max(0, this.#expected - count);
  }

  /**
   * Compares a depth, read some moments ago, with what events told up to now; events of what was counted have
   * arrived meanwhile.
   * @param since what {@link mark} answered before the depth was read
   * @returns whether the queue held messages that no event told of
   */
  holdsUntold(depth: number, since: Mark): boolean {
    const isUntold = depth > this.#expected + (this.#removed - since.removed);
    // Readers without events take messages too.
    this.#expected = Math.min(this.#expected, depth + (this.#enqueued - since.enqueued));
    return isUntold;
  }

  mark(): Mark {
    return { enqueued: this.#enqueued, removed: this.#removed };
  }

  /** @param messages all that is in the queue @returns those that were not shown yet, nor skipped */
  notePeeked(messages: readonly StoredMessage[]): StoredMessage[] {
    const present = new Map<string, number>();
    const untold = Math.max(0, messages.length - this.#expected);
    this.#shownJustNow.clear();
    this.#justNowUntil = performance.now() + EVENT_DELAY_MS;
    const fresh = messages.filter((message) => {
      const key = fingerprint(message);
      add(present, key);
      if ((present.get(key) ?? 0) <= (this.#shown.get(key) ?? 0)) return false;
      add(this.#shown, key);
      // A message id says that its publisher may be one of ours, whose event then follows; others are replayed as they are.
      add(message.properties.message_id === undefined ? this.#shownJustNow : this.#shownAhead, key);
      return true;
    });
    // Whatever is not in the queue any more cannot be seen there again.
    for (const [key, count] of this.#shown) {
      const left = Math.min(count, present.get(key) ?? 0);
      if (left === 0) this.#shown.delete(key);
      else this.#shown.set(key, left);
    }
    this.#expected = messages.length;
    // What was skipped came before.
    const isNew = this.#hasSkipped ? fresh.slice(Math.max(0, fresh.length - untold)) : fresh;
    this.#hasSkipped = false;
    return isNew;
  }

  /**
   * The first look, at a task whose events are followed already: those that have arrived told of the newest messages.
   *
   * @param messages all that is in the queue
   * @returns those from before the events, and those that came since but whose events, if any, are still to come
   */
  noteFirstPeek(messages: readonly StoredMessage[]): { before: StoredMessage[]; since: StoredMessage[] } {
    const told = new Map(this.#shown);
    // From the end: of messages that are alike, the newest are those that were told of.
    const isTold = messages.map(() => false);
    for (let index = messages.length - 1; index >= 0; index--)
      isTold[index] = take(told, fingerprint(messages[index] as StoredMessage));
    let begin = isTold.indexOf(true);
    // A reader that has taken those told of took all before them, too.
    if (begin === -1) begin = this.#enqueued > 0 ? 0 : messages.length;
    this.notePeeked(messages);
    return {
      before: messages.slice(0, begin),
      since: messages.filter((_, index) => index >= begin && !isTold[index]),
    };
  }

  /** Nothing is looked at: what is in the queue now counts as known. */
  skip(depth: number): void {
    this.#expected = depth;
    this.#hasSkipped = true;
  }
}

/** Within this time an event has arrived that belongs to a message which can be seen already. */
export const EVENT_DELAY_MS = 100;

/** A watch can go on for weeks. No more than these are looked at by a peek, so no more need be known. */
const MAX_REMEMBERED = 2_000;

/** What an event tells of a message. */
type Told = Pick<EnqueuedEvent, 'body' | 'bodyBytes' | 'properties'>;

export interface Mark {
  enqueued: number;
  removed: number;
}

/** By its message id; else by the body, or by the size of one that is too large for its event. */
function fingerprint({ body, properties }: Pick<StoredMessage, 'body' | 'properties'>): string {
  if (properties.message_id !== undefined) return properties.message_id;
  if (body.length > MAX_EVENT_BODY_BYTES) return String(body.length);
  return createHash('sha1').update(body).digest('base64');
}

function fingerprintOfEvent({ body, bodyBytes, properties }: Told): string {
  return body === undefined
    ? (properties.message_id ?? String(bodyBytes))
    : fingerprint({ body, properties });
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
  if (counts.size <= MAX_REMEMBERED) return;
  const [oldest] = counts.keys();
  counts.delete(oldest as string);
}

function take(counts: Map<string, number>, key: string): boolean {
  const count = counts.get(key) ?? 0;
  if (count === 0) return false;
  if (count === 1) counts.delete(key);
  else counts.set(key, count - 1);
  return true;
}
