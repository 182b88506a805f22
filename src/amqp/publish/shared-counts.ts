import { forgetOldest } from '../../forget-oldest.ts';
import { overflowError } from './publish-errors.ts';

/** How many publishes share a count: every other process may exceed the limit by as many. */
const MOST_PUBLISHES = 100;

/** Whose publishes never came to their turn is forgotten. */
const MAX_QUEUES = 10_000;

interface SharedCount {
  /** How many messages the queue had when they were counted, and was to have since; `undefined` before. */
  depth: number | undefined;
  publishes: number;
}

/** Lets publishes with a limit that wait for their turn share one count of the messages in their queue. */
export class SharedCounts {
  /** The next count, by queue. */
  readonly #next = new Map<string, SharedCount>();

  /**
   * Joins those that share the next count.
   * @returns to be called in the publish's turn: takes room for its message, once, or throws AmqpFailure `QUEUE_OVERFLOW`
   */
  join(queue: string, maxSize: number): (countNow: () => Promise<number>) => Promise<void> {
    let shared = this.#next.get(queue);
    if (shared === undefined || shared.publishes === MOST_PUBLISHES) {
      shared = { depth: undefined, publishes: 0 };
      this.#next.set(queue, shared);
      forgetOldest(this.#next, MAX_QUEUES);
    }
    shared.publishes++;
    const count = shared;
    let hasRoom = false;
    return async (countNow) => {
      if (hasRoom) return;
      if (count.depth === undefined) {
        // A publish that is made from now on has to be counted itself.
        if (this.#next.get(queue) === count) this.#next.delete(queue);
        count.depth = await countNow();
      }
      if (count.depth >= maxSize) throw overflowError(count.depth, maxSize);
      count.depth++;
      hasRoom = true;
    };
  }

  /** Lets the publishes so far share no count with those to come. */
  separate(queue: string): void {
    this.#next.delete(queue);
  }
}
