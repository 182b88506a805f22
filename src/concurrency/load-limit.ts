import type { MessageLoad } from '../diagnostics/stats.ts';
import { formatNumber } from '../errors/number-text.ts';

/** Bytes of all waiting messages. A single larger message may wait alone. */
const MAX_BYTES = 128 * 1024 * 1024;

/**
 * Makes the error for an operation that may not wait.
 * @param waiting what is already waiting
 * @param limit a sentence
 */
export type Refuse = (waiting: string, limit: string) => Error;

/** Bounds how many operations, and how many bytes of messages, wait for the same thing. */
export class LoadLimit {
  readonly #max: number;
  #count = 0;
  #bytes = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get load(): MessageLoad {
    return { messages: this.#count, bytes: this.#bytes };
  }

  /**
   * Counts one more operation, until {@link leave}.
   * @param bytes of the message that it keeps in memory
   * @throws what `refuse` returns, if there are too many
   */
  enter(bytes: number, refuse: Refuse): void {
    if (this.#count >= this.#max) {
      throw refuse(`${formatNumber(this.#max)} operations`, 'maxWaitingOperations is the limit.');
    }
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_BYTES) {
      throw refuse(
        `${formatNumber(this.#bytes)} bytes of messages`,
        `The limit is ${formatNumber(MAX_BYTES)}.`,
      );
    }
    this.#count++;
    this.#bytes += bytes;
  }

  leave(bytes = 0): void {
    this.#count--;
    this.#bytes -= bytes;
  }
}
