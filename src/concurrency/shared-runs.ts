/**
 * Runs work of one key one after the other. All calls made while it runs share the next run, as one that has begun proves
 * nothing about what comes afterwards.
 */
export class SharedRuns<T> {
  readonly #last = new Map<string, { isBegun: boolean; done: Promise<T> }>();

  /** @returns the result of a run that began after this call, or its error */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const last = this.#last.get(key);
    if (last?.isBegun === false) return last.done;
    const begin = async () => {
      // Not at once, even for the first, so that calls made together share it.
      await last?.done.catch(() => {});
      next.isBegun = true;
      try {
        return await work();
      } finally {
        if (this.#last.get(key) === next) this.#last.delete(key);
      }
    };
    const next = { isBegun: false, done: Promise.resolve().then(begin) };
    this.#last.set(key, next);
    return next.done;
  }
}
