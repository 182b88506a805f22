import { EventEmitter, once } from 'node:events';

/** Items that the reader has not taken yet, before writers are asked to wait. */
const MAX_PENDING = 1_000;

/** Items on their way from several writers to one reader, who may be slow. */
export class ItemQueue<T> {
  readonly #items: T[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #end: { error?: unknown } | undefined;

  /** Adds it at once. Wait for {@link room} where there can be many; after the end nothing is added. */
  put(item: T): void {
    if (this.#end !== undefined) return;
    this.#items.push(item);
    this.#changes.emit('put');
  }

  get isFull(): boolean {
    return this.#items.length >= MAX_PENDING && this.#end === undefined;
  }

  /** Resolves when there is room for the next one, or nobody who reads. */
  async room(): Promise<void> {
    while (this.isFull) await once(this.#changes, 'taken');
  }

  /** @param end with an error, if there is one, once the items before it have been read */
  end(end: { error?: unknown } = {}): void {
    this.#end ??= end;
    this.#changes.emit('put');
    this.#changes.emit('taken');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#changes.emit('taken');
        yield item;
      } else if (this.#end === undefined) await once(this.#changes, 'put');
      else if ('error' in this.#end) throw this.#end.error;
      else return;
    }
  }
}
