import type { Channel } from 'amqplib';
import { timeoutError } from '../errors/amqp-failure.ts';
import { readGateOf } from './raw-frames.ts';
import type { ReadGate } from './read-gate.ts';

/** A channel held by one operation alone: closing it affects no other operation. */
export class ChannelLease {
  readonly channel: Channel;
  /** The deadline for an answer. */
  readonly operationTimeoutMs: number;
  readonly #gate: ReadGate;
  /** Requests in flight, which fail when the channel ends. */
  readonly #pending = new Set<(reason: unknown) => void>();
  #isOpen = true;
  #hasEnded = false;
  #closeReason: unknown = new Error('Channel closed');

  /** Opens an extra channel of the same connection, outside the pool's limit. The caller closes it. */
  readonly openAnother: () => Promise<ChannelLease>;

  /** @param pool `onClose` is called when the channel has ended; `openAnother` opens one more */
  constructor(
    channel: Channel,
    operationTimeoutMs: number,
    {
      onClose,
      openAnother,
    }: { onClose: (self: ChannelLease) => void; openAnother: () => Promise<ChannelLease> },
  ) {
    this.channel = channel;
    this.openAnother = openAnother;
    this.operationTimeoutMs = operationTimeoutMs;
    this.#gate = readGateOf(channel);
    // Without a listener, an error of one channel would close the whole connection.
    channel.on('error', (error) => {
      this.#closeReason = error;
    });
    channel.on('close', () => {
      this.#isOpen = false;
      this.#hasEnded = true;
      onClose(this);
      // Deferred, as the request itself is rejected with the broker's reason a few promise turns later.
      setImmediate(() => {
        for (const fail of this.#pending) fail(this.#closeReason);
      });
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * A request to the broker on this channel. Rejects when the channel or the connection ends before the
   * answer is complete (amqplib leaves a `get` hanging there), and after the operation timeout.
   */
  request<T>(start: (channel: Channel) => Promise<T>): Promise<T> {
    // amqplib would report only that it has ended.
    if (this.#hasEnded) return Promise.reject(this.#closeReason);
    return new Promise<T>((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        if (this.#pending.delete(fail)) this.#gate.endWait();
        settle();
      };
      const fail = (reason: unknown) => finish(() => reject(reason));
      const timer = setTimeout(() => fail(timeoutError(this.operationTimeoutMs)), this.operationTimeoutMs);
      // A set: adding a listener per request would cost more than everything else here.
      this.#pending.add(fail);
      this.#gate.beginWait();
      try {
        start(this.channel).then((value) => finish(() => resolve(value)), fail);
      } catch (error) {
        // The channel has just ended.
        fail(error);
      }
    });
  }

  /** @throws the reason if the channel has ended; amqplib reports only that it has ended */
  throwIfEnded(): void {
    if (!this.#isOpen) throw this.#closeReason;
  }

  /** Closes the channel; the broker gives back whatever it held. The pool opens another one when it needs one. */
  close(): Promise<void> {
    this.#isOpen = false;
    return this.request((channel) => channel.close());
  }

  /** Calls the listener when the channel ends. Returns a function that stops listening. */
  onEnd(listener: (reason: unknown) => void): () => void {
    const onClose = () => listener(this.#closeReason);
    this.channel.on('close', onClose);
    return () => this.channel.off('close', onClose);
  }
}
