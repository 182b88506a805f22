import type { Channel } from 'amqplib';
import { isTaskQueueError, TaskQueueError } from '../errors.ts';
import { EVENT_EXCHANGE, encodeEvents, routingKeyOf, type TaskEvent } from '../wire/task-events.ts';
import type { BrokerConnection } from './connection.ts';
import { translateAmqpError } from './errors.ts';

/** Events that wait to be sent; more than these are dropped. */
const MAX_WAITING = 10_000;

/** Events in one message: enough to save most of the cost, and not so many that it grows large. */
const MAX_BATCH = 50;

/**
 * The first event goes out at once, and those that follow it closely travel together: a write and a message of
 * its own for each would be a good part of the cost of a dequeue.
 */
const WINDOW_MS = 5;

/** AMQP 0-9-1 `shortstr`. With a short prefix, a task id can be longer: there are no events for it. */
const MAX_ROUTING_KEY_BYTES = 255;

/**
 * Publishes events, unconfirmed, on a channel of its own. It never fails and is never waited for: what cannot
 * be sent at once is dropped. With nobody listening, the broker drops an event after one routing look-up.
 */
export class EventPublisher {
  readonly #connection: BrokerConnection;
  readonly #warn: (warning: TaskQueueError) => void;
  #channel: Channel | undefined;
  #opening: Promise<void> | undefined;
  #waiting: TaskEvent[] = [];
  #sentAt = Number.NEGATIVE_INFINITY;
  /** The socket takes no more for now. */
  #isCongested = false;
  /** Set for good when the broker does not allow events. */
  #isOff: boolean;

  constructor(connection: BrokerConnection, isOff: boolean, warn: (warning: TaskQueueError) => void) {
    this.#connection = connection;
    this.#isOff = isOff;
    this.#warn = warn;
  }

  get isOff(): boolean {
    return this.#isOff;
  }

  /** Sent when the caller's turn is over, and at most every {@link WINDOW_MS}. */
  publish(event: TaskEvent): void {
    if (this.#isOff || this.#connection.blocked || this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push(event);
    if (this.#channel === undefined) {
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
    } else if (this.#waiting.length === 1) {
      const send = () => this.#sendWaiting();
      const waitMs = this.#sentAt + WINDOW_MS - performance.now();
      if (waitMs > 0) setTimeout(send, waitMs);
      else setImmediate(send);
    }
  }

  /** Resolves when the broker has all events: none waits for the channel to open, or in its buffer. */
  async close(): Promise<void> {
    await this.#opening;
    this.#sendWaiting();
    await this.#channel?.close().catch(() => {});
  }

  #sendWaiting(): void {
    const channel = this.#channel;
    const events = this.#waiting;
    if (events.length === 0) return;
    this.#waiting = [];
    this.#sentAt = performance.now();
    if (channel === undefined || this.#isCongested) return;
    for (let start = 0, end = 0; start < events.length; start = end) {
      const routingKey = routingKeyOf(events[start] as TaskEvent);
      do end++;
      while (
        end < events.length &&
        end - start < MAX_BATCH &&
        routingKeyOf(events[end] as TaskEvent) === routingKey
      );
      this.#send(channel, routingKey, events.slice(start, end));
    }
  }

  #send(channel: Channel, routingKey: string, events: TaskEvent[]): void {
    if (Buffer.byteLength(routingKey) > MAX_ROUTING_KEY_BYTES) return;
    try {
      this.#isCongested = !channel.publish(EVENT_EXCHANGE, routingKey, encodeEvents(events), TRANSIENT);
    } catch {
      // The channel has just ended: these events are lost, as events may be.
    }
  }

  async #open(): Promise<void> {
    try {
      const model = await this.#connection.open();
      const channel = await model.createChannel();
      channel.on('error', () => {});
      channel.on('close', () => {
        this.#channel = undefined;
        this.#isCongested = false;
      });
      channel.on('drain', () => {
        this.#isCongested = false;
      });
      await channel.assertExchange(EVENT_EXCHANGE, 'topic', { durable: true });
      this.#channel = channel;
      this.#sendWaiting();
    } catch (error) {
      this.#waiting = [];
      this.#judge(translateAmqpError(error, `Cannot publish events to the exchange ${EVENT_EXCHANGE}`));
    }
  }

  /** A lost connection comes back; a missing permission, or another exchange of that name, does not. */
  #judge(error: TaskQueueError): void {
    if (!PERMANENT.has(error.code) || this.#isOff) return;
    this.#isOff = true;
    this.#warn(
      new TaskQueueError(error.code, `${error.message}. Events are off; nothing else is affected.`, {
        cause: isTaskQueueError(error.cause) ? error.cause : error,
        hint: `Allow the user to configure, write to and read ${EVENT_EXCHANGE}, or switch events off.`,
      }),
    );
  }
}

const TRANSIENT = { deliveryMode: 1 };

const PERMANENT: ReadonlySet<string> = new Set(['ACCESS_REFUSED', 'QUEUE_MISMATCH', 'QUEUE_NOT_FOUND']);
