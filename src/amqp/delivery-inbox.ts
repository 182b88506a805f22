import type { ConsumeMessage } from 'amqplib';

/** Deliveries of one consumer that nobody has handled yet, and a way to wait for more. */
export class DeliveryInbox {
  readonly #messages: ConsumeMessage[] = [];
  #received = 0;
  #isCancelled = false;
  #failure: { reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** The callback of a consumer; null says that the broker cancelled it, as when its queue is deleted. */
  put(message: ConsumeMessage | null): void {
    if (message === null) this.#isCancelled = true;
    else {
      this.#messages.push(message);
      this.#received++;
    }
    this.#wake?.();
  }

  /** No delivery can follow: every wait under way, and every later one, rejects with this. */
  fail(reason: unknown): void {
    this.#failure = { reason };
    this.#wake?.();
  }

  get size(): number {
    return this.#messages.length;
  }

  /** Deliveries so far, the handled ones included. */
  get received(): number {
    return this.#received;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** The oldest ones, out of the inbox. */
  take(count: number): ConsumeMessage[] {
    return this.#messages.splice(0, count);
  }

  /** True when something happened within the time: a delivery, a cancel, or the signal. */
  async waitForMore(ms: number, signal?: AbortSignal): Promise<boolean> {
    const happened = await new Promise<boolean>((resolve) => {
      const finish = (value: boolean) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve(value);
      };
      const wake = () => finish(true);
      const timer = setTimeout(() => finish(false), ms);
      signal?.addEventListener('abort', wake);
      this.#wake = wake;
      if (this.#failure || this.#isCancelled) wake();
    });
    if (this.#failure) throw this.#failure.reason;
    return happened;
  }
}
