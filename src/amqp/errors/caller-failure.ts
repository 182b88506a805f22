/**
 * Keeps a rejection of the caller's code apart from the failures of the operation around it: it is passed on
 * as it is, and not taken for an answer of the broker, whatever it looks like.
 */
export class CallerFailure {
  #failure: { reason: unknown } | undefined;

  get isKnown(): boolean {
    return this.#failure !== undefined;
  }

  /** Runs the caller's code. */
  async watch<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (reason) {
      this.#failure = { reason };
      throw reason;
    }
  }

  /** The result of the operation that ran it, or the caller's own rejection. */
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
