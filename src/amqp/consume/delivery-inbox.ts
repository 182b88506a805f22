import type { ConsumeMessage } from 'amqplib';
import { onAbort } from '../../concurrency/on-abort.ts';
import type { ReadGate } from '../connection/read-gate.ts';

/** Bytes of unhandled bodies before we stop reading the socket. One more message may be on its way. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Deliveries of one consumer that are not handled yet, and a way to wait for more. */
export class DeliveryInbox {
  readonly #gate: ReadGate;
  #messages: ConsumeMessage[] = [];
  #bytes = 0;
  #isHolding = false;
  /** Deliveries so far, including those handled. */
  received = 0;
  #isEnded = false;
  #failure: { reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** @param gate of the connection that the deliveries come by */
  constructor(gate: ReadGate) {
    this.#gate = gate;
  }

  put(message: ConsumeMessage): void {
    if (this.#isEnded) return;
    this.#messages.push(message);
    this.received++;
    this.#count(message.content.length);
    this.wake();
  }

  /** Ends a wait, as something other than a delivery has come. */
  wake(): void {
    this.#wake?.();
  }

  /** No delivery can follow: this and every later wait rejects with the reason. */
  fail(reason: unknown): void {
    this.#failure = { reason };
    this.wake();
  }

  /** Drops everything delivered so far, and everything delivered later. */
  end(): void {
    this.#isEnded = true;
    this.#messages = [];
    this.#count(-this.#bytes);
  }

  get size(): number {
    return this.#messages.length;
  }

  /**
   * Removes and returns the oldest deliveries: at least one if there is any, and at most `mostBytes` if there are
   * several.
   */
  shift(most: number, mostBytes: number): ConsumeMessage[] {
    let count = 0;
    let bytes = 0;
    for (const { content } of this.#messages) {
      if (count === most || (count > 0 && bytes + content.length > mostBytes)) break;
      count++;
      bytes += content.length;
    }
    this.#count(-bytes);
    return this.#messages.splice(0, count);
  }

  /** Resolves to true when a delivery, {@link wake} or the signal came in time. */
  async waitForMore(ms: number, signal?: AbortSignal): Promise<boolean> {
    const happened = await new Promise<boolean>((resolve) => {
      const finish = (value: boolean) => {
        clearTimeout(timer);
        stopListening();
        this.#wake = undefined;
        resolve(value);
      };
      const wake = () => finish(true);
      const timer = setTimeout(() => finish(false), ms);
      const stopListening = onAbort(signal, wake);
      this.#wake = wake;
      if (this.#failure) wake();
    });
    if (this.#failure) throw this.#failure.reason;
    return happened;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    const isFull = this.#bytes > MAX_BYTES;
    if (isFull === this.#isHolding) return;
    this.#isHolding = isFull;
    if (isFull) this.#gate.hold();
    else this.#gate.release();
  }
}
