import type { Channel, ConsumeMessage } from 'amqplib';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { QueueKind } from '../../options/client-options.ts';
import type { ChannelLease } from '../connection/channel-lease.ts';
import { isReceiving, readGateOf } from '../connection/raw-frames.ts';
import { translateAmqpError } from '../errors/amqp-errors.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';
import { streamFailure } from '../queues/queue-kinds.ts';
import { DeliveryInbox } from './delivery-inbox.ts';

/** With no delivery for this long, ask the broker whether anything is left. */
const QUIET_MS = 20;

/**
 * With no delivery for this long, a queue that may be replicated counts as empty, whatever the broker says: a quorum
 * queue is counted by its leader, but delivers from the replica on the consumer's node, which lags behind.
 */
const LAG_MS = 1_000;

/** With no delivery for this long from a queue that is not empty, ask whether its kind is the reason. */
const STARVED_MS = 1_000;

/** Bodies that are handled together. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/** AMQP's prefetch count is a 16-bit number; 0 means without limit. */
export const MAX_PREFETCH = 65_535;

/** Finds out what kind of queue it is now; `undefined` if there is none. */
export type FindKind = () => Promise<QueueKind | undefined>;

/** What has become of a queue whose consumer the broker cancelled; or why that is not known. */
export type QueueStatus = 'missing' | 'plain' | 'not plain' | 'not permitted' | 'unreachable';

/**
 * A consumer of one queue for a short while, for reading what is there.
 *
 *                   the queue says that it is empty, and nothing is on its way
 *     delivering ─────────────────────────────────────────────────────────────▶ exhausted
 *          │                                                                       │
 *          ├── the broker cancels it, or says that there is no such queue ──▶ cancelled
 *          │                                                                       │
 *          └── end(), or the channel ends ───────────────▶ ended ◀─────────────────┘
 *
 * What has been delivered can be taken in every state except the last.
 *
 * A consumer rather than `basic.get`: it is faster, and the queue counts as in use.
 * RabbitMQ's conditional delete does not count messages that are held unacknowledged: it treats a queue as
 * empty while somebody looks at its only message, and deletes both, unless somebody consumes.
 */
export class Consumption {
  readonly #lease: ChannelLease;
  readonly #queue: string;
  readonly #inbox: DeliveryInbox;
  readonly #stopListening: () => void;
  readonly #findKind: FindKind;
  #consumerTag = '';
  /** What has been learned about the queue; `undefined` until something has to be known. */
  #learned: { kind?: QueueKind | undefined } | undefined;
  #progressAt = performance.now();
  #state: 'delivering' | 'exhausted' | 'cancelled' = 'delivering';
  /** After a cancel, once it is known. */
  #queueStatus: QueueStatus | undefined;

  /**
   * @param lease of a fresh channel
   * @param findKind what kind of queue it is now
   */
  constructor(lease: ChannelLease, queue: string, findKind: FindKind) {
    this.#lease = lease;
    this.#queue = queue;
    this.#findKind = findKind;
    const inbox = new DeliveryInbox(readGateOf(lease.channel));
    this.#inbox = inbox;
    this.#stopListening = lease.onEnd((reason) => inbox.fail(reason));
  }

  /**
   * @param prefetch how many may be held unacknowledged; 0 for any number
   * @param endsOnFailover only for a classic queue: that its consumer is cancelled if another node takes over a mirrored one,
   * which would deliver again what is held, as if there were more messages
   */
  async start(prefetch: number, endsOnFailover = false): Promise<void> {
    const lease = this.#lease;
    const onMessage = (message: ConsumeMessage | null) => {
      if (message !== null) this.#inbox.put(message);
      else {
        this.#state = 'cancelled';
        this.#inbox.wake();
      }
    };
    const options = endsOnFailover ? { arguments: { 'x-cancel-on-ha-failover': true } } : {};
    try {
      // A channel starts without a limit.
      if (prefetch > 0) await lease.request((channel) => channel.prefetch(Math.min(prefetch, MAX_PREFETCH)));
      const consume = (channel: Channel) => channel.consume(this.#queue, onMessage, options);
      this.#consumerTag = (await lease.request(consume)).consumerTag;
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  /** The broker cancelled it: the queue was deleted, or the messages held are back in it. */
  get isCancelled(): boolean {
    return this.#state === 'cancelled';
  }

  /** Deliveries so far. */
  get received(): number {
    return this.#inbox.received;
  }

  /** Resolves when everything that the broker sent before has arrived; rejects if it closed the channel. */
  async sync(): Promise<void> {
    try {
      await this.#depth();
    } catch (error) {
      // RabbitMQ before 4.3.7 keeps delivering to a cancelled consumer, and amqplib then closes the channel.
      if (!this.isCancelled) throw error;
    }
  }

  /** After a cancel: what the queue is now, which may be another one of the same name. */
  async inspectQueue(): Promise<QueueStatus> {
    if (this.#queueStatus !== undefined) return this.#queueStatus;
    this.#stopListening();
    try {
      const kind = await this.#findKind();
      this.#queueStatus = kind === undefined ? 'missing' : kind.isPlain ? 'plain' : 'not plain';
    } catch (error) {
      if (isCode(error, ErrorCode.connectionLost)) this.#queueStatus = 'unreachable';
      // Only a user with configure permission may learn the kind of a queue.
      else if (isCode(error, ErrorCode.accessRefused)) this.#queueStatus = 'not permitted';
      else throw error;
    }
    return this.#queueStatus;
  }

  /**
   * The next deliveries, as soon as there is one; none when the queue is empty or the signal is aborted. At most
   * `most` messages and {@link MAX_BATCH_BYTES}, but always one, however large.
   * @throws TaskQueueError when the queue is not empty and yet nothing comes: `UNSUPPORTED` of a stream, `QUEUE_LOCKED` if
   * another consumer is the single active one, and otherwise `NO_ANSWER`
   */
  async next(most: number, signal?: AbortSignal): Promise<ConsumeMessage[]> {
    const inbox = this.#inbox;
    const { operationTimeoutMs: timeoutMs } = this.#lease;
    while (inbox.size === 0 && this.#state === 'delivering' && !signal?.aborted) {
      if (await inbox.waitForMore(QUIET_MS, signal)) {
        this.#progressAt = performance.now();
        continue;
      }
      // The answer would arrive after everything that is on its way, with the read gate open for it.
      if (isReceiving(this.#lease.channel) && performance.now() - this.#progressAt < timeoutMs) continue;
      // Ask twice, as the first answer may overtake a delivery on its way.
      const before = inbox.received;
      let isEmpty = (await this.#depth()) === 0;
      if (this.isCancelled) break;
      isEmpty &&= (await this.#depth()) === 0 && inbox.received === before;
      if (this.isCancelled) break;
      const quietMs = performance.now() - this.#progressAt;
      if (!isEmpty && quietMs > STARVED_MS) throwIfWithheld(this.#queue, this.#learnKind());
      if (!isEmpty && quietMs > timeoutMs) throw starvedError(this.#queue, timeoutMs);
      if (isEmpty && (this.#answersInOrder() || quietMs > LAG_MS)) this.#state = 'exhausted';
    }
    this.#progressAt = performance.now();
    return inbox.shift(most, MAX_BATCH_BYTES);
  }

  /**
   * Stops deliveries. What was delivered stays held, but the queue no longer counts as in use: a conditional delete
   * takes the messages held with it.
   */
  async stop(): Promise<void> {
    this.#lease.throwIfEnded();
    await this.#lease.request((channel) => channel.cancel(this.#consumerTag));
  }

  /**
   * Ends the consumer by closing its channel: in one step the broker removes the consumer and requeues whatever is
   * unacknowledged. Between a cancel and a nack, however close, a conditional delete could find the queue empty and
   * unused, and take the messages held with it.
   *
   * Resolves when the broker has done that, and everything before it: it asks the queues of a channel's consumers
   * before it answers, and only those (`notify_queues` in rabbit_channel.erl). So nothing that has to go back may be
   * held after {@link stop}. Never rejects: if the channel has ended, the broker has already requeued.
   * @returns whether the broker has answered, and so has everything that was acknowledged before
   */
  async end(): Promise<boolean> {
    this.#drop();
    return this.#lease.close().then(
      () => true,
      () => false,
    );
  }

  /** Takes no more deliveries, and forgets those that nobody has taken. */
  #drop(): void {
    this.#inbox.end();
    this.#stopListening();
  }

  /** Whether an empty queue means that no delivery is on its way: true of a classic queue. */
  #answersInOrder(): boolean {
    return this.#learnKind()?.isPlain ?? false;
  }

  /**
   * The kind of the queue, once it is known. Asked for only when a queue has fewer messages than were counted, or
   * withholds them, which is rare; and not awaited, as all channels may be in use.
   */
  #learnKind(): QueueKind | undefined {
    if (this.#learned === undefined) {
      const learned: { kind?: QueueKind | undefined } = {};
      this.#learned = learned;
      this.#findKind().then(
        (kind) => {
          learned.kind = kind;
        },
        // Without permission it stays unknown.
        () => {},
      );
    }
    return this.#learned.kind;
  }

  /** 0 when the queue does not exist, which ends the reading. */
  async #depth(): Promise<number> {
    try {
      const { messageCount } = await this.#lease.request((channel) => channel.checkQueue(this.#queue));
      return messageCount;
    } catch (error) {
      if (!isCode(error, ErrorCode.queueNotFound)) throw error;
      this.#state = 'cancelled';
      this.#queueStatus = 'missing';
      return 0;
    }
  }
}

function isCode(error: unknown, code: ErrorCode): boolean {
  return hasCode(translateAmqpError(error), code);
}

/** Some queues never deliver to this consumer, however long it waits. */
function throwIfWithheld(queue: string, kind: QueueKind | undefined): void {
  if (kind?.kind === 'stream') throw streamFailure(queue);
  if (kind?.ownArguments.includes('x-single-active-consumer')) {
    throw new AmqpFailure(
      ErrorCode.queueLocked,
      `the queue ${queue} has another single active consumer, which receives all its messages`,
      { hint: 'Stop that consumer, or wait until it ends.' },
    );
  }
}

function starvedError(queue: string, ms: number): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.noAnswer,
    `the queue ${queue} is not empty, but delivered nothing for ${ms} ms`,
    {
      hint: 'Another consumer may receive all its messages (single active consumer), or it may be a stream.',
    },
  );
}
