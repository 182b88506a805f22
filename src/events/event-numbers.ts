import { randomUUID } from 'node:crypto';
import { routingKeyOf, type TaskEvent } from './task-events.ts';

/** Routing keys whose streams go on; of more than these, those used longest ago begin another one. */
const MAX_STREAMS = 10_000;

/**
 * Numbers the events of one publisher, by routing key, so that whoever listens knows how many it has not got. Also an event
 * that is not sent gets its number.
 */
export class EventNumbers {
  readonly #publisher = randomUUID();
  #begun = 0;
  /** In the order in which they were used last. */
  readonly #streams = new Map<string, { stream: string; sequence: number }>();

  /** Gives the event its place in its stream. */
  number(event: TaskEvent): void {
    const routingKey = routingKeyOf(event);
    const known = this.#streams.get(routingKey);
    const next = known ?? { stream: `${this.#publisher}.${++this.#begun}`, sequence: 0 };
    next.sequence++;
    event.stream = next.stream;
    event.sequence = next.sequence;
    this.#streams.delete(routingKey);
    this.#streams.set(routingKey, next);
    if (known !== undefined || this.#streams.size <= MAX_STREAMS) return;
    const [oldest] = this.#streams.keys();
    this.#streams.delete(oldest as string);
  }
}
