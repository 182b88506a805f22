import { ErrorCode } from '../../errors/task-queue-error.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';
import { closeFully, throwIfEnded } from './channel-end.ts';
import { ChannelLease } from './channel-lease.ts';
import type { BrokerConnection } from './connection.ts';
import { readGateOf } from './raw-frames.ts';
import { WaitingLimit } from './waiting-limit.ts';

/**
 * A few channels of one connection, each lent to one operation at a time.
 *
 * A failed operation (404, 406 …) closes its channel, and amqplib rejects whatever else waits on it: that is
 * why operations do not share. A broken channel is dropped and a new one opened in its place.
 */
export class ChannelPool {
  readonly #connection: BrokerConnection;
  readonly #operationTimeoutMs: number;
  readonly #most: number;
  readonly #share: number;
  /** The channel used last is lent first, so that one task's operations in a row go through one channel. */
  readonly #idle: ChannelLease[] = [];
  /** Callers that wait for a channel, in the order of their calls; each is called when it gets one. */
  readonly #waiting = new Set<() => void>();
  readonly #waitingLimit: WaitingLimit;
  /** Channels in use, and those that are handed over. */
  #lent = 0;
  readonly #onAllReturned: (() => void)[] = [];

  /**
   * @param most how many channels
   * @param share of the channels that the connection may have, where these are few: a pool that left none to what else is
   * on the connection would make that fail, instead of wait
   */
  constructor(
    connection: BrokerConnection,
    { operationTimeoutMs, maxWaitingOperations }: ResolvedOptions,
    most: number,
    share = 1,
  ) {
    this.#connection = connection;
    this.#operationTimeoutMs = operationTimeoutMs;
    this.#waitingLimit = new WaitingLimit(maxWaitingOperations);
    this.#most = most;
    this.#share = share;
  }

  /**
   * Lends a channel to `work`. When it fails, the channel is closed, which gives back every message that it
   * held unacknowledged.
   * @throws TaskQueueError
   */
  async use<T>(work: (lease: ChannelLease) => Promise<T>): Promise<T> {
    // An idle channel means an open connection.
    if (this.#idle.length > 0 && this.#lent < this.#max) this.#lent++;
    else await this.#waitToEnter();
    let lease: ChannelLease | undefined;
    try {
      lease = this.#idle.pop() ?? (await this.#open());
      const result = await work(lease);
      if (lease.isOpen) this.#idle.push(lease);
      return result;
    } catch (error) {
      // Closing gives back what the channel held; there is no need to wait for it.
      if (lease?.isOpen) lease.close().catch(() => {});
      throw this.#connection.translate(error, lease?.channel);
    } finally {
      this.#leave();
    }
  }

  /**
   * Waits for the operations that hold a channel, then closes the channels. Resolves when the broker has done
   * everything that was sent on them: amqplib may write the closing of the connection ahead of an acknowledgement
   * that is still in a channel's buffer, and the message would be back in its queue.
   */
  async close(): Promise<void> {
    if (this.#lent > 0) await new Promise<void>((resolve) => this.#onAllReturned.push(resolve));
    await Promise.all(this.#idle.splice(0).map(({ channel }) => closeFully(channel)));
  }

  async #waitToEnter(): Promise<void> {
    this.#waitingLimit.enter();
    try {
      await this.#enter();
    } finally {
      this.#waitingLimit.leave();
    }
  }

  /** @throws TaskQueueError `BUSY` when all channels are in use for too long */
  async #enter(): Promise<void> {
    // Before queueing, so that all callers waiting for a connection learn its outcome together.
    await this.#connection.open();
    if (this.#lent < this.#max) {
      this.#lent++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(enter);
        reject(this.#busyError());
      }, this.#operationTimeoutMs);
      this.#waiting.add(enter);
    });
  }

  get #max(): number {
    return Math.max(1, Math.min(this.#most, Math.floor(this.#connection.channelMax * this.#share)));
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#lent--;
      if (this.#lent === 0) for (const resolve of this.#onAllReturned.splice(0)) resolve();
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  async #open(): Promise<ChannelLease> {
    const model = await this.#connection.open();
    const opening = readGateOf(model).whileWaiting(() => model.createChannel());
    const channel = await this.#connection.answered(opening);
    throwIfEnded(channel);
    const onClose = (ended: ChannelLease) => {
      const index = this.#idle.indexOf(ended);
      if (index >= 0) this.#idle.splice(index, 1);
    };
    return new ChannelLease(channel, this.#operationTimeoutMs, { onClose, openAnother: () => this.#open() });
  }

  #busyError(): AmqpFailure {
    return new AmqpFailure(
      ErrorCode.busy,
      `earlier operations did not finish within ${this.#operationTimeoutMs} ms`,
      { hint: 'The broker does not answer, or message handlers take too long.' },
    );
  }
}
