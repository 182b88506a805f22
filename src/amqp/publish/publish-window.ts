import type { MessageLoad } from '../../diagnostics/stats.ts';

interface Waiting {
  bytes: number;
  enter: () => void;
}

/**
 * Bounds the messages and bytes that are sent and not confirmed. Publishes beyond that wait, in the order of the
 * calls, before anything is written: what lies in a socket is neither sent nor given up, and takes memory twice.
 */
export class PublishWindow {
  readonly #maxBytes: number;
  readonly #maxCount: number;
  #count = 0;
  #bytes = 0;
  readonly #waiting = new Set<Waiting>();
  /** Admitted, but not sent yet. */
  #entering = 0;
  #isWaking = false;

  /**
   * @param maxCount messages
   * @param maxBytes a larger message may go when it is alone
   */
  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
  }

  /** Sent, or about to be sent, and not answered. */
  get load(): MessageLoad {
    return { messages: this.#count, bytes: this.#bytes };
  }

  /** True when a message of this size may be sent right now, and overtakes none that waits. */
  hasRoomFor(bytes: number): boolean {
    return this.#waiting.size === 0 && this.#entering === 0 && this.#isFree(bytes);
  }

  /** Counts a message that is about to be sent, to be followed by {@link leave}. */
  enter(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }

  /**
   * Resolves when it is the caller's turn, with the message counted.
   * @returns a function to call when the message was sent, or is not going to be
   */
  async wait(bytes: number, timeoutMs: number, onTimeout: () => Error): Promise<() => void> {
    await new Promise<void>((resolve, reject) => {
      const waiting = {
        bytes,
        enter: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(onTimeout());
      }, timeoutMs);
      this.#waiting.add(waiting);
      this.#wakeSoon();
    });
    return () => {
      this.#entering--;
      this.#wakeSoon();
    };
  }

  /** The message is confirmed, refused or given up. */
  leave(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
    this.#wakeSoon();
  }

  /** Once per turn, as confirms of many messages arrive together. */
  #wakeSoon(): void {
    if (this.#isWaking || this.#waiting.size === 0) return;
    this.#isWaking = true;
    setImmediate(() => {
      this.#isWaking = false;
      for (const waiting of this.#waiting) {
        if (!this.#isFree(waiting.bytes)) break;
        this.#waiting.delete(waiting);
        this.#entering++;
        this.enter(waiting.bytes);
        waiting.enter();
      }
    });
  }

  #isFree(bytes: number): boolean {
    return this.#count === 0 || (this.#count < this.#maxCount && this.#bytes + bytes <= this.#maxBytes);
  }
}
