/**
 * Checks whether queues still exist, for messages that the broker confirmed. A check proves nothing about confirms
 * that arrive while it runs, so requests made meanwhile share the next one: many messages cost few checks.
 */
export class SurvivalChecks {
  readonly #look: (queue: string) => Promise<boolean>;
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #next = new Map<string, Promise<boolean>>();

  /** @param look asks the broker */
  constructor(look: (queue: string) => Promise<boolean>) {
    this.#look = look;
  }

  /** Whether the queue exists, by a check that starts after this call. */
  isThere(queue: string): Promise<boolean> {
    const running = this.#running.get(queue);
    if (running === undefined) return this.#begin(queue);
    const shared = this.#next.get(queue);
    if (shared !== undefined) return shared;
    const begin = () => {
      this.#next.delete(queue);
      return this.#begin(queue);
    };
    const next = running.then(begin, begin);
    this.#next.set(queue, next);
    return next;
  }

  #begin(queue: string): Promise<boolean> {
    const look = this.#look(queue).finally(() => {
      if (this.#running.get(queue) === look) this.#running.delete(queue);
    });
    this.#running.set(queue, look);
    return look;
  }
}
