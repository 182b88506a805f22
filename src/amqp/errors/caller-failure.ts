/**
 * Separates a rejection of the caller's code from failures of the operation around it: the caller's rejection is
 * passed on unchanged, and never mistaken for an answer of the broker.
 */
export class CallerFailure {
  #failure: { reason: unknown } | undefined;

  get isKnown(): boolean {
    return this.#failure !== undefined;
  }

  /** Runs the caller's code and remembers its rejection. */
  async watch<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (reason) {
      return this.#remember(reason);
    }
  }

  /** The same for code that returns at once. */
  watchSync<T>(work: () => T): T {
    try {
      return work();
    } catch (reason) {
      return this.#remember(reason);
    }
  }

  #remember(reason: unknown): never {
    this.#failure = { reason };
    throw reason;
  }

  /** The operation's result, or the caller's own rejection. */
  async passOn<T>(operation: Promise<T>): Promise<T> {
    let outcome: T;
    try {
      outcome = await operation;
    } catch (error) {
      throw this.#failure ? this.#failure.reason : error;
    }
    if (this.#failure) throw this.#failure.reason;
    return outcome;
  }
}
