import type { Duplex } from 'node:stream';
import type { ChannelModel } from 'amqplib';
import { ErrorCode, TaskQueueError } from '../../errors/task-queue-error.ts';
import { type BrokerAddress, describeAddress } from '../../options/broker-url.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import { translateConnectError } from '../errors/amqp-errors.ts';
import { AmqpFailure, inContext } from '../errors/amqp-failure.ts';
import { withDeadline } from './deadline.ts';
import { amqplibAddress, socketOptions } from './dial-options.ts';
import { joinWrites } from './joined-writes.ts';
import { findOpeningRefusal, isOpeningRefused } from './opening-refusal.ts';
import { useRawFrames } from './raw-frames.ts';

/** Failures that trying again, or trying another node, may mend. Wrong credentials are not among them. */
const TRANSIENT: readonly ErrorCode[] = [
  ErrorCode.connectionFailed,
  ErrorCode.connectionLost,
  ErrorCode.noAnswer,
  // Of connections that are dead, and that the broker has not noticed yet, perhaps.
  ErrorCode.limitReached,
  ErrorCode.brokerError,
];

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;

/** What the connections of one client know of the broker together. */
export interface ConnectionHistory {
  /** It could be reached, and so is away only for a while when it cannot. */
  wasOpen: boolean;
}

/**
 * One AMQP connection that opens when it is first needed and again after it was lost. Whoever needs it while
 * it opens waits for the same attempt.
 */
export class BrokerConnection {
  readonly #options: ResolvedOptions;
  readonly #name: string;
  #opening: Promise<ChannelModel> | undefined;
  #current: { model: ChannelModel; stream: Duplex; socket: AbortController } | undefined;
  /** The node that answered last comes first the next time. */
  #preferred = 0;
  readonly #history: ConnectionHistory;
  #blocked: { reason: string; ended: Promise<void>; end: () => void } | undefined;
  #closeReason: unknown;
  /** Ends attempts under way, and the waits between them. */
  readonly #closing = new AbortController();

  /**
   * @param purpose shown beside the connection's name in RabbitMQ's list
   * @param history of all connections of one client
   */
  constructor(options: ResolvedOptions, purpose: string, history: ConnectionHistory) {
    this.#options = options;
    this.#history = history;
    this.#name = `${options.connectionName} ${purpose}`;
  }

  /**
   * The open connection. Fails after one attempt at each URL when its client never had one; afterwards it goes on
   * trying, with growing pauses, until `reconnectTimeoutMs`.
   */
  open(): Promise<ChannelModel> {
    if (this.#closing.signal.aborted) return Promise.reject(closedError());
    if (this.#current) return Promise.resolve(this.#current.model);
    this.#opening ??= this.#dialUntilOpen().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** The resource alarm for which the broker blocks this connection, while it lasts. */
  get blocked(): { reason: string; ended: Promise<void> } | undefined {
    return this.#blocked;
  }

  /**
   * Why the broker has closed the connection, where it was for a limit (AMQP 530): its channels hear of it as a
   * connection that is lost.
   */
  get refusal(): unknown {
    return (this.#closeReason as { code?: unknown } | undefined)?.code === 530
      ? this.#closeReason
      : undefined;
  }

  /** Gives up on a broker that does not answer: everything in flight fails, and the next `open` connects again. */
  abandon(): void {
    this.#current?.socket.abort();
  }

  /** Never rejects, and never takes longer than `timeoutMs`. */
  async close(timeoutMs = this.#options.closeTimeoutMs): Promise<void> {
    this.#closing.abort();
    await this.#opening?.catch(() => {});
    const current = this.#current;
    if (!current) return;
    try {
      // A closing handshake, so that the broker has seen everything sent before it.
      await withDeadline(current.model.close(), timeoutMs, closedError);
      current.stream.destroy();
    } catch {
      // Already closed, or the peer no longer answers: destroy the socket.
      current.socket.abort();
    }
  }

  async #dialUntilOpen(): Promise<ChannelModel> {
    const giveUpAt = Date.now() + this.#options.reconnectTimeoutMs;
    for (let pauseMs = FIRST_RETRY_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_RETRY_MS)) {
      const failure = await this.#dialEach();
      if (!(failure instanceof TaskQueueError)) return failure;
      const retriable = this.#history.wasOpen && TRANSIENT.includes(failure.code);
      if (!retriable || Date.now() + pauseMs > giveUpAt) throw failure;
      await this.#pause(pauseMs * (0.5 + Math.random() / 2));
    }
  }

  async #dialEach(): Promise<ChannelModel | TaskQueueError> {
    const { addresses } = this.#options;
    let failure: TaskQueueError | undefined;
    for (let turn = 0; turn < addresses.length; turn++) {
      if (this.#closing.signal.aborted) return closedError();
      const index = (this.#preferred + turn) % addresses.length;
      const address = addresses[index] as BrokerAddress;
      try {
        const model = await this.#dial(address);
        this.#preferred = index;
        return model;
      } catch (error) {
        // Report the first failure, which is about the node that was asked for first.
        failure ??= inContext(
          `Cannot connect to RabbitMQ at ${describeAddress(address)}`,
          translateConnectError(error),
        );
      }
    }
    return failure as TaskQueueError;
  }

  async #dial(address: BrokerAddress): Promise<ChannelModel> {
    // Loaded here, so that importing the package costs next to nothing until it connects.
    const { connect } = await import('amqplib');
    if (this.#closing.signal.aborted) throw closedError();
    const { connectTimeoutMs } = this.#options;
    const socket = new AbortController();
    const giveUp = () => socket.abort();
    this.#closing.signal.addEventListener('abort', giveUp);
    const timer = setTimeout(giveUp, connectTimeoutMs);
    try {
      const model = await connect(
        amqplibAddress(address, this.#options),
        await socketOptions(address, this.#options, this.#name, socket.signal),
      );
      this.#adopt(model, socket);
      return model;
    } catch (error) {
      if (isOpeningRefused(error)) {
        const refusal = await findOpeningRefusal(address, this.#options, this.#name, socket.signal);
        if (refusal) throw refusal;
      }
      if (!socket.signal.aborted) throw error;
      if (this.#closing.signal.aborted) throw closedError();
      throw new AmqpFailure(ErrorCode.connectionFailed, `no answer within ${connectTimeoutMs} ms`, {
        cause: error,
        hint: 'Is it RabbitMQ that listens there, and does the port expect TLS (amqps://)?',
      });
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener('abort', giveUp);
    }
  }

  #adopt(model: ChannelModel, socket: AbortController): void {
    const { stream } = model.connection as unknown as { stream: Duplex };
    this.#current = { model, stream, socket };
    this.#closeReason = undefined;
    this.#history.wasOpen = true;
    joinWrites(stream);
    useRawFrames(model);
    // Without a listener the error would end the process; each operation learns of it from its own channel.
    model.on('error', (error) => {
      this.#closeReason = error;
    });
    model.on('close', () => {
      if (this.#current?.model === model) this.#current = undefined;
      this.#unblock();
    });
    model.on('blocked', (reason) => {
      this.#unblock();
      let end = () => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      this.#blocked = { reason, ended, end };
    });
    model.on('unblocked', () => this.#unblock());
  }

  #unblock(): void {
    this.#blocked?.end();
    this.#blocked = undefined;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#closing.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#closing.signal.addEventListener('abort', done);
    });
  }
}

function closedError(): TaskQueueError {
  return new TaskQueueError(ErrorCode.closed, 'The connection to RabbitMQ was closed with close()');
}
