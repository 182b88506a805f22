import type { TaskEvent } from './task-events.ts';

/** A watch can go on for weeks: of more streams than this, those that were quiet longest are forgotten. */
const MAX_STREAMS = 10_000;

/** Knows from the numbers of events how many did not arrive before each. */
export class EventSequence {
  /** The last number of each stream, in the order in which they came. */
  readonly #last = new Map<string, number>();

  /** How many events are missing between this one and the one before it in its stream; 0 for the first that is seen. */
  missingBefore({ stream, sequence }: Pick<TaskEvent, 'stream' | 'sequence'>): number {
    if (stream === undefined || sequence === undefined) return 0;
    const last = this.#last.get(stream);
    this.#last.delete(stream);
    this.#last.set(stream, Math.max(sequence, last ?? 0));
    if (this.#last.size > MAX_STREAMS) {
      const [oldest] = this.#last.keys();
      this.#last.delete(oldest as string);
    }
    return last === undefined ? 0 : Math.max(0, sequence - last - 1);
  }
}
