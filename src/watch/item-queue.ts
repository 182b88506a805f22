/** Items that the reader has not taken yet, before writers are asked to wait. */
const MAX_PENDING = 1_000;

/** Items on their way from several writers to one reader, who may be slow. */
export class ItemQueue<T> {
  readonly #items: T[] = [];
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];
  #hasEnded = false;
  #failure: { error: unknown } | undefined;

  /** Resolves when there is room for the next one. */
  async put(item: T): Promise<void> {
    this.#items.push(item);
    this.#wakeReader?.();
    if (this.#items.length < MAX_PENDING || this.#hasEnded) return;
    await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
  }

  end(): void {
    this.#hasEnded = true;
    this.#wakeReader?.();
    for (const wake of this.#wakeWriters.splice(0)) wake();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    while (true) {
      const item = this.#items.shift();
      if (item !== undefined) {
        if (this.#items.length < MAX_PENDING) for (const wake of this.#wakeWriters.splice(0)) wake();
        yield item;
        continue;
      }
      if (this.#failure) throw this.#failure.error;
      if (this.#hasEnded) return;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }
}
