import type { Channel } from 'amqplib';
import { isTaskQueueError, TaskQueueError } from '../errors.ts';
import {
  EVENT_EXCHANGE,
  type EventName,
  encodeEvents,
  routingKeyOf,
  type TaskEvent,
} from '../wire/task-events.ts';
import type { BrokerConnection } from './connection.ts';
import { translateAmqpError } from './errors.ts';

/** Events that wait to be sent; more than these are dropped. */
const MAX_WAITING = 10_000;

/** Events in one message: enough to save most of the cost, and not so many that it grows large. */
const MAX_BATCH = 50;

/**
 * The first event goes out at once, and those that follow it closely travel together: a write and a message of
 * its own for each would be a good part of the cost of a dequeue. Readers wait for a message that is new, and nobody
 * for the news that one is gone, which may come a little later.
 */
const WINDOW_MS = { enqueued: 5, dequeued: 20, cleared: 20 } as const satisfies Record<EventName, number>;

/**
 * Copies of so much are worth a question first: does anybody listen? Mostly nobody does, and they would be made, sent and
 * read for nothing, which is a tenth of the cost of a replay.
 */
const LARGE_BYTES = 16 * 1024;

/** Whoever listens now is taken to listen for so long. That nobody does is never taken for granted. */
const HEARD_MS = 1_000;

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
  /** When the events that wait are sent, and by what timer if that is not at once. */
  #due: { at: number; timer: NodeJS.Timeout | undefined } | undefined;
  #sending: Promise<void> | undefined;
  /** The routing key that somebody listened to last, and until when that holds. */
  #heard = { routingKey: '', until: 0 };
  /** RabbitMQ has sent a question back. */
  #isReturned = false;
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

  /** Sent when the caller's turn is over, and no sooner than {@link WINDOW_MS} after the events before it. */
  publish(event: TaskEvent): void {
    if (this.#isOff || this.#connection.blocked || this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push(event);
    if (this.#channel === undefined) {
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
    } else this.#sendBy(this.#sentAt + WINDOW_MS[event.event]);
  }

  /** @param at by `performance.now()` */
  #sendBy(at: number): void {
    if (this.#due !== undefined && this.#due.at <= at) return;
    clearTimeout(this.#due?.timer);
    const send = () => {
      this.#due = undefined;
      void this.#sendWaiting();
    };
    const waitMs = at - performance.now();
    const isLater = waitMs > 0;
    this.#due = { at, timer: isLater ? setTimeout(send, waitMs) : undefined };
    if (!isLater) setImmediate(send);
  }

  /** Resolves when the broker has all events: none waits for the channel to open, or in its buffer. */
  async close(): Promise<void> {
    await this.#opening;
    // It would keep the process alive for as long.
    clearTimeout(this.#due?.timer);
    await this.#sendWaiting();
    await this.#channel?.close().catch(() => {});
  }

  /** Resolves when no event waits any more. */
  #sendWaiting(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      this.#sentAt = performance.now();
      const routingKey = routingKeyOf(this.#waiting[0] as TaskEvent);
      const next = this.#waiting.findIndex((event) => routingKeyOf(event) !== routingKey);
      const count = next === -1 ? this.#waiting.length : next;
      const isWanted = await this.#isWanted(routingKey, copiedBytes(this.#waiting, count));
      // Those that have come meanwhile are behind these.
      const events = this.#waiting.splice(0, count);
      if (isWanted) this.#send(routingKey, events);
    }
  }

  #send(routingKey: string, events: TaskEvent[]): void {
    for (let start = 0; start < events.length; start += MAX_BATCH) {
      const channel = this.#channel;
      if (channel === undefined || this.#isCongested) return;
      const body = encodeEvents(events.slice(start, start + MAX_BATCH));
      try {
        this.#isCongested = !channel.publish(EVENT_EXCHANGE, routingKey, body, TRANSIENT);
      } catch {
        // The channel has just ended: these events are lost, as events may be.
      }
    }
  }

  /**
   * Whether to send events. For large ones RabbitMQ is asked: a message without content that no queue gets comes back
   * (`mandatory`), and does so before the answer to what follows on the channel.
   */
  async #isWanted(routingKey: string, bytes: number): Promise<boolean> {
    if (Buffer.byteLength(routingKey) > MAX_ROUTING_KEY_BYTES) return false;
    const channel = this.#channel;
    if (channel === undefined || this.#isCongested) return false;
    if (bytes < LARGE_BYTES) return true;
    if (routingKey === this.#heard.routingKey && performance.now() < this.#heard.until) return true;
    this.#isReturned = false;
    try {
      channel.publish(EVENT_EXCHANGE, routingKey, Buffer.alloc(0), QUESTION);
      await channel.checkExchange(EVENT_EXCHANGE);
    } catch {
      // The channel has ended, and these events are lost.
      return false;
    }
    if (this.#isReturned) return false;
    this.#heard = { routingKey, until: performance.now() + HEARD_MS };
    return true;
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
      channel.on('return', () => {
        this.#isReturned = true;
      });
      channel.on('drain', () => {
        this.#isCongested = false;
      });
      await channel.assertExchange(EVENT_EXCHANGE, 'topic', { durable: true });
      this.#channel = channel;
      void this.#sendWaiting();
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

/** Of bodies that the first so many events carry. */
function copiedBytes(events: readonly TaskEvent[], count: number): number {
  let bytes = 0;
  for (const event of events.slice(0, count))
    if (event.event === 'enqueued') bytes += event.body?.length ?? 0;
  return bytes;
}

const TRANSIENT = { deliveryMode: 1 };
const QUESTION = { ...TRANSIENT, mandatory: true };

const PERMANENT: ReadonlySet<string> = new Set(['ACCESS_REFUSED', 'QUEUE_MISMATCH', 'QUEUE_NOT_FOUND']);
