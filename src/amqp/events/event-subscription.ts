import { randomUUID } from 'node:crypto';
import type { Channel, ConsumeMessage } from 'amqplib';
import { isTransient } from '../../errors/retry.ts';
import { ErrorCode, hasCode, type TaskQueueError } from '../../errors/task-queue-error.ts';
import {
  decodeEvents,
  EVENT_EXCHANGE,
  type EventName,
  eventPatterns,
  MAX_ROUTING_KEY_BYTES,
} from '../../events/task-events.ts';
import type { SubscriptionListener } from '../../options/client-options.ts';
import type { BrokerConnection } from '../connection/connection.ts';
import { inContext } from '../errors/amqp-failure.ts';
import { RecoveringConsumer } from './recovering-consumer.ts';

/**
 * How many messages, of up to 50 events each, the broker keeps for a slow subscriber. It drops the oldest; the
 * sequence numbers of the next ones show how many were dropped.
 */
const MAX_LENGTH = 10_000;

/**
 * Bindings go with the exchange if that is deleted, which a subscriber does not notice, even if a publisher creates the
 * exchange again. So they are renewed, which changes nothing where they are: how often, and how many at a time.
 */
const RENEW_MS = 5_000;
const RENEWED_AT_ONCE = 20;

const INTERRUPTED = 'Task events are interrupted';

/**
 * Listens to events through a queue of its own, `mcp:watch:{uuid}`, which is exclusive: it is gone with the
 * connection, in whatever way the process ends. Subscribes again by itself when the connection comes back.
 */
export class EventSubscription {
  readonly connection: BrokerConnection;
  readonly #listener: SubscriptionListener;
  readonly #events: readonly EventName[];
  readonly #patterns = new Set<string>();
  readonly #consumer: RecoveringConsumer;
  #queue = '';
  /** Has the queue. */
  #channel: Channel | undefined;
  #handling: Promise<void> = Promise.resolve();
  /** Resolves when the bindings have been changed as they were to be so far. */
  #changing = Promise.resolve();
  /** Why it is interrupted, as far as the listener knows. */
  #reportedLoss: ErrorCode | undefined;

  /** @param connection for this subscription alone */
  constructor(connection: BrokerConnection, events: readonly EventName[], listener: SubscriptionListener) {
    this.connection = connection;
    this.#events = events;
    this.#listener = listener;
    this.#consumer = new RecoveringConsumer(connection, {
      declare: (channel) => this.#declare(channel),
      options: { exclusive: true },
      onMessage: (message, channel) => this.#receive(message, channel),
      onLost: (error, resumed) => {
        // The first event can be here before the broker has answered that it is back.
        this.#handling = this.#handling.then(() => resumed);
        this.#reportLoss(error);
      },
      onRetry: (error) => {
        // The queue that may have been made goes with it.
        connection.abandon(error);
        this.#reportLoss(error);
      },
      onResumed: () => this.#resume(),
    });
  }

  /** @throws TaskQueueError when it cannot be set up; this does not try again by itself then */
  async start(): Promise<void> {
    try {
      await this.#consumer.start();
    } catch (error) {
      await this.close();
      throw inContext('Cannot subscribe to task events', error);
    }
  }

  /** Follows a task, or all tasks. Events of others may arrive too: check task id and queue. */
  async follow(taskId?: string): Promise<void> {
    for (const pattern of eventPatterns(this.#events, taskId)) {
      if (this.#patterns.has(pattern) || Buffer.byteLength(pattern) > MAX_ROUTING_KEY_BYTES) continue;
      this.#patterns.add(pattern);
      try {
        await this.#change((channel) => channel.bindQueue(this.#queue, EVENT_EXCHANGE, pattern));
      } catch (error) {
        // It would keep the others from being bound again.
        if (hasCode(error, ErrorCode.accessRefused)) this.#patterns.delete(pattern);
        throw error;
      }
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
    this.#consumer.stop();
    await this.connection.close(timeoutMs);
    this.#listener.onClosed?.();
  }

  /** Changes bindings. Does nothing while the connection is lost: all patterns are bound when it is back. */
  async #change(request: (channel: Channel) => Promise<unknown>): Promise<void> {
    const change = async () => {
      const channel = this.#channel;
      if (channel !== undefined) await this.connection.answered((async () => request(channel))());
    };
    // One at a time, as they are sent: many take longer than the broker may take for one answer.
    const changed = this.#changing.then(change);
    this.#changing = changed.catch(() => {});
    try {
      await changed;
    } catch (error) {
      const failure = inContext('Cannot follow task events', this.connection.translate(error));
      if (failure.code !== ErrorCode.connectionLost) throw failure;
    }
  }

  async #declare(channel: Channel): Promise<string> {
    // A new name each time: the broker may not have noticed yet that the old connection is dead.
    this.#queue = `mcp:watch:${randomUUID()}`;
    const { connection } = this;
    await connection.answered(assertEventExchange(channel));
    const options = { exclusive: true, autoDelete: true, durable: false, maxLength: MAX_LENGTH };
    await connection.answered(channel.assertQueue(this.#queue, options));
    // From here on a new pattern binds itself.
    this.#channel = channel;
    let renewing: NodeJS.Timeout | undefined;
    channel.once('close', () => {
      clearInterval(renewing);
      if (this.#channel === channel) this.#channel = undefined;
    });
    for (const pattern of this.#patterns)
      await connection.answered(channel.bindQueue(this.#queue, EVENT_EXCHANGE, pattern));
    // Not before: it moves patterns to the end, which would be bound again and again where the broker is slow.
    if (this.#channel === channel)
      renewing = setInterval(() => void this.#renew(channel).catch(() => {}), RENEW_MS).unref();
    return this.#queue;
  }

  /** Some at a time, in turn. A failure closes the channel. */
  async #renew(channel: Channel): Promise<void> {
    if (this.#patterns.size === 0) return;
    await assertEventExchange(channel);
    for (const pattern of [...this.#patterns].slice(0, RENEWED_AT_ONCE)) {
      // Unfollowed meanwhile.
      if (!this.#patterns.delete(pattern)) continue;
      this.#patterns.add(pattern);
      await channel.bindQueue(this.#queue, EVENT_EXCHANGE, pattern);
    }
  }

  #receive(message: ConsumeMessage, channel: Channel): void {
    const arrivedAt = performance.now();
    const events = decodeEvents(message.fields.routingKey, message.content);
    this.#handling = this.#handling.then(async () => {
      for (const event of events) {
        try {
          await this.#listener.onEvent(event, arrivedAt);
        } catch {
          // A listener that fails on one event still gets the next.
        }
      }
      try {
        channel.ack(message);
      } catch {
        // The channel has ended, and there is nothing left to acknowledge.
      }
    });
  }

  async #resume(): Promise<void> {
    this.#reportedLoss = undefined;
    try {
      await this.#listener.onResumed();
    } catch {
      // That must not keep it from the events that wait.
    }
  }

  /** Once; and once more when it turns out to be something that does not pass by itself, as a password that was changed. */
  #reportLoss(failure: TaskQueueError): void {
    const error = inContext(INTERRUPTED, failure);
    if (this.#reportedLoss !== undefined && (isTransient(error) || error.code === this.#reportedLoss)) return;
    this.#reportedLoss = error.code;
    this.#listener.onLost(error);
  }
}

function assertEventExchange(channel: Channel): Promise<unknown> {
  return channel.assertExchange(EVENT_EXCHANGE, 'topic', { durable: true });
}
