/** Runs work of one key one after the other. All calls made while it runs share the next run. */
export class SharedRuns {
  readonly #last = new Map<string, { isBegun: boolean; done: Promise<void> }>();

  /** Resolves when a run that began after this call has ended; rejects with its error. */
  run(key: string, work: () => Promise<void>): Promise<void> {
    const last = this.#last.get(key);
    if (last?.isBegun === false) return last.done;
    const next = { isBegun: false, done: Promise.resolve() };
    next.done = (async () => {
      // Not at once, even for the first, so that calls made together share it.
      await last?.done.catch(() => {});
      next.isBegun = true;
      try {
        await work();
      } finally {
        if (this.#last.get(key) === next) this.#last.delete(key);
      }
    })();
    this.#last.set(key, next);
    return next.done;
  }
}
