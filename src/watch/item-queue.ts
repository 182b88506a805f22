/** Items that the reader has not taken yet, before writers are asked to wait. */
const MAX_PENDING = 1_000;

/** Items on their way from several writers to one reader, who may be slow. */
export class ItemQueue<T> {
  readonly #items: T[] = [];
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];
  #hasEnded = false;
  #failure: { error: unknown } | undefined;

  /** Adds it at once. Wait for {@link room} where there can be many; after the end nothing is added. */
  put(item: T): void {
    if (this.#hasEnded) return;
    this.#items.push(item);
    this.#wakeReader?.();
  }

  get isFull(): boolean {
    return this.#items.length >= MAX_PENDING && !this.#hasEnded;
  }

  /** Resolves when there is room for the next one, or nobody who reads. */
  async room(): Promise<void> {
    if (this.isFull) await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
  }

  end(): void {
    this.#hasEnded = true;
    this.#wakeReader?.();
    for (const wake of this.#wakeWriters.splice(0)) wake();
  }

  /** Ends with this error, once the items before it have been read. */
  fail(error: unknown): void {
    if (this.#hasEnded) return;
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
