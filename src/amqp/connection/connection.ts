import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, ChannelModel } from 'amqplib';
import type { ConnectionState, ConnectionStats } from '../../diagnostics/stats.ts';
import type { ConnectionChange, ConnectionName } from '../../diagnostics/status-event.ts';
import { traceConnect } from '../../diagnostics/tracing.ts';
import { withDeadline } from '../../errors/deadline.ts';
import { isTransient, retry } from '../../errors/retry.ts';
import { ErrorCode, hasCode, isTaskQueueError, TaskQueueError } from '../../errors/task-queue-error.ts';
import { type BrokerAddress, describeAddress, nodeOf } from '../../options/broker-url.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import { translateAmqpError, translateConnectError } from '../errors/amqp-errors.ts';
import { AmqpFailure, inContext } from '../errors/amqp-failure.ts';
import { closeFully } from './channel-end.ts';
import { amqplibAddress, socketOptions } from './dial-options.ts';
import { joinWrites } from './joined-writes.ts';
import { findOpeningRefusal, isOpeningRefused } from './opening-refusal.ts';
import { readGateOf, useRawFrames } from './raw-frames.ts';

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;
const SHORTEST_DIAL_MS = 1_000;

/** RabbitMQ counts a closed connection for some milliseconds more. */
const UNCOUNTED_MS = 100;

/** What the connections of one client know together. */
export interface ConnectionHistory {
  /** The broker could be reached, and so is away only for a while when it cannot. */
  wasOpen: boolean;
  /** How often a connection was opened again. */
  reconnects: number;
  /** The client is being closed: changes of its connections are not reported. */
  isClosing: boolean;
  /** Closes connections that can be done without. Resolves to whether there were any. */
  makeRoom(): Promise<boolean>;
}

export function newHistory(): ConnectionHistory {
  return { wasOpen: false, reconnects: 0, isClosing: false, makeRoom: async () => false };
}

/**
 * One AMQP connection that opens when it is first needed and again after it was lost. Callers that need it while it
 * opens wait for the same attempt.
 */
export class BrokerConnection {
  readonly #options: ResolvedOptions;
  readonly #name: ConnectionName;
  #opening: Promise<ChannelModel> | undefined;
  #current: { model: ChannelModel; stream: Duplex; socket: AbortController } | undefined;
  /** The node that answered last comes first the next time. */
  #preferred = 0;
  readonly #history: ConnectionHistory;
  #blocked: { reason: string; ended: Promise<void>; end: () => void } | undefined;
  #abandonsIfBlocked = false;
  #closeReason: unknown;
  /** Of earlier connections too, as this one opens again before everybody has learned that it was lost. */
  readonly #closeReasons = new WeakMap<object, unknown>();
  /** That it leads to, or that was tried last. */
  #address: BrokerAddress | undefined;
  #wasOpen = false;
  /** Attempts that failed since it was last open, and why the last one did. */
  #failures = 0;
  #lastFailure: TaskQueueError | undefined;
  /** Ends attempts under way, and the waits between them. */
  readonly #closing = new AbortController();

  /**
   * @param name shown behind the client's name in RabbitMQ's list
   * @param history of all connections of one client
   */
  constructor(options: ResolvedOptions, name: ConnectionName, history: ConnectionHistory) {
    this.#options = options;
    this.#history = history;
    this.#name = name;
  }

  get stats(): ConnectionStats {
    const node = this.#address && nodeOf(this.#address);
    return { connection: this.#name, state: this.#state, node };
  }

  get #state(): ConnectionState {
    if (this.#closing.signal.aborted) return 'closed';
    if (this.#blocked) return 'blocked';
    if (this.#current) return 'connected';
    if (this.#opening) return 'connecting';
    return this.#address ? 'disconnected' : 'idle';
  }

  /**
   * The open connection. Fails after one attempt at each URL if its client never had one; afterwards it keeps trying,
   * with growing pauses, until `reconnectTimeoutMs`, unless somebody can do without it (`isPatient` false).
   */
  open({ isPatient = true } = {}): Promise<ChannelModel> {
    if (this.#closing.signal.aborted) return Promise.reject(closedError());
    // It may have ended in the same read in which it was opened, before anything here could listen.
    if (this.#current?.stream.writable) return Promise.resolve(this.#current.model);
    this.#opening ??= this.#dialUntilOpen(isPatient).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** How many channels the broker allows, while it is open. */
  get channelMax(): number {
    const { channelMax = Number.POSITIVE_INFINITY } =
      (this.#current?.model.connection as { channelMax?: number } | undefined) ?? {};
    return channelMax;
  }

  /** Nothing is read from it, as somebody has to handle what has come first. */
  get isHeldUp(): boolean {
    return this.#current !== undefined && readGateOf(this.#current.model).isClosed;
  }

  /** The resource alarm for which the broker blocks this connection, while it lasts. */
  get blocked(): { reason: string; ended: Promise<void> } | undefined {
    return this.#blocked;
  }

  /**
   * Translates a failure of one of its channels. If the broker has closed the connection, its channels hear only that it is
   * lost. A limit (AMQP 530) is a failure of its own, as it may not be over by the next attempt.
   * @param error
   * @param channel default: one of the connection that was opened last
   */
  translate(error: unknown, channel?: Channel): TaskQueueError {
    const failure = translateAmqpError(error);
    const closeReason = (channel && this.#closeReasons.get(channel.connection)) ?? this.#closeReason;
    const { code } = (closeReason ?? {}) as { code?: unknown };
    if (failure.code !== ErrorCode.connectionLost || typeof code !== 'number') return failure;
    const why = translateAmqpError(closeReason);
    if (code === 530 || why.code === ErrorCode.connectionLost) return why;
    const reason = `${failure.message}: ${why.message}`;
    return new AmqpFailure(failure.code, reason, { cause: why.cause, hint: why.hint });
  }

  /**
   * The outcome of a request, or of several. If the broker has not answered by the deadline of an operation, it is given
   * up: everything in flight fails, and the next `open` connects again.
   */
  answered<T>(request: Promise<T>): Promise<T> {
    const { operationTimeoutMs } = this.#options;
    return withDeadline(request, operationTimeoutMs, () => {
      this.abandon();
      return timeoutError(operationTimeoutMs);
    });
  }

  /** Gives up on a broker that does not answer, see {@link answered}. */
  abandon(): void {
    if (!this.#current) return;
    this.#closeReason ??= new TaskQueueError(
      ErrorCode.noAnswer,
      `RabbitMQ at ${this.#where} did not answer, and the connection was dropped`,
    );
    this.#current.socket.abort();
  }

  /** The same as soon as the broker blocks it, or at once: what is left to do is not worth the wait. */
  abandonIfBlocked(): void {
    this.#abandonsIfBlocked = true;
    if (this.#blocked) this.abandon();
  }

  /** Never rejects, and never takes longer than `timeoutMs`. */
  async close(timeoutMs = this.#options.closeTimeoutMs): Promise<void> {
    const isFirst = !this.#closing.signal.aborted;
    this.#closing.abort();
    await this.#close(timeoutMs);
    if (isFirst) this.#report({ type: 'closed' });
  }

  async #close(timeoutMs: number): Promise<void> {
    await this.#opening?.catch(() => {});
    const current = this.#current;
    if (!current) return;
    try {
      // A closing handshake, so that the broker has seen everything sent before it.
      await withDeadline(closeFully(current.model), timeoutMs, closedError);
      current.stream.destroy();
    } catch {
      // The peer no longer answers.
      current.socket.abort();
    }
  }

  async #dialUntilOpen(isPatient: boolean): Promise<ChannelModel> {
    try {
      const giveUpAt = performance.now() + this.#options.reconnectTimeoutMs;
      return await retry(() => this.#dialEach(this.#history.wasOpen ? giveUpAt : undefined), {
        giveUpAt,
        mayRetry: (error) => isPatient && this.#history.wasOpen && this.#mayReconnect(error),
        pauseMs: FIRST_RETRY_MS,
        longestPauseMs: LAST_RETRY_MS,
        signal: this.#closing.signal,
        onRetry: (_, pauseMs) => this.#reportFailure(Math.round(pauseMs)),
      });
    } catch (error) {
      if (this.#closing.signal.aborted) throw closedError();
      this.#reportFailure(undefined);
      throw error;
    }
  }

  /**
   * Tries each node once. Leaves the last failure to be reported together with the time of the next try.
   * @param giveUpAt no dial waits longer, except for the shortest time that a working broker may need
   */
  async #dialEach(giveUpAt = Number.POSITIVE_INFINITY): Promise<ChannelModel> {
    const { addresses } = this.#options;
    let first: unknown;
    for (let turn = 0; turn < addresses.length; turn++) {
      if (turn > 0) this.#reportFailure(0);
      const index = (this.#preferred + turn) % addresses.length;
      const address = addresses[index] as BrokerAddress;
      this.#address = address;
      this.#report({ type: 'connecting' });
      try {
        const trace = () => ({ connection: this.#name, node: nodeOf(address) });
        const leftMs = Math.max(SHORTEST_DIAL_MS, Math.ceil(giveUpAt - performance.now()));
        const timeoutMs = Math.min(this.#options.connectTimeoutMs, leftMs);
        const model = await traceConnect(trace, () => this.#dial(address, timeoutMs));
        this.#preferred = index;
        return model;
      } catch (error) {
        this.#failures++;
        this.#lastFailure = error as TaskQueueError;
        // Throw the first failure, which is about the node that was asked for first.
        first ??= error;
        if (this.#closing.signal.aborted || performance.now() >= giveUpAt) break;
      }
    }
    throw first;
  }

  /** @throws TaskQueueError */
  async #dial(address: BrokerAddress, timeoutMs: number): Promise<ChannelModel> {
    try {
      return await this.#connect(address, timeoutMs);
    } catch (error) {
      const failure = translateConnectError(error);
      if (hasCode(failure, ErrorCode.limitReached) && (await this.#history.makeRoom())) {
        await sleep(UNCOUNTED_MS);
        return this.#dial(address, timeoutMs);
      }
      throw inContext(`Cannot connect to RabbitMQ at ${this.#where}`, failure);
    }
  }

  async #connect(address: BrokerAddress, timeoutMs: number, isAgain = false): Promise<ChannelModel> {
    // Loaded here, so that importing the package costs next to nothing until it connects. Only the default export is there where
    // esbuild has put it into a chunk of its own.
    const { default: amqplib } = await import('amqplib').catch((cause) => {
      throw notLoaded(cause);
    });
    if (this.#closing.signal.aborted) throw closedError();
    const socket = new AbortController();
    const giveUp = () => socket.abort();
    this.#closing.signal.addEventListener('abort', giveUp);
    const timer = setTimeout(giveUp, timeoutMs);
    try {
      const model = await amqplib.connect(
        amqplibAddress(address, this.#options),
        await socketOptions(address, this.#options, this.#nameInList, socket.signal),
      );
      this.#adopt(model, socket);
      return model;
    } catch (error) {
      if (isOpeningRefused(error)) {
        const refusal = await findOpeningRefusal(address, this.#options, this.#nameInList, socket.signal);
        // Over when it was asked for.
        if (isTaskQueueError(refusal) && !isAgain) return await this.#connect(address, timeoutMs, true);
        if (refusal) throw refusal;
      }
      if (!socket.signal.aborted) throw error;
      if (this.#closing.signal.aborted) throw closedError();
      throw new AmqpFailure(ErrorCode.connectionFailed, `no answer within ${timeoutMs} ms`, {
        cause: error,
        hint: 'Is RabbitMQ listening there? Does the port expect TLS (amqps://)?',
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
    if (this.#wasOpen) this.#history.reconnects++;
    this.#wasOpen = true;
    this.#failures = 0;
    joinWrites(stream);
    useRawFrames(model);
    // Without a listener the error would end the process; each operation learns of it from its own channel.
    model.on('error', (error) => {
      this.#closeReason ??= error;
    });
    model.on('close', (reason?: unknown) => {
      if (this.#current?.model === model) this.#current = undefined;
      this.#unblock();
      this.#closeReason ??= reason ?? new Error('Connection closed');
      this.#closeReasons.set(model.connection, this.#closeReason);
      const error = inContext(
        `Disconnected from RabbitMQ at ${this.#where}`,
        translateAmqpError(this.#closeReason),
      );
      this.#report({ type: 'lost', error });
    });
    model.on('blocked', (reason) => {
      this.#unblock();
      let end = () => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      this.#blocked = { reason, ended, end };
      this.#report({ type: 'blocked', reason });
      if (this.#abandonsIfBlocked) this.abandon();
    });
    model.on('unblocked', () => {
      this.#unblock();
      this.#report({ type: 'unblocked' });
    });
    this.#report({ type: 'connected' });
  }

  /**
   * Also after an answer that this package has no name for. A limit may be reached only until the broker notices that this
   * connection is lost; one that there was no room for from the start has to say so.
   */
  #mayReconnect(error: unknown): boolean {
    if (hasCode(error, ErrorCode.limitReached) && !this.#wasOpen) return false;
    return isTransient(error) || hasCode(error, ErrorCode.brokerError);
  }

  #report(change: ConnectionChange): void {
    // One that was never needed has nothing to say.
    if (!this.#address) return;
    const isClosing = this.#history.isClosing || this.#closing.signal.aborted;
    if (isClosing && change.type !== 'closed') return;
    this.#options.onStatus({ ...change, connection: this.#name, node: nodeOf(this.#address) });
  }

  #reportFailure(retryInMs: number | undefined): void {
    const error = this.#lastFailure as TaskQueueError;
    this.#report({ type: 'connect-failed', error, attempt: this.#failures, retryInMs });
  }

  get #nameInList(): string {
    return `${this.#options.connectionName} ${this.#name}`;
  }

  /** For error messages. */
  get #where(): string {
    return this.#address ? describeAddress(this.#address) : '';
  }

  #unblock(): void {
    this.#blocked?.end();
    this.#blocked = undefined;
  }
}

function notLoaded(cause: Error): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.connectionFailed,
    `the package amqplib cannot be loaded: ${cause.message}`,
    {
      cause,
      hint: 'If this program is bundled into one ES module, keep amqplib out of the bundle (external).',
    },
  );
}

export function timeoutError(ms: number): AmqpFailure {
  return new AmqpFailure(ErrorCode.noAnswer, `RabbitMQ did not answer within ${ms} ms`, {
    hint: 'Check for a resource alarm, an overloaded broker, a quorum queue without a leader, or a network that drops packets.',
  });
}

export function closedError(): AmqpFailure {
  return new AmqpFailure(ErrorCode.closed, 'the client was closed', { hint: 'Create a new client.' });
}
