import type { Channel } from 'amqplib';
import { ErrorCode } from '../../errors/task-queue-error.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';
import { readGateOf } from './raw-frames.ts';
import type { ReadGate } from './read-gate.ts';

/** A channel held by one operation, alone: whatever closes it hurts nobody else. */
export interface ChannelLease {
  readonly channel: Channel;
  /**
   * A request to the broker on this channel. Rejects when the channel or the connection ends before the
   * answer is complete (amqplib leaves a `get` hanging there), and after the operation timeout.
   */
  request<T>(start: (channel: Channel) => Promise<T>): Promise<T>;
  /** @throws why the channel has ended, if it has; amqplib says only that it has, to what is not a request */
  throwIfEnded(): void;
  /** Closes the channel, and with it ends all that it holds. The pool opens another one when it needs one. */
  close(): Promise<void>;
  /** Calls back when the channel ends, for whoever waits for deliveries; answers how to stop listening. */
  onEnd(listener: (reason: unknown) => void): () => void;
}

/** A channel of a pool, with the requests of the operation that has it. */
export class PooledChannel implements ChannelLease {
  readonly channel: Channel;
  readonly #operationTimeoutMs: number;
  readonly #gate: ReadGate;
  /** Requests under way, which are told when the channel ends. */
  readonly #pending = new Set<(reason: unknown) => void>();
  #isOpen = true;
  #closeReason: unknown = new Error('Channel closed');

  /** @param onClose called when the channel has ended */
  constructor(channel: Channel, operationTimeoutMs: number, onClose: (self: PooledChannel) => void) {
    this.channel = channel;
    this.#operationTimeoutMs = operationTimeoutMs;
    this.#gate = readGateOf(channel);
    // Without a listener here the whole connection would die of a channel's error.
    channel.on('error', (error) => {
      this.#closeReason = error;
    });
    channel.on('close', () => {
      this.#isOpen = false;
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

  request<T>(start: (channel: Channel) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        if (this.#pending.delete(fail)) this.#gate.endWait();
        settle();
      };
      const fail = (reason: unknown) => finish(() => reject(reason));
      const timer = setTimeout(() => fail(timeoutError(this.#operationTimeoutMs)), this.#operationTimeoutMs);
      // A set instead of a listener for each request, which costs more than the rest of this.
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

  throwIfEnded(): void {
    if (!this.#isOpen) throw this.#closeReason;
  }

  close(): Promise<void> {
    this.#isOpen = false;
    return this.request((channel) => channel.close());
  }

  onEnd(listener: (reason: unknown) => void): () => void {
    const onClose = () => listener(this.#closeReason);
    this.channel.on('close', onClose);
    return () => this.channel.off('close', onClose);
  }
}

export function timeoutError(ms: number): AmqpFailure {
  return new AmqpFailure(ErrorCode.noAnswer, `RabbitMQ did not answer within ${ms} ms`, {
    hint: 'Look at the broker: a resource alarm, an overload, or a network that drops packets.',
  });
}
