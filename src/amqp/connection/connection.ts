import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Channel, ChannelModel } from 'amqplib';
import { withResolvers } from '../../concurrency/with-resolvers.ts';
import type { ConnectionState, ConnectionStats } from '../../diagnostics/stats.ts';
import type { ConnectionChange, ConnectionName } from '../../diagnostics/status-event.ts';
import { withDeadline } from '../../errors/deadline.ts';
import { ErrorCode, TaskQueueError } from '../../errors/task-queue-error.ts';
import { describeAddress, nodeOf } from '../../options/broker-url.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import { translateAmqpError } from '../errors/amqp-errors.ts';
import { AmqpFailure, closedError, inContext, timeoutError } from '../errors/amqp-failure.ts';
import { closeFully } from './channel-end.ts';
import type { ConnectionHistory } from './connection-history.ts';
import { joinWrites } from './joined-writes.ts';
import { NodeDialer } from './node-dialer.ts';
import { readGateOf, useRawFrames } from './raw-frames.ts';

/** How a broker introduces itself, where it does, and the ports of the connection. */
export interface Introduction {
  product: string | undefined;
  version: string | undefined;
  clusterName: string | undefined;
  localPort: number | undefined;
  remotePort: number | undefined;
}

/** A connection from its opening on, also when it has ended: not everybody may have learned of that yet. */
interface Opened {
  readonly model: ChannelModel;
  readonly stream: Duplex;
  hasEnded: boolean;
  endReason: unknown;
  /** The resource alarm for which the broker blocks it, while it lasts. */
  blocked: { reason: string; ended: Promise<void>; end: () => void } | undefined;
}

/**
 * One AMQP connection that opens when it is first needed and again after it was lost. Callers that need it while it
 * opens wait for the same attempt.
 */
export class BrokerConnection {
  readonly #options: ResolvedOptions;
  readonly #name: ConnectionName;
  readonly #history: ConnectionHistory;
  readonly #dialer: NodeDialer;
  #opening: Promise<ChannelModel> | undefined;
  /** The one that was opened last. */
  #last: Opened | undefined;
  /** Those whose channels still exist, by amqplib's connection. */
  readonly #opened = new WeakMap<object, Opened>();
  #abandonsIfBlocked = false;
  readonly #closing = new AbortController();
  /** One for all who close it: amqplib refuses a second one at once, as it does when the connection has ended. */
  #farewell: Promise<void> | undefined;

  /**
   * @param name shown behind the client's name in RabbitMQ's list
   * @param history of all connections of one client
   */
  constructor(options: ResolvedOptions, name: ConnectionName, history: ConnectionHistory) {
    this.#options = options;
    this.#history = history;
    this.#name = name;
    const report = (change: ConnectionChange) => this.#report(change);
    this.#dialer = new NodeDialer(options, name, history, this.#closing.signal, report);
  }

  get stats(): ConnectionStats {
    const { address } = this.#dialer;
    return { connection: this.#name, state: this.#state, node: address && nodeOf(address) };
  }

  get #state(): ConnectionState {
    if (this.#closing.signal.aborted) return 'closed';
    if (this.blocked) return 'blocked';
    if (this.#current) return 'connected';
    if (this.#opening) return 'connecting';
    return this.#dialer.address ? 'disconnected' : 'idle';
  }

  /**
   * The open connection. Fails after one attempt at each URL if its client never had one; afterwards it keeps trying,
   * with growing pauses, until `reconnectTimeoutMs`, unless somebody can do without it (`isPatient` false).
   */
  open({ isPatient = true } = {}): Promise<ChannelModel> {
    if (this.#closing.signal.aborted) return Promise.reject(closedError());
    // It may have ended in the same read in which it was opened, before anything here could listen.
    if (this.#current?.stream.writable) return Promise.resolve(this.#current.model);
    this.#opening ??= this.#open(isPatient).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Opens it, too. */
  async introduction(): Promise<Introduction> {
    const { connection } = await this.open();
    const { serverProperties, stream } = connection as unknown as {
      serverProperties: Record<string, unknown>;
      stream: Socket;
    };
    const text = (name: string) => {
      const value = serverProperties[name];
      return typeof value === 'string' ? value : undefined;
    };
    return {
      product: text('product'),
      version: text('version'),
      clusterName: text('cluster_name'),
      localPort: stream.localPort,
      remotePort: stream.remotePort,
    };
  }

  get #current(): Opened | undefined {
    return this.#last?.hasEnded === false ? this.#last : undefined;
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
    return this.#last?.blocked;
  }

  /**
   * Translates a failure of one of its channels. If the broker has closed the connection, its channels hear only that it is
   * lost. A limit (AMQP 530) is a failure of its own, as it may not be over by the next attempt.
   * @param channel default: one of the connection that was opened last
   */
  translate(error: unknown, channel?: Channel): TaskQueueError {
    const failure = translateAmqpError(error);
    const { endReason } = (channel && this.#opened.get(channel.connection)) ?? this.#last ?? {};
    const { code } = (endReason ?? {}) as { code?: unknown };
    if (failure.code !== ErrorCode.connectionLost || typeof code !== 'number') return failure;
    const why = translateAmqpError(endReason);
    if (code === 530 || why.code === ErrorCode.connectionLost) return why;
    const reason = `${failure.message}: ${why.message}`;
    return new AmqpFailure(failure.code, reason, { cause: why.cause, hint: why.hint });
  }

  /**
   * The outcome of a request, or of several. If the broker has not answered by the deadline of an operation, it is given
   * up: everything in flight fails, and the next `open` connects again.
   */
  answered<T>(request: PromiseLike<T>): Promise<T> {
    const { operationTimeoutMs } = this.#options;
    return withDeadline(Promise.resolve(request), operationTimeoutMs, () => {
      this.abandon();
      return timeoutError(operationTimeoutMs);
    });
  }

  /** Drops the connection. @param why default: the broker does not answer, see {@link answered} */
  abandon(why?: TaskQueueError): void {
    const reason = `RabbitMQ at ${this.#where} did not answer, and the connection was dropped`;
    this.#current?.stream.destroy(why ?? new TaskQueueError(ErrorCode.noAnswer, reason));
  }

  /** The same as soon as the broker blocks it, or at once: what is left to do is not worth the wait. */
  abandonIfBlocked(): void {
    this.#abandonsIfBlocked = true;
    if (this.blocked) this.abandon();
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
      this.#farewell ??= closeFully(current.model);
      await withDeadline(this.#farewell, timeoutMs, closedError);
      current.stream.destroy();
    } catch {
      // The peer no longer answers.
      current.stream.destroy(closedError());
    }
  }

  async #open(isPatient: boolean): Promise<ChannelModel> {
    const model = await this.#dialer.open(isPatient);
    const { stream } = model.connection as unknown as { stream: Duplex };
    const opened: Opened = { model, stream, hasEnded: false, endReason: undefined, blocked: undefined };
    if (this.#last) this.#history.reconnects++;
    this.#last = opened;
    this.#opened.set(model.connection, opened);
    this.#history.wasOpen = true;
    joinWrites(stream);
    useRawFrames(model);
    const unblock = () => {
      opened.blocked?.end();
      opened.blocked = undefined;
    };
    // Without a listener the error would end the process; each operation learns of it from its own channel.
    model.on('error', (error) => {
      opened.endReason ??= error;
    });
    model.on('close', (reason?: unknown) => {
      opened.hasEnded = true;
      opened.endReason ??= reason ?? new Error('Connection closed');
      unblock();
      const error = inContext(
        `Disconnected from RabbitMQ at ${this.#where}`,
        translateAmqpError(opened.endReason),
      );
      this.#report({ type: 'lost', error });
    });
    model.on('blocked', (reason) => {
      unblock();
      const { promise: ended, resolve: end } = withResolvers();
      opened.blocked = { reason, ended, end };
      this.#report({ type: 'blocked', reason });
      if (this.#abandonsIfBlocked) this.abandon();
    });
    model.on('unblocked', () => {
      unblock();
      this.#report({ type: 'unblocked' });
    });
    this.#report({ type: 'connected' });
    return model;
  }

  #report(change: ConnectionChange): void {
    // One that was never needed has nothing to say.
    const { address } = this.#dialer;
    if (!address) return;
    const isClosing = this.#history.isClosing || this.#closing.signal.aborted;
    if (isClosing && change.type !== 'closed') return;
    this.#options.onStatus({ ...change, connection: this.#name, node: nodeOf(address) });
  }

  /** For error messages. */
  get #where(): string {
    const { address } = this.#dialer;
    return address ? describeAddress(address) : '';
  }
}
