import { EventEmitter, once } from 'node:events';

/** How many unread items there may be before writers have to wait. */
const MAX_PENDING = 1_000;

/** A queue from several writers to one reader, which may be slow. */
export class ItemQueue<T> {
  readonly #items: T[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #end: { error?: unknown } | undefined;

  /** Adds an item at once. Await {@link room} where there can be many. Does nothing after the end. */
  put(item: T): void {
    if (this.#end !== undefined) return;
    this.#items.push(item);
    this.#changes.emit('put');
  }

  /** There is a reader, who is not far behind. */
  get hasRoom(): boolean {
    return this.#items.length < MAX_PENDING && this.#end === undefined;
  }

  /** Resolves when there is room for the next item, or no reader. */
  async room(): Promise<void> {
    while (!this.hasRoom && this.#end === undefined) await once(this.#changes, 'taken');
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
