/**
 * Looks whether queues are still there, for messages that the broker has confirmed. A look says nothing of what is confirmed
 * while it is under way, so whoever asks meanwhile shares the next one: many messages cost few looks.
 */
export class SurvivalChecks {
  readonly #look: (queue: string) => Promise<boolean>;
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #next = new Map<string, Promise<boolean>>();

  /** @param look asks the broker */
  constructor(look: (queue: string) => Promise<boolean>) {
    this.#look = look;
  }

  /** Whether the queue is there, by a look that begins after this call. */
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
