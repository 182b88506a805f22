import { setNewest } from '../forget-oldest.ts';
import type { TaskEvent } from './task-events.ts';

/** A watch can go on for weeks. Beyond this number of streams, the one that was quiet longest is forgotten. */
const MAX_STREAMS = 10_000;

/** Events of a stream that did not arrive. */
export interface MissingEvents {
  count: number;
  /** When the event before them arrived. */
  since: number;
}

/** Counts, from the sequence numbers, how many events are missing before each one. */
export class EventSequence {
  /** The last event of each stream, in the order of their arrival. */
  readonly #last = new Map<string, { sequence: number; arrivedAt: number }>();

  /** The events missing between this one and the one before it in its stream; none before the first that is seen. */
  missingBefore({ stream, sequence }: TaskEvent, arrivedAt: number): MissingEvents {
    if (stream === undefined || sequence === undefined) return { count: 0, since: arrivedAt };
    const last = this.#last.get(stream);
    const latest = { sequence: Math.max(sequence, last?.sequence ?? 0), arrivedAt };
    setNewest(this.#last, stream, latest, MAX_STREAMS);
    if (last === undefined) return { count: 0, since: arrivedAt };
    return { count: Math.max(0, sequence - last.sequence - 1), since: last.arrivedAt };
  }
}
