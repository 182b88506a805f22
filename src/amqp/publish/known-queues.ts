import { forgetOldest } from '../../forget-oldest.ts';

/** Queues that are known to be in use. Forgetting one costs two round trips, 0.6 ms. */
const MAX_QUEUES = 10_000;

/** Remembers names of queues for a while, and forgets the oldest when there are too many. */
export class KnownQueues {
  readonly #keepMs: number;
  /** Until when each is known, by `performance.now()`; in the order in which they were added. */
  readonly #until = new Map<string, number>();

  /** @param keepMs how long each is known */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  has(queue: string): boolean {
    const until = this.#until.get(queue);
    if (until === undefined) return false;
    if (performance.now() < until) return true;
    this.#until.delete(queue);
    return false;
  }

  add(queue: string): void {
    this.#until.delete(queue);
    this.#until.set(queue, performance.now() + this.#keepMs);
    forgetOldest(this.#until, MAX_QUEUES);
  }

  delete(queue: string): void {
    this.#until.delete(queue);
  }
}
