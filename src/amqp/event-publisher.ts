import type { Channel } from 'amqplib';
import { isTaskQueueError, TaskQueueError } from '../errors.ts';
import { EVENT_EXCHANGE, encodeEvent, type TaskEvent } from '../task-events.ts';
import type { BrokerConnection } from './connection.ts';
import { translateAmqpError } from './errors.ts';

/** Events that wait for the channel to open; more than these are dropped. */
const MAX_WAITING = 1000;

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

  publish(event: TaskEvent): void {
    if (this.#isOff || this.#connection.blocked) return;
    if (this.#channel !== undefined) this.#send(this.#channel, event);
    else if (this.#waiting.length < MAX_WAITING) {
      this.#waiting.push(event);
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
    }
  }

  /** Resolves when the broker has all events: none waits for the channel to open, or in its buffer. */
  async close(): Promise<void> {
    await this.#opening;
    await this.#channel?.close().catch(() => {});
  }

  #send(channel: Channel, event: TaskEvent): void {
    if (this.#isCongested) return;
    const message = encodeEvent(event);
    if (message === undefined) return;
    const { routingKey, body, headers } = message;
    try {
      this.#isCongested = !channel.publish(EVENT_EXCHANGE, routingKey, body, { headers, deliveryMode: 1 });
    } catch {
      // The channel has just ended, or the headers do not fit: this event is lost, as events may be.
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
      for (const event of this.#waiting.splice(0)) this.#send(channel, event);
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

const PERMANENT: ReadonlySet<string> = new Set(['ACCESS_REFUSED', 'QUEUE_MISMATCH', 'QUEUE_NOT_FOUND']);
