import type { Channel } from 'amqplib';
import { EVENT_EXCHANGE } from '../../events/task-events.ts';

/** Whoever listens now is taken to listen for so long. That nobody does is never taken for granted. */
const HEARD_MS = 1_000;

/** Routing keys whose answer is kept; with more of them, all are asked about anew. */
const MAX_HEARD = 100;

const QUESTION = { deliveryMode: 1, mandatory: true };

/**
 * Asks RabbitMQ whether anybody listens to a routing key: a message without content that no queue gets comes back
 * (`mandatory`), and does so before the answer to what follows on the channel.
 */
export class EventListeners {
  readonly #channel: Channel;
  /** The routing keys that somebody listened to, and until when that holds by `performance.now()`. */
  readonly #heard = new Map<string, number>();
  /** RabbitMQ has sent the question back. */
  #isReturned = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.on('return', () => {
      this.#isReturned = true;
    });
  }

  /** One question at a time. An answer no is about all that was published on this channel before it. */
  async listenTo(routingKey: string): Promise<boolean> {
    if (performance.now() < (this.#heard.get(routingKey) ?? 0)) return true;
    this.#isReturned = false;
    try {
      this.#channel.publish(EVENT_EXCHANGE, routingKey, Buffer.alloc(0), { ...QUESTION });
      await this.#channel.checkExchange(EVENT_EXCHANGE);
    } catch {
      // The channel has ended, and the events that waited for the answer are lost.
      return false;
    }
    if (this.#isReturned) return false;
    if (this.#heard.size >= MAX_HEARD) this.#heard.clear();
    this.#heard.set(routingKey, performance.now() + HEARD_MS);
    return true;
  }
}
