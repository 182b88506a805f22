import { randomUUID } from 'node:crypto';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { isTransient } from '../../errors/retry.ts';
import { ErrorCode, TaskQueueError } from '../../errors/task-queue-error.ts';
import {
  decodeEvents,
  EVENT_EXCHANGE,
  type EventName,
  eventPatterns,
  LISTENING_KEY,
  MAX_ROUTING_KEY_BYTES,
} from '../../events/task-events.ts';
import type { SubscriptionListener } from '../../options/client-options.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import type { BrokerConnection } from '../connection/connection.ts';
import { withDeadline } from '../connection/deadline.ts';
import { translateAmqpError } from '../errors/amqp-errors.ts';
import { inContext } from '../errors/amqp-failure.ts';

/**
 * What the broker keeps for a subscriber that does not keep up: messages, of up to 50 events each. It drops the oldest, and
 * the numbers of those that follow tell how many these were.
 */
const MAX_LENGTH = 10_000;

/** Messages sent ahead of the subscriber's acknowledgements. */
const PREFETCH = 500;

const RETRY_MS = 1_000;
const REFUSED_RETRY_MS = 5_000;

const INTERRUPTED = 'Task events are interrupted';

/**
 * Listens to events through a queue of its own, `mcp:watch:{uuid}`, which is exclusive: it is gone with the
 * connection, in whatever way the process ends. Subscribes again by itself when the connection comes back.
 */
export class EventSubscription {
  readonly #connection: BrokerConnection;
  readonly #operationTimeoutMs: number;
  readonly #events: readonly EventName[];
  readonly #listener: SubscriptionListener;
  readonly #patterns = new Set<string>();
  #queue = '';
  #channel: Channel | undefined;
  #handling: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** Why it is interrupted, as far as the listener was told. */
  #toldOf: ErrorCode | undefined;
  #retryTimer: NodeJS.Timeout | undefined;

  /** Told once it is closed. */
  onClosed: () => void = () => {};

  /** @param connection for this subscription alone */
  constructor(
    connection: BrokerConnection,
    { operationTimeoutMs }: ResolvedOptions,
    events: readonly EventName[],
    listener: SubscriptionListener,
  ) {
    this.#connection = connection;
    this.#operationTimeoutMs = operationTimeoutMs;
    this.#events = events;
    this.#listener = listener;
  }

  /** @throws TaskQueueError when it cannot be set up; it does not try again by itself then */
  async start(): Promise<void> {
    try {
      await this.#subscribe();
    } catch (error) {
      await this.close();
      throw inContext('Cannot subscribe to task events', translateAmqpError(error));
    }
  }

  /** Events of a task, or of all tasks. More may come than asked for: look at the task id and the queue. */
  async follow(taskId?: string): Promise<void> {
    for (const pattern of eventPatterns(this.#events, taskId)) {
      if (this.#patterns.has(pattern) || Buffer.byteLength(pattern) > MAX_ROUTING_KEY_BYTES) continue;
      this.#patterns.add(pattern);
      await this.#change((channel) => channel.bindQueue(this.#queue, EVENT_EXCHANGE, pattern));
    }
  }

  async unfollow(taskId?: string): Promise<void> {
    for (const pattern of eventPatterns(this.#events, taskId)) {
      if (!this.#patterns.delete(pattern)) continue;
      await this.#change((channel) => channel.unbindQueue(this.#queue, EVENT_EXCHANGE, pattern));
    }
  }

  /** Closes the connection too: it is this subscription's own. */
  async close(timeoutMs?: number): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    await this.#connection.close(timeoutMs);
    this.onClosed();
    this.#listener.onClosed?.();
  }

  async #subscribe(): Promise<void> {
    const model = await this.#connection.open();
    await this.#answered(this.#setUp(model));
  }

  /** Of the patterns. While the connection is lost there is nothing to do: they are bound when it is back. */
  async #change(request: (channel: Channel) => Promise<unknown>): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined) return;
    try {
      await this.#answered((async () => request(channel))());
    } catch (error) {
      const failure = inContext('Cannot follow task events', translateAmqpError(error));
      if (failure.code !== ErrorCode.connectionLost) throw failure;
    }
  }

  /** By a deadline; a broker that misses it does not answer at all, and the connection begins anew. */
  async #answered(request: Promise<unknown>): Promise<void> {
    const ms = this.#operationTimeoutMs;
    await withDeadline(request, ms, () => {
      this.#connection.abandon();
      return new TaskQueueError(
        ErrorCode.noAnswer,
        `RabbitMQ did not answer about task events within ${ms} ms`,
      );
    });
  }

  async #setUp(model: ChannelModel): Promise<void> {
    const channel = await model.createChannel();
    // A new name each time: the broker may not have noticed yet that the old connection is dead.
    this.#queue = `mcp:watch:${randomUUID()}`;
    let reason: unknown = new Error('Channel closed');
    channel.on('error', (error) => {
      reason = error;
    });
    let state = 'starting' as 'starting' | 'running' | 'closed';
    channel.on('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
      if (state === 'running') this.#lose(reason);
      state = 'closed';
    });
    await channel.assertExchange(EVENT_EXCHANGE, 'topic', { durable: true });
    await channel.assertQueue(this.#queue, {
      exclusive: true,
      autoDelete: true,
      durable: false,
      maxLength: MAX_LENGTH,
    });
    await channel.bindQueue(this.#queue, EVENT_EXCHANGE, LISTENING_KEY);
    // From here on a new pattern binds itself.
    this.#channel = channel;
    for (const pattern of this.#patterns) await channel.bindQueue(this.#queue, EVENT_EXCHANGE, pattern);
    await channel.prefetch(PREFETCH);
    const cancelled = () => {
      reason = new TaskQueueError(ErrorCode.connectionLost, `${INTERRUPTED}: the broker deleted their queue`);
      channel.close().catch(() => {});
    };
    await channel.consume(
      this.#queue,
      (message) => (message === null ? cancelled() : this.#receive(channel, message)),
      { exclusive: true },
    );
    if (state === 'closed') throw reason;
    state = 'running';
  }

  #receive(channel: Channel, message: ConsumeMessage): void {
    const arrivedAt = performance.now();
    const events = decodeEvents(message.fields.routingKey, message.content);
    this.#handling = this.#handling.then(async () => {
      for (const event of events) {
        try {
          await this.#listener.onEvent(event, arrivedAt);
        } catch {
          // What a listener makes of one event must not keep it from the next.
        }
      }
      try {
        channel.ack(message);
      } catch {
        // The channel has ended, and there is nothing left to acknowledge.
      }
    });
  }

  #lose(reason: unknown): void {
    if (this.#isClosed) return;
    // Deferred: of a connection that is lost the channels end first.
    setImmediate(() => this.#resubscribe());
    this.#tellLost(inContext(INTERRUPTED, translateAmqpError(reason)));
  }

  async #resubscribe(): Promise<void> {
    let goOn = () => {};
    const told = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    // The first events can be here before the broker's answer.
    this.#handling = this.#handling.then(() => told);
    try {
      await this.#subscribe();
      this.#toldOf = undefined;
      await this.#tellResumed();
    } catch (error) {
      this.#tryAgain(error);
    } finally {
      goOn();
    }
  }

  /** The connection itself tries for a while; a subscription goes on until it is closed. */
  #tryAgain(error: unknown): void {
    if (this.#isClosed) return;
    // The queue that may have been made goes with it.
    this.#connection.abandon();
    const failure = inContext(INTERRUPTED, translateAmqpError(error));
    const pauseMs = isTransient(failure) ? RETRY_MS : REFUSED_RETRY_MS;
    this.#retryTimer = setTimeout(() => this.#resubscribe(), pauseMs);
    this.#tellLost(failure);
  }

  async #tellResumed(): Promise<void> {
    try {
      await this.#listener.onResumed();
    } catch {
      // Nor must this keep it from the events that wait.
    }
  }

  /** Once; and once more when it turns out to be something that does not pass by itself, as a password that was changed. */
  #tellLost(error: TaskQueueError): void {
    if (this.#toldOf !== undefined && (isTransient(error) || error.code === this.#toldOf)) return;
    this.#toldOf = error.code;
    this.#listener.onLost(error);
  }
}
