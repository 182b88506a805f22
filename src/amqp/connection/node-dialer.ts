import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelModel } from 'amqplib';
import type { ConnectionChange, ConnectionName } from '../../diagnostics/status-event.ts';
import { traceConnect } from '../../diagnostics/tracing.ts';
import { isTransient, retry } from '../../errors/retry.ts';
import { ErrorCode, hasCode, type TaskQueueError } from '../../errors/task-queue-error.ts';
import { type BrokerAddress, describeAddress, nodeOf } from '../../options/broker-url.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import { translateConnectError } from '../errors/amqp-errors.ts';
import { closedError, inContext } from '../errors/amqp-failure.ts';
import type { ConnectionHistory } from './connection-history.ts';
import { dial } from './dial.ts';

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;
const SHORTEST_DIAL_MS = 1_000;

/** RabbitMQ counts a closed connection for some milliseconds more. */
const UNCOUNTED_MS = 100;

/** Opens one connection again and again: to each node of the broker in turn, until one answers. */
export class NodeDialer {
  /** The node that was tried last. */
  address: BrokerAddress | undefined;
  readonly #options: ResolvedOptions;
  readonly #name: ConnectionName;
  readonly #history: ConnectionHistory;
  readonly #report: (change: ConnectionChange) => void;
  /** Ends attempts under way, and the waits between them. */
  readonly #closing: AbortSignal;
  /** The node that answered last comes first the next time. */
  #preferred = 0;
  #wasOpen = false;
  /** Attempts that failed since one succeeded, and why the last one did. */
  #failures = 0;
  #lastFailure: TaskQueueError | undefined;

  constructor(
    options: ResolvedOptions,
    name: ConnectionName,
    history: ConnectionHistory,
    closing: AbortSignal,
    report: (change: ConnectionChange) => void,
  ) {
    this.#options = options;
    this.#name = name;
    this.#history = history;
    this.#closing = closing;
    this.#report = report;
  }

  /** Makes one attempt at each node; more, if the broker could be reached before, and the caller is patient. */
  async open(isPatient: boolean): Promise<ChannelModel> {
    try {
      const giveUpAt = performance.now() + this.#options.reconnectTimeoutMs;
      const model = await retry(() => this.#dialEach(this.#history.wasOpen ? giveUpAt : undefined), {
        giveUpAt,
        mayRetry: (error) => isPatient && this.#history.wasOpen && this.#mayReconnect(error),
        pauseMs: FIRST_RETRY_MS,
        longestPauseMs: LAST_RETRY_MS,
        signal: this.#closing,
        onRetry: (_, pauseMs) => this.#reportFailure(Math.round(pauseMs)),
      });
      this.#wasOpen = true;
      this.#failures = 0;
      return model;
    } catch (error) {
      if (this.#closing.aborted) throw closedError();
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
      this.address = address;
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
        if (this.#closing.aborted || performance.now() >= giveUpAt) break;
      }
    }
    throw first;
  }

  /** @throws TaskQueueError */
  async #dial(address: BrokerAddress, timeoutMs: number): Promise<ChannelModel> {
    const name = `${this.#options.connectionName} ${this.#name}`;
    try {
      return await dial({ address, options: this.#options, name, timeoutMs, closing: this.#closing });
    } catch (error) {
      const failure = translateConnectError(error);
      if (hasCode(failure, ErrorCode.limitReached) && (await this.#history.makeRoom())) {
        await sleep(UNCOUNTED_MS);
        return this.#dial(address, timeoutMs);
      }
      throw inContext(`Cannot connect to RabbitMQ at ${describeAddress(address)}`, failure);
    }
  }

  /**
   * Also after an answer that this package has no name for. A limit may be reached only until the broker notices that this
   * connection is lost; one that there was no room for from the start has to say so.
   */
  #mayReconnect(error: unknown): boolean {
    if (hasCode(error, ErrorCode.limitReached) && !this.#wasOpen) return false;
    return isTransient(error) || hasCode(error, ErrorCode.brokerError);
  }

  #reportFailure(retryInMs: number | undefined): void {
    const error = this.#lastFailure as TaskQueueError;
    this.#report({ type: 'connect-failed', error, attempt: this.#failures, retryInMs });
  }
}
