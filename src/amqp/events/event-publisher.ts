import type { Channel } from 'amqplib';
import { isTaskQueueError, TaskQueueError } from '../../errors/task-queue-error.ts';
import { EventNumbers } from '../../events/event-numbers.ts';
import {
  EVENT_EXCHANGE,
  type EventName,
  encodeEvents,
  LISTENING_KEY,
  MAX_ROUTING_KEY_BYTES,
  routingKeyOf,
  type TaskEvent,
} from '../../events/task-events.ts';
import type { BrokerConnection } from '../connection/connection.ts';
import { translateAmqpError } from '../errors/amqp-errors.ts';
import { inContext } from '../errors/amqp-failure.ts';
import { EventListeners } from './event-listeners.ts';

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

/** Copies of so much are worth a question of their own: does anybody listen to this task? */
const LARGE_BYTES = 16 * 1024;

/** When nobody has listened to anything: until the next question, so that it is one for the events of many tasks. */
const UNHEARD_MS = 50;

/**
 * Publishes events, unconfirmed, on a channel of its own. It never fails and is never waited for: what cannot
 * be sent at once is dropped. With nobody listening, the broker drops an event after one routing look-up.
 */
export class EventPublisher {
  readonly #connection: BrokerConnection;
  readonly #warn: (warning: TaskQueueError) => void;
  #channel: Channel | undefined;
  #listeners: EventListeners | undefined;
  #opening: Promise<void> | undefined;
  #waiting: TaskEvent[] = [];
  readonly #numbers = new EventNumbers();
  #sentAt = Number.NEGATIVE_INFINITY;
  /** Nobody has just listened: no event is sent before this. */
  #unheardUntil = Number.NEGATIVE_INFINITY;
  /** When the events that wait are sent, and by what timer if that is not at once. */
  #due: { at: number; timer: NodeJS.Timeout | undefined } | undefined;
  #sending: Promise<void> | undefined;
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
    if (this.#isOff) return;
    this.#numbers.number(event);
    if (this.#connection.blocked || this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push(event);
    if (this.#channel === undefined) {
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
    } else this.#sendBy(Math.max(this.#sentAt + WINDOW_MS[event.event], this.#unheardUntil));
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
    // What has come since the question that is being asked waits for the next one.
    await this.#sending;
    await this.#sendWaiting();
    // It would keep the process alive for as long.
    clearTimeout(this.#due?.timer);
    await this.#channel?.close().catch(() => {});
  }

  #sendWaiting(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  /** Ends when no event waits any more, or when nobody listens; those that came meanwhile have a timer then. */
  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      this.#sentAt = performance.now();
      const count = this.#waiting.length;
      const routingKey = routingKeyOf(this.#waiting[0] as TaskEvent);
      const next = this.#waiting.findIndex((event) => routingKeyOf(event) !== routingKey);
      const alike = next === -1 ? count : next;
      const isLarge = copiedBytes(this.#waiting, alike) >= LARGE_BYTES;
      // Mostly nobody listens, and several events would be made, sent and read for nothing: a twentieth of the cost of an
      // enqueue, and a tenth of that of a replay. One alone costs less than the question.
      if ((count > 1 || isLarge) && !(await this.#isHeard(LISTENING_KEY))) {
        this.#waiting.splice(0, count);
        this.#unheardUntil = this.#sentAt + UNHEARD_MS;
        // Those that have come since the question: somebody may listen by now.
        if (this.#waiting.length > 0) this.#sendBy(this.#unheardUntil);
        return;
      }
      const isWanted = !isLarge || (await this.#isHeard(routingKey));
      // Those that have come meanwhile are behind these.
      const events = this.#waiting.splice(0, alike);
      if (isWanted) this.#send(routingKey, events);
    }
  }

  #send(routingKey: string, events: TaskEvent[]): void {
    if (Buffer.byteLength(routingKey) > MAX_ROUTING_KEY_BYTES) return;
    for (let start = 0; start < events.length; start += MAX_BATCH) {
      const channel = this.#channel;
      if (channel === undefined || this.#isCongested) return;
      const body = encodeEvents(events.slice(start, start + MAX_BATCH));
      try {
        this.#isCongested = !channel.publish(EVENT_EXCHANGE, routingKey, body, { ...TRANSIENT });
      } catch {
        // The channel has just ended: these events are lost, as events may be.
      }
    }
  }

  async #isHeard(routingKey: string): Promise<boolean> {
    if (this.#isCongested || Buffer.byteLength(routingKey) > MAX_ROUTING_KEY_BYTES) return false;
    return (await this.#listeners?.listenTo(routingKey)) ?? false;
  }

  async #open(): Promise<void> {
    try {
      const model = await this.#connection.open();
      const channel = await model.createChannel();
      channel.on('error', () => {});
      channel.on('close', () => {
        this.#channel = undefined;
        this.#listeners = undefined;
        this.#isCongested = false;
      });
      channel.on('drain', () => {
        this.#isCongested = false;
      });
      await channel.assertExchange(EVENT_EXCHANGE, 'topic', { durable: true });
      this.#channel = channel;
      this.#listeners = new EventListeners(channel);
      void this.#sendWaiting();
    } catch (error) {
      this.#waiting = [];
      this.#disableIfPermanent(
        inContext(`Cannot publish events to the exchange ${EVENT_EXCHANGE}`, translateAmqpError(error)),
      );
    }
  }

  /** A lost connection comes back; a missing permission, or another exchange of that name, does not. */
  #disableIfPermanent(error: TaskQueueError): void {
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

/** Handed over as a copy: OpenTelemetry's instrumentation of amqplib writes headers into what it is given. */
const TRANSIENT = { deliveryMode: 1 };

const PERMANENT: ReadonlySet<string> = new Set(['ACCESS_REFUSED', 'QUEUE_MISMATCH', 'QUEUE_NOT_FOUND']);
