import type { ClientStats } from '../diagnostics/stats.ts';
import { settledWithin } from '../errors/deadline.ts';
import { guarded } from '../errors/guarded-callback.ts';
import type { EventName } from '../events/task-events.ts';
import type { SubscriptionListener } from '../options/client-options.ts';
import type { ResolvedOptions } from '../options/task-queue-options.ts';
import { ChannelPool } from './connection/channel-pool.ts';
import { BrokerConnection, type Introduction } from './connection/connection.ts';
import { ConnectionHistory } from './connection/connection-history.ts';
import { ReadConnections, type ReadingKind } from './connection/read-connections.ts';
import { closedError } from './errors/amqp-failure.ts';
import { EventPublisher } from './events/event-publisher.ts';
import { EventSubscription } from './events/event-subscription.ts';
import { ReplyQueue } from './events/reply-queue.ts';
import { checkPublish } from './publish/check-publish.ts';
import { ConfirmedPublisher } from './publish/confirmed-publisher.ts';
import { QueuePublisher } from './publish/queue-publisher.ts';
import { QueueDeclarer } from './queues/queue-declarer.ts';
import { QueueDeleter } from './queues/queue-deleter.ts';
import { QueueKinds } from './queues/queue-kinds.ts';
import { QueueReader } from './queues/queue-reader.ts';

const DECLARE_CHANNELS = 4;
const DELETE_CHANNELS = 8;

/**
 * The connections of one client and what runs on each, none of them opened before it is needed.
 *
 * Three kinds, because of what the broker does to a connection as a whole: a resource alarm blocks one that
 * publishes, requests included, and must not stop reading; and a conditional delete of a quorum queue is
 * answered by closing the connection it came on (540). Of those for reading there are several only while a handler
 * takes its time.
 */
export class Session {
  readonly publisher: QueuePublisher;
  readonly reader: QueueReader;
  /** For messages that are held, a few of them or for a moment. */
  readonly holder: QueueReader;
  /** For many messages that are held while a handler takes its time. */
  readonly bulkHolder: QueueReader;
  readonly kinds: QueueKinds;
  readonly deleter: QueueDeleter;
  /** On the publishing connection as well: an alarm blocks whatever connection publishes. */
  readonly events: EventPublisher;
  readonly #channels: readonly { close(): Promise<void> }[];
  readonly #options: ResolvedOptions;
  readonly #declarer: QueueDeclarer;
  readonly #reading: ReadConnections;
  readonly #publishing: BrokerConnection;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  readonly #deleting: BrokerConnection;
  /** Each has a connection of its own. */
  readonly #consumers = new Set<EventSubscription | ReplyQueue>();
  readonly #history = new ConnectionHistory();

  constructor(options: ResolvedOptions) {
    this.#options = options;
    const publishing = new BrokerConnection(options, 'publish', this.#history);
    const reading = new ReadConnections(() => new BrokerConnection(options, 'read', this.#history), options);
    this.#history.makeRoom = () => reading.makeRoom();
    const deleting = new BrokerConnection(options, 'delete', this.#history);
    const confirmed = new ConfirmedPublisher(publishing, options);
    // On the publishing connection as well: while that is blocked, no queue is needed either.
    const declarations = new ChannelPool(publishing, options, DECLARE_CHANNELS, 1 / 2);
    const deletions = new ChannelPool(deleting, options, DELETE_CHANNELS);
    this.#declarer = new QueueDeclarer(declarations, confirmed, options);
    this.publisher = new QueuePublisher(confirmed, this.#declarer, options);
    const readerFor = (kind: ReadingKind) =>
      new QueueReader({ use: (work) => reading.use(kind, work) }, () => this.throwIfClosed());
    this.reader = readerFor('request');
    this.holder = readerFor('hold');
    this.bulkHolder = readerFor('bulk');
    this.kinds = new QueueKinds(readerFor('probe'));
    this.deleter = new QueueDeleter(deletions, this.publisher, this.reader, this.kinds, options.queueType);
    this.events = new EventPublisher(publishing, options.events === 'off', options.warn);
    this.#channels = [this.events, declarations, reading, deletions];
    this.#reading = reading;
    this.#publishing = publishing;
    this.#deleting = deleting;
  }

  /** @throws AmqpFailure `CLOSED` once {@link close} was called */
  throwIfClosed(): void {
    if (this.#isClosed) throw closedError();
  }

  /**
   * Opens the connection for this, where it is done: no quorum queue is deleted. For publishing, its channels too, that for
   * events last: a limit of channels ends the connection, and with it the messages that are on their way.
   */
  async connect(work: 'read' | 'publish' | 'delete'): Promise<void> {
    await this.#open(work);
    if (work !== 'publish') return;
    const opened = this.#declarer.openChannels().then(() => this.#publishing.answered(this.events.open()));
    // Who needs a channel gets the error.
    await opened.catch(() => {});
  }

  /** The connection alone, without waiting: who needs it gets the error. */
  connectEarly(work: 'read' | 'publish' | 'delete'): void {
    this.#open(work).catch(() => {});
  }

  async #open(work: 'read' | 'publish' | 'delete'): Promise<void> {
    if (work === 'delete' && this.#options.queueType === 'quorum') return;
    const connections = { read: this.#reading.first, publish: this.#publishing, delete: this.#deleting };
    await connections[work].open();
  }

  /** Fails where a publish to this queue would, whatever the message. */
  checkPublish(queue: string, create: boolean): Promise<void> {
    return checkPublish(queue, { create, declarer: this.#declarer, publisher: this.publisher });
  }

  /** Listens to events, on a connection of its own that ends with the subscription. */
  async subscribe(events: readonly EventName[], listener: SubscriptionListener): Promise<EventSubscription> {
    const connection = new BrokerConnection(this.#options, 'events', this.#history);
    const subscription = new EventSubscription(connection, events, {
      onEvent: (event, arrivedAt) => listener.onEvent(event, arrivedAt),
      onResumed: () => listener.onResumed(),
      // Guarded, as nobody could catch what they throw.
      onLost: guarded((error) => listener.onLost(error)),
      onClosed: guarded(() => {
        this.#consumers.delete(subscription);
        listener.onClosed?.();
      }),
    });
    // Before it starts, so that a close meanwhile finds the connection that is being opened.
    this.#consumers.add(subscription);
    await subscription.start();
    return subscription;
  }

  /** Opens the connection for reading, and answers what it is a connection to. */
  identify(): Promise<Introduction> {
    return this.#reading.first.introduction();
  }

  /** A queue for answers, on a connection of its own; it is closed with this session. Nothing is opened yet. */
  replyQueue(queue: string, onReply: (body: Buffer) => void): ReplyQueue {
    const connection = new BrokerConnection(this.#options, 'replies', this.#history);
    const replies = new ReplyQueue(connection, this.#options, queue, guarded(onReply));
    this.#consumers.add(replies);
    return replies;
  }

  get #connections(): readonly BrokerConnection[] {
    return [this.#publishing, ...this.#reading.all, this.#deleting];
  }

  /** @param redelivered counted by who hands the messages out */
  stats(redelivered: number): ClientStats {
    const others = [...this.#consumers].map(({ connection }) => connection);
    const connections = [...this.#connections, ...others].map(({ stats }) => stats);
    return { connections, ...this.publisher.stats, redelivered, reconnects: this.#history.reconnects };
  }

  /**
   * Idempotent: a second call waits for the same end, and may shorten it.
   * @param timeoutMs how long operations in flight may take to finish
   */
  close(timeoutMs = this.#options.closeTimeoutMs): Promise<void> {
    this.#isClosed = true;
    this.#history.isClosing = true;
    this.#closing ??= this.#close(timeoutMs);
    if (timeoutMs < this.#options.closeTimeoutMs) {
      setTimeout(() => {
        for (const connection of this.#connections) connection.abandon();
      }, timeoutMs).unref();
    }
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    // In this order, as events follow what was published.
    const settled = this.publisher.flush().then(() => {
      // Only events are left to be sent there, and while an alarm lasts the broker reads nothing from it.
      this.#publishing.abandonIfBlocked();
      return Promise.all(this.#channels.map((each) => each.close()));
    });
    // What is not done by then is given up with the connection, and its callers' promises reject.
    await settledWithin(settled, timeoutMs);
    await Promise.all([...this.#consumers, ...this.#connections].map((each) => each.close(timeoutMs)));
  }
}
