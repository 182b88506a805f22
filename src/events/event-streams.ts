import { randomUUID } from 'node:crypto';
import { setNewest } from '../forget-oldest.ts';
import { routingKeyOf, type TaskEvent } from './task-events.ts';

/** Routing keys whose streams are continued; beyond these, the one used longest ago starts anew when it is used again. */
const MAX_STREAMS = 10_000;

/** What a publisher knows of one routing key. */
export interface EventStream {
  readonly id: string;
  /** The number of its last event. */
  sequence: number;
  /** No queue was bound when last checked; do not check again before this time, by `performance.now()`. */
  quietUntil: number;
}

/**
 * The streams of one publisher, one for each routing key. Every event gets the next number of its stream, also one that is
 * then not sent, so that a listener can count what it missed.
 */
export class EventStreams {
  /** Made for the first event: a process that only reads does without. */
  #publisher: string | undefined;
  #started = 0;
  /** In the order of their last use. */
  readonly #streams = new Map<string, EventStream>();

  /** Gives the event its place in its stream. */
  number(event: TaskEvent): EventStream {
    const routingKey = routingKeyOf(event);
    const known = this.#streams.get(routingKey);
    this.#publisher ??= randomUUID();
    const stream = known ?? { id: `${this.#publisher}.${++this.#started}`, sequence: 0, quietUntil: 0 };
    event.stream = stream.id;
    event.sequence = ++stream.sequence;
    setNewest(this.#streams, routingKey, stream, MAX_STREAMS);
    return stream;
  }

  /** Nobody listens to the routing key now. */
  noteUnheard(routingKey: string, quietUntil: number): void {
    const stream = this.#streams.get(routingKey);
    if (stream !== undefined) stream.quietUntil = quietUntil;
  }
}
