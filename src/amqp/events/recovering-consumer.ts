import { setImmediate } from 'node:timers/promises';
import type { Channel, ChannelModel, ConsumeMessage, Options } from 'amqplib';
import { retry } from '../../errors/retry.ts';
import { ErrorCode, type TaskQueueError } from '../../errors/task-queue-error.ts';
import type { BrokerConnection } from '../connection/connection.ts';
import { AmqpFailure, closedError } from '../errors/amqp-failure.ts';

/** Messages sent ahead of the acknowledgements. */
const PREFETCH = 500;

/** Between attempts to set it up again. */
const RETRY = { pauseMs: 1_000, longestPauseMs: 5_000, mayRetry: () => true };

/** What a {@link RecoveringConsumer} consumes, and who learns what becomes of it. */
export interface Consumed {
  /** Declares the queue, each time on a new channel, by deadlines of its own. @returns its name */
  declare(channel: Channel): Promise<string>;
  options?: Options.Consume;
  /** Acknowledges the message on its channel, which may have ended. */
  onMessage(message: ConsumeMessage, channel: Channel): void;
  /**
   * It is interrupted, because its connection was lost, for example. Not called when it is closed.
   *
   * @param resumed resolves when it consumes again and `onResumed` is done, or when it is closed; never rejects
   */
  onLost(error: TaskQueueError, resumed: Promise<void>): void;
  /** It could not be set up again; this goes on until it is closed. */
  onRetry(error: TaskQueueError): void;
  /** It consumes again. Must not fail. */
  onResumed?(): Promise<void>;
}

/** Consumes a queue on a connection of its own, and again by itself when that was lost, until it is closed. */
export class RecoveringConsumer {
  readonly connection: BrokerConnection;
  readonly #consumed: Consumed;
  readonly #closing = new AbortController();

  /** @param connection for this consumer alone */
  constructor(connection: BrokerConnection, consumed: Consumed) {
    this.connection = connection;
    this.#consumed = consumed;
  }

  /** Resolves when it consumes. @throws TaskQueueError when it cannot; it does not try again by itself then */
  async start(): Promise<void> {
    try {
      await this.#setUp(await this.connection.open());
    } catch (error) {
      throw this.#closing.signal.aborted ? closedError() : this.connection.translate(error);
    }
  }

  /** Ends the attempts to set it up. The connection is to be closed next. */
  stop(): void {
    this.#closing.abort();
  }

  async #setUp(model: ChannelModel): Promise<void> {
    const { connection } = this;
    const { declare, options, onMessage } = this.#consumed;
    const channel = await connection.answered(model.createChannel());
    let reason: unknown = new Error('Channel closed');
    let state = 'starting' as 'starting' | 'running' | 'closed';
    channel.on('error', (error) => {
      reason = error;
    });
    channel.on('close', () => {
      if (state === 'running') this.#lose(reason);
      state = 'closed';
    });
    const queue = await declare(channel);
    await connection.answered(channel.prefetch(PREFETCH));
    const cancelled = () => {
      reason = new AmqpFailure(ErrorCode.connectionLost, 'the broker deleted their queue');
      channel.close().catch(() => {});
    };
    const consume = (message: ConsumeMessage | null) =>
      message === null ? cancelled() : onMessage(message, channel);
    await connection.answered(channel.consume(queue, consume, options));
    if (state === 'closed') throw reason;
    state = 'running';
  }

  #lose(reason: unknown): void {
    if (this.#closing.signal.aborted) return;
    // Deferred: when a connection is lost, its channels end first.
    const resumed = setImmediate().then(() => this.#resume());
    this.#consumed.onLost(this.connection.translate(reason), resumed);
  }

  /** The connection itself retries for a while. */
  async #resume(): Promise<void> {
    const { onRetry, onResumed } = this.#consumed;
    const options = { ...RETRY, signal: this.#closing.signal };
    try {
      await retry(() => this.start(), { ...options, onRetry: (error) => onRetry(error as TaskQueueError) });
      await onResumed?.();
    } catch {
      // Closed meanwhile.
    }
  }
}
