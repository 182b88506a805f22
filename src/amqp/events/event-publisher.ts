import type { Channel } from 'amqplib';
import { ErrorCode, hasCode, isTaskQueueError, TaskQueueError } from '../../errors/task-queue-error.ts';
import { EventStreams } from '../../events/event-streams.ts';
import {
  EVENT_EXCHANGE,
  encodeEvents,
  MAX_ROUTING_KEY_BYTES,
  routingKeyOf,
  type TaskEvent,
} from '../../events/task-events.ts';
import { closeFully, throwIfEnded } from '../connection/channel-end.ts';
import type { BrokerConnection } from '../connection/connection.ts';
import { inContext } from '../errors/amqp-failure.ts';

/** Events that wait to be sent; further ones are dropped. */
const MAX_WAITING = 10_000;

/** Events in one message: enough to save most of the cost, few enough to keep the message small. */
const MAX_BATCH = 50;

/** An event goes out at once, unless another one did so less than this ago: then it waits, and all that wait go together. */
const WINDOW_MS = 3;

/** How long a routing key counts as unheard. Its events wait meanwhile, so a new listener gets its first one this late. */
const QUIET_MS = 200;

/** What does not end by itself. */
const REFUSALS = [
  ErrorCode.accessRefused,
  ErrorCode.queueMismatch,
  ErrorCode.queueNotFound,
  ErrorCode.limitReached,
];

/** How long none is sent after the broker has refused them: an operator may permit them. */
const REFUSED_MS = 60_000;

/**
 * Publishes events, unconfirmed, on a channel of its own. It never fails and is never waited for: what cannot be sent is
 * dropped, and leaves a gap in the numbers of its stream.
 *
 * Usually nobody listens. So if several events wait, the first of each routing key is published as `mandatory`: if
 * RabbitMQ returns it, no queue is bound to that key, and the other events with that key are not sent. This notices
 * any binding; a listener gets every event published after it binds.
 */
export class EventPublisher {
  readonly #connection: BrokerConnection;
  readonly #warn: (warning: TaskQueueError) => void;
  #channel: Channel | undefined;
  #opening: Promise<void> | undefined;
  #declaring: Promise<void> | undefined;
  #waiting: TaskEvent[] = [];
  readonly #streams = new EventStreams();
  /** Routing keys of the events that RabbitMQ has returned since it was last asked. */
  readonly #returned = new Set<string>();
  #sentAt = Number.NEGATIVE_INFINITY;
  /** When the waiting events are sent, and by which timer if that is not at once. */
  #due: { at: number; timer: NodeJS.Timeout | undefined } | undefined;
  #sending: Promise<void> = Promise.resolve();
  /** The socket buffer is full. */
  #isCongested = false;
  /** No event is sent, by the option. */
  readonly isOff: boolean;
  #refusedUntil = Number.NEGATIVE_INFINITY;
  #hasWarned = false;

  constructor(connection: BrokerConnection, isOff: boolean, warn: (warning: TaskQueueError) => void) {
    this.#connection = connection;
    this.isOff = isOff;
    this.#warn = warn;
  }

  publish(event: TaskEvent): void {
    if (this.isOff) return;
    const { quietUntil } = this.#streams.number(event);
    if (this.#connection.blocked || this.#waiting.length >= MAX_WAITING) return;
    if (performance.now() < this.#refusedUntil) return;
    this.#waiting.push(event);
    if (this.#channel === undefined) void this.open();
    else this.#sendBy(Math.max(this.#sentAt + WINDOW_MS, quietUntil));
  }

  /** Opens the channel; the first event does so otherwise. Never rejects. */
  async open(): Promise<void> {
    if (this.isOff || this.#channel !== undefined || performance.now() < this.#refusedUntil) return;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  /** Resolves when the broker has all events: none waits for the channel to open, or in its buffer. */
  async close(): Promise<void> {
    await this.#opening;
    clearTimeout(this.#due?.timer);
    await this.#sendWaiting();
    await this.#declaring;
    if (this.#channel) await closeFully(this.#channel);
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
    this.#due = { at, timer: waitMs > 0 ? setTimeout(send, waitMs) : undefined };
    if (waitMs <= 0) setImmediate(send);
  }

  #sendWaiting(): Promise<void> {
    this.#sending = this.#sending.then(async () => {
      const events = this.#waiting.splice(0);
      const [first] = events;
      if (first === undefined) return;
      this.#sentAt = performance.now();
      this.#declaring ??= this.#declare();
      // A single event costs less than the check.
      if (events.length === 1) this.#send(routingKeyOf(first), events, UNASKED);
      else await this.#sendHeard(events);
    });
    return this.#sending;
  }

  /** Sends events that somebody listens to. Those of one task stay in order. */
  async #sendHeard(events: readonly TaskEvent[]): Promise<void> {
    const isHeard = new Map<string, boolean>();
    for (let left = events; left.length > 0; ) {
      /** Routing keys whose first event is under way, and the tasks whose later events wait for the answer. */
      const asked: string[] = [];
      const askedTasks = new Set<string>();
      const later: TaskEvent[] = [];
      let batch: TaskEvent[] = [];
      let batchKey = '';
      const sendBatch = () => {
        if (batch.length > 0) this.#send(batchKey, batch, UNASKED);
        batch = [];
      };
      this.#returned.clear();
      for (const event of left) {
        const routingKey = routingKeyOf(event);
        const answer = isHeard.get(routingKey);
        if (answer === false) continue;
        if (askedTasks.has(event.taskId)) later.push(event);
        else if (answer === undefined) {
          sendBatch();
          this.#send(routingKey, [event], ASKED);
          asked.push(routingKey);
          askedTasks.add(event.taskId);
        } else {
          if (routingKey !== batchKey || batch.length === MAX_BATCH) sendBatch();
          batchKey = routingKey;
          batch.push(event);
        }
      }
      sendBatch();
      if (asked.length > 0 && !(await this.#isAnswered())) return;
      const quietUntil = this.#sentAt + QUIET_MS;
      for (const routingKey of asked) {
        isHeard.set(routingKey, !this.#returned.has(routingKey));
        if (this.#returned.has(routingKey)) this.#streams.noteUnheard(routingKey, quietUntil);
      }
      left = later;
    }
  }

  #send(routingKey: string, events: readonly TaskEvent[], options: typeof ASKED | typeof UNASKED): void {
    const channel = this.#channel;
    const isTooLong = Buffer.byteLength(routingKey) > MAX_ROUTING_KEY_BYTES;
    if (channel === undefined || this.#isCongested || isTooLong) return;
    try {
      this.#isCongested = !channel.publish(EVENT_EXCHANGE, routingKey, encodeEvents(events), { ...options });
    } catch {
      // The channel has just ended: these events are lost, as events may be.
    }
  }

  /** RabbitMQ returns what it cannot route before it answers what follows on the channel. */
  async #isAnswered(): Promise<boolean> {
    try {
      await this.#channel?.checkExchange(EVENT_EXCHANGE);
      return this.#channel !== undefined;
    } catch {
      // The channel has ended, and the events that wait for the answer are lost.
      return false;
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
      channel.on('return', ({ fields }) => void this.#returned.add(fields.routingKey));
      throwIfEnded(channel);
      this.#channel = channel;
      this.#declaring = undefined;
      void this.#sendWaiting();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Before the first event. The answer need not be awaited, as events follow on the same channel. */
  async #declare(): Promise<void> {
    try {
      await this.#channel?.assertExchange(EVENT_EXCHANGE, 'topic', { durable: true });
      this.#hasWarned = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#waiting = [];
    // A refused connection is reported by what needs it more, but for one connection too many.
    if (isTaskQueueError(error)) {
      if (hasCode(error, ErrorCode.limitReached)) this.#pauseIfRefused(error);
      return;
    }
    const failure = this.#connection.translate(error);
    this.#pauseIfRefused(inContext(`Cannot publish events to the exchange ${EVENT_EXCHANGE}`, failure));
  }

  /**
   * A lost connection comes back by itself; a missing permission, or another exchange of that name, does not. A user's limit
   * of channels ends the connection, with the messages on it, each time that it is exceeded.
   */
  #pauseIfRefused(error: TaskQueueError): void {
    if (!hasCode(error, ...REFUSALS)) return;
    this.#refusedUntil = performance.now() + REFUSED_MS;
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const isLimit = hasCode(error, ErrorCode.limitReached);
    const effect = isLimit ? 'Events are off' : 'Events are off; nothing else is affected';
    this.#warn(
      new TaskQueueError(error.code, `${error.message}. ${effect}.`, {
        cause: isTaskQueueError(error.cause) ? error.cause : error,
        hint: isLimit
          ? error.hint
          : `Allow the user to configure, write to and read ${EVENT_EXCHANGE}, or switch events off.`,
      }),
    );
  }
}

/** Passed as copies: OpenTelemetry's instrumentation of amqplib writes headers into the options that it is given. */
const UNASKED = { deliveryMode: 1 };
const ASKED = { deliveryMode: 1, mandatory: true };
