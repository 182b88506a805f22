import type { GetMessage } from 'amqplib';
import type { SubscriptionListener } from '../client-options.ts';
import { withDeadline } from '../deadline.ts';
import type { ResolvedOptions } from '../options.ts';
import type { StoredMessage } from '../stored-message.ts';
import type { EventName } from '../task-events.ts';
import { ChannelPool } from './channel-pool.ts';
import { ConfirmedPublisher } from './confirmed-publisher.ts';
import { BrokerConnection, type ConnectionHistory } from './connection.ts';
import { EventPublisher } from './event-publisher.ts';
import { EventSubscription } from './event-subscription.ts';
import { fromAmqplib } from './properties.ts';
import { QueueDeclarer } from './queue-declarer.ts';
import { QueuePublisher } from './queue-publisher.ts';

/** Operations that may be under way at the same time, each on a channel of its own. */
const READ_CHANNELS = 16;
const DECLARE_CHANNELS = 4;

/**
 * The connections of one client and what runs on each, none of them opened before it is needed.
 *
 * Three, because of what the broker does to a connection as a whole: a resource alarm blocks one that
 * publishes, requests included, and must not stop reading; and a conditional delete of a quorum queue is
 * answered by closing the connection it came on (540).
 */
export class Session {
  readonly queuePublisher: QueuePublisher;
  readonly reads: ChannelPool;
  /** On the publishing connection as well: an alarm blocks whatever connection publishes. */
  readonly events: EventPublisher;
  /** One at a time, so that a connection closed by a delete hurts no other one. */
  readonly deletions: ChannelPool;
  readonly #publisher: ConfirmedPublisher;
  readonly #declarations: ChannelPool;
  readonly #options: ResolvedOptions;
  readonly #reading: BrokerConnection;
  #closing: Promise<void> | undefined;
  readonly #subscriptions = new Set<EventSubscription>();
  readonly #connections: readonly BrokerConnection[];
  readonly #history: ConnectionHistory = { wasOpen: false };

  constructor(options: ResolvedOptions) {
    this.#options = options;
    const publishing = new BrokerConnection(options, 'publish', this.#history);
    const reading = new BrokerConnection(options, 'read', this.#history);
    const deleting = new BrokerConnection(options, 'delete', this.#history);
    this.#publisher = new ConfirmedPublisher(publishing, options);
    // On the publishing connection as well: while that is blocked, no queue is needed either.
    this.#declarations = new ChannelPool(publishing, options, DECLARE_CHANNELS);
    const declarer = new QueueDeclarer(this.#declarations, this.#publisher, options);
    this.queuePublisher = new QueuePublisher(this.#publisher, declarer, options);
    this.events = new EventPublisher(publishing, options.events === 'off', options.onWarning);
    this.reads = new ChannelPool(reading, options, READ_CHANNELS);
    this.deletions = new ChannelPool(deleting, options, 1);
    this.#reading = reading;
    this.#connections = [publishing, reading, deleting];
  }

  /** Opens the reading connection. */
  async connect(): Promise<void> {
    await this.#reading.open();
  }

  /** Listens to events, on a connection of its own that ends with the subscription. */
  async subscribe(events: readonly EventName[], listener: SubscriptionListener): Promise<EventSubscription> {
    const connection = new BrokerConnection(this.#options, 'watch', this.#history);
    const subscription = new EventSubscription(connection, this.#options, events, listener);
    // Before it has started: a close in the meantime must find the connection that is being opened.
    this.#subscriptions.add(subscription);
    subscription.onClosed = () => this.#subscriptions.delete(subscription);
    await subscription.start();
    return subscription;
  }

  /** Idempotent: whoever calls again waits for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const settled = Promise.all([
      this.#publisher.flush(),
      ...[this.events, this.#declarations, this.reads, this.deletions].map((each) => each.close()),
    ]);
    // What is not done by then is given up with the connection, and its callers are told.
    await withDeadline(settled, this.#options.closeTimeoutMs, () => new Error('late')).catch(() => {});
    await Promise.all([...this.#subscriptions, ...this.#connections].map((each) => each.close()));
  }
}

/** A message of amqplib's, got or delivered. */
export type Delivery = Pick<GetMessage, 'content' | 'properties'> & { fields: { redelivered: boolean } };

export function toStoredMessage(taskId: string, { content, fields, properties }: Delivery): StoredMessage {
  return { taskId, redelivered: fields.redelivered, properties: fromAmqplib(properties), body: content };
}
