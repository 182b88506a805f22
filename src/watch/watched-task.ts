import type { StoredMessage } from '../messages/stored-message.ts';
import { bodyFingerprints, fingerprint, fingerprintOfEvent, type Told } from './fingerprints.ts';

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
  /**
   * The same of those without one, and until when each: if no event comes soon none will, and the next message like it is
   * another one.
   */
  readonly #shownJustNow = new Map<string, number[]>();
  #peekedAt = Number.NEGATIVE_INFINITY;
  /** A peek was cut off, and the broker may not have put back yet what it saw. */
  #putBackBy = Number.NEGATIVE_INFINITY;
  #expected = 0;
  /** Some of what is expected was never looked at. */
  #hasSkipped = false;
  #enqueued = 0;
  #removed = 0;
  /** Messages that were found or said to be missed, and whose events have not come. */
  #accounted = 0;
  /** When an event came. */
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Since when the queue holds more than is expected, with no event meanwhile. */
  #excessSince: number | undefined;
  /** When an event came, or the queue was looked at. */
  #knownAt = Number.NEGATIVE_INFINITY;
  /** Events may have been missed: messages may be in the queue, and others gone, that none told of. */
  #isUncertain = false;
  #wasRefused = false;
  #held: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(taskId: string) {
    this.taskId = taskId;
  }

  /** How many messages the queue holds, as far as is known. */
  get expected(): number {
    return this.#expected;
  }

  /** Set while events of this task have to wait, and all that come behind them. */
  get held(): Promise<void> | undefined {
    return this.#held;
  }

  /**
   * Lets events wait while the queue is peeked at: each then belongs to a message that the peek saw, or to one that
   * came behind those.
   * @returns how to let them go on; what the peek saw is noted before
   */
  hold(): () => void {
    let goOn = () => {};
    this.#held = new Promise((resolve) => {
      goOn = resolve;
    });
    return () => {
      this.#held = undefined;
      goOn();
    };
  }

  /** Two that look at the queue at once would see only what the other one does not hold. */
  inTurn(look: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(look);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /**
   * An event told of a message.
   * @param message
   * @param arrivedAt when it came; it may have waited
   * @returns whether it is to be shown
   */
  noteEnqueued(message: Told, arrivedAt = performance.now()): boolean {
    this.#knownAt = performance.now();
    this.#heardAt = this.#knownAt;
    const key = fingerprintOfEvent(message);
    this.#forgetJustNow(key, arrivedAt);
    if (take(this.#shownAhead, key) || this.#shownJustNow.get(key)?.shift() !== undefined) {
      this.#accounted = Math.max(0, this.#accounted - 1);
      return false;
    }
    add(this.#shown, key);
    this.#expected++;
    this.#enqueued++;
    return true;
  }

  /**
   * An event told that messages are gone.
   * @param removed
   * @param arrivedAt when it came; it may have waited
   */
  noteRemoved(
    { count, messageId }: { count: number; messageId?: string | undefined },
    arrivedAt = performance.now(),
  ): void {
    this.#knownAt = performance.now();
    this.#removed += count;
    this.#expected = Math.max(0, this.#expected - count);
    if (messageId !== undefined) take(this.#shown, messageId);
    if (arrivedAt < this.#peekedAt + EVENT_DELAY_MS) return;
    // One that comes again with its message id, as a replay does, is another one.
    if (this.#expected === 0) this.#shownAhead.clear();
    else if (messageId !== undefined) take(this.#shownAhead, messageId);
  }

  /**
   * Events of messages did not arrive.
   * @param count how many, by their numbers
   * @returns how many of those messages were neither found nor said to be missed
   */
  noteMissing(count: number): number {
    const accounted = Math.min(count, this.#accounted);
    this.#accounted -= accounted;
    const missed = count - accounted;
    // They are expected to be there, and are not looked for again.
    this.#expected += missed;
    this.#enqueued += missed;
    if (missed > 0) this.#hasSkipped = true;
    return missed;
  }

  /** Events may have been missed. */
  noteGap(): void {
    this.#isUncertain = true;
  }

  /** The user may not look at the queue. @returns whether that is news */
  noteRefused(): boolean {
    const isNews = !this.#wasRefused;
    this.#wasRefused = true;
    return isNews;
  }

  /**
   * Compares a depth, read some moments ago, with what events told up to now; events of what was counted have
   * arrived meanwhile.
   * @param since what {@link mark} answered before the depth was read
   * @returns whether the queue holds messages that no event told of; `maybe` after a gap
   */
  noteDepth(depth: number, since: Mark): 'yes' | 'maybe' | 'no' {
    this.#knownAt = performance.now();
    const isUntold = depth > this.#expected + (this.#removed - since.removed);
    // Readers without events take messages too.
    this.#expected = Math.min(this.#expected, depth + (this.#enqueued - since.enqueued));
    if (depth === 0 && this.#enqueued === since.enqueued) this.#shownAhead.clear();
    if (!isUntold) this.#excessSince = undefined;
    if (this.#isUncertain) return depth > 0 ? 'maybe' : 'no';
    return isUntold ? 'yes' : 'no';
  }

  /** Whether it should be looked at, by a number that the broker's statistics have. */
  mayHaveGrown(ready: number): boolean {
    return ready > this.#expected || (this.#isUncertain && ready > 0);
  }

  /**
   * How many more messages than expected the queue holds, when that has been so for a while without an event: amid a flood
   * events come later than what was counted. 0 before that.
   * @param depth as it was given to {@link noteDepth}
   */
  excess(depth: number): number {
    const now = performance.now();
    if (this.#excessSince === undefined || this.#heardAt > this.#excessSince) this.#excessSince = now;
    return now - this.#excessSince < SLOW_EVENT_MS ? 0 : Math.max(0, depth - this.#expected);
  }

  mark(): Mark {
    return { enqueued: this.#enqueued, removed: this.#removed };
  }

  /** The broker's statistics say how many are ready, which is news where nothing has been known for so long. */
  noteStatistics(ready: number): void {
    if (performance.now() - this.#knownAt < STATISTICS_DELAY_MS) return;
    this.#expected = Math.min(this.#expected, ready);
    if (ready === 0) this.#shownAhead.clear();
  }

  /** A peek at the queue was cut off. */
  notePeekFailed(): void {
    this.#putBackBy = performance.now() + PUT_BACK_MS;
  }

  /**
   * @param messages all that is in the queue and held by nobody
   * @param depth how many were counted there, some moments before
   * @returns those that were not shown yet, nor skipped
   */
  notePeeked(messages: readonly StoredMessage[], depth = messages.length): StoredMessage[] {
    const present = new Map<string, number>();
    const untold = Math.max(0, messages.length - this.#expected);
    this.#peekedAt = performance.now();
    this.#knownAt = this.#peekedAt;
    for (const key of [...this.#shownJustNow.keys()]) this.#forgetJustNow(key, this.#peekedAt);
    const fresh = messages.filter((message) => {
      const key = fingerprint(message, this.#shown);
      add(present, key);
      if ((present.get(key) ?? 0) <= (this.#shown.get(key) ?? 0)) return false;
      add(this.#shown, key);
      // A message id says that its publisher may be one of ours, whose event then follows; others are replayed as they are.
      if (message.properties.message_id !== undefined) add(this.#shownAhead, key);
      else for (const each of bodyFingerprints(message.body)) this.#addJustNow(each);
      return true;
    });
    // What was skipped came before.
    const isNew = this.#hasSkipped ? fresh.slice(Math.max(0, fresh.length - untold)) : fresh;
    this.#accounted += isNew.length;
    if (messages.length >= depth) {
      if (this.#peekedAt > this.#putBackBy) this.#keepShown(present);
      this.#expected = messages.length;
      this.#hasSkipped = false;
      this.#isUncertain = false;
    } else {
      // Some were taken, or are held by somebody who may give them back: they stay known.
      this.#expected = Math.max(this.#expected, messages.length);
    }
    return isNew;
  }

  /**
   * {@link notePeeked} at the beginning of a watch, whose events are followed already: where one has told of a message,
   * that and all behind it came since then.
   * @returns those from before, and those that came since but whose events, if any, are still to come
   */
  noteFirstPeek(
    messages: readonly StoredMessage[],
    depth = messages.length,
  ): { before: StoredMessage[]; behind: StoredMessage[] } {
    const told = new Map(this.#shown);
    // From the end: of messages that are alike, the newest are those that were told of.
    const isTold = messages.map(() => false);
    for (const [index, message] of [...messages.entries()].reverse())
      isTold[index] = take(told, fingerprint(message, told));
    let begin = isTold.indexOf(true);
    // A reader that has taken those told of took all before them, too.
    if (begin === -1) begin = this.#enqueued > 0 ? 0 : messages.length;
    this.notePeeked(messages, depth);
    return {
      before: messages.slice(0, begin),
      behind: messages.filter((_, index) => index >= begin && !isTold[index]),
    };
  }

  /**
   * Nothing is looked at: what was in the queue counts as known.
   * @param depth how much that was
   * @param since what {@link mark} answered before that was read; events of what was counted have arrived meanwhile
   * @param missed how many of them are said to be missed
   */
  skip(depth: number, since: Mark, missed = 0): void {
    this.#accounted += missed;
    this.#excessSince = undefined;
    // Of what was removed meanwhile nobody knows whether it was counted: too many expected are corrected by the next depth.
    this.#expected = depth + (this.#enqueued - since.enqueued);
    this.#hasSkipped = true;
    this.#isUncertain = false;
    this.#knownAt = performance.now();
  }

  /** What is not in the queue any more was taken. */
  #keepShown(present: ReadonlyMap<string, number>): void {
    for (const [key, count] of this.#shown) {
      const left = Math.min(count, present.get(key) ?? 0);
      if (left === 0) this.#shown.delete(key);
      else this.#shown.set(key, left);
    }
  }

  #addJustNow(key: string): void {
    const untils = this.#shownJustNow.get(key) ?? [];
    untils.push(this.#peekedAt + LATE_EVENT_MS);
    this.#shownJustNow.set(key, untils);
  }

  /** Those whose time was over at that time. */
  #forgetJustNow(key: string, at: number): void {
    const left = this.#shownJustNow.get(key)?.filter((until) => until > at) ?? [];
    if (left.length === 0) this.#shownJustNow.delete(key);
    else this.#shownJustNow.set(key, left);
  }
}

/** Within this time an event is taken to have arrived that belongs to a message which can be seen already. */
export const EVENT_DELAY_MS = 100;

/** Later than this, which takes a machine that is very busy, no event of it arrives. */
const LATE_EVENT_MS = 1_000;

/** A publisher that is busy may be so late with its events. */
const SLOW_EVENT_MS = 2_000;

/**
 * Both sides take about the same time to notice that a connection is dead. By then the broker has put back what that
 * one had.
 */
const PUT_BACK_MS = 30_000;

/** Older than this the broker's statistics are not. */
const STATISTICS_DELAY_MS = 15_000;

/** A watch can go on for weeks: of more messages that differ, the oldest are forgotten. */
const MAX_REMEMBERED = 2_000;

/** How many messages events have told of so far. */
export interface Mark {
  enqueued: number;
  removed: number;
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
