/**
 * Stops the reading of one connection while deliveries that nobody has handled fill up memory: TCP then makes the broker
 * wait. A prefetch count bounds messages only, and AMQP has no bound in bytes that RabbitMQ honours.
 *
 * Waiting for an answer of the broker opens the gate, as the answer arrives after the deliveries. So a handler that
 * makes requests on the same connection never waits for itself.
 */
export class ReadGate {
  readonly #onOpen: () => void;
  #holds = 0;
  #waiting = 0;

  /** @param onOpen reads on */
  constructor(onOpen: () => void) {
    this.#onOpen = onOpen;
  }

  get isClosed(): boolean {
    return this.#holds > 0 && this.#waiting === 0;
  }

  /** Closes the gate for one reader that has enough. */
  hold(): void {
    this.#holds++;
  }

  /** Undoes one {@link hold}. */
  release(): void {
    this.#change(() => this.#holds--);
  }

  /** A request waits for its answer. */
  beginWait(): void {
    this.#change(() => this.#waiting++);
  }

  /** Undoes one {@link beginWait}. */
  endWait(): void {
    this.#waiting--;
  }

  /** Waits for the answer to a request. */
  async whileWaiting<T>(request: () => Promise<T>): Promise<T> {
    this.beginWait();
    try {
      return await request();
    } finally {
      this.endWait();
    }
  }

  #change(step: () => void): void {
    const wasClosed = this.isClosed;
    step();
    if (wasClosed && !this.isClosed) this.#onOpen();
  }
}
