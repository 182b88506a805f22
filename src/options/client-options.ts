import type { TaskQueueError } from '../errors/task-queue-error.ts';
import type { TaskEvent } from '../events/task-events.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import type { ReplayChange } from '../properties/replay-policy.ts';

/** For {@link TaskQueueClient.publish}. */
export interface PublishOptions {
  /** Create the task's queue if it is missing. Default true. */
  create?: boolean | undefined;
  /**
   * Reject if the queue holds this many messages or more. Default: no limit, like Infinity. Exact among the
   * publishes of this client; across processes it is check-then-publish, with up to 100 publishes for one check. A policy
   * with `max-length` and `overflow: reject-publish` is exact everywhere, and rejects with the same error.
   */
  maxSize?: number | undefined;
  /**
   * Keep the property `expiration`. Default false: it would count from now, and the broker would drop a message that
   * is moved or replayed.
   */
  keepExpiration?: boolean | undefined;
  /**
   * After the confirm, check that the queue still exists, and publish again if it does not: RabbitMQ confirms and
   * drops a message that arrives at the moment a queue is deleted (rabbitmq-server#4746). Use it before removing the
   * message elsewhere. Costs a round trip, shared by messages published together. Default false: checks only a queue
   * that was not used for `redeclareAfterMs`.
   */
  confirmStored?: boolean | undefined;
}

/** The result of {@link TaskQueueClient.publish}. */
export interface PublishResult {
  /** The properties that were changed, because the broker would act on them again. */
  changes: readonly ReplayChange[];
}

/** For {@link TaskQueueClient.peek}. */
export interface PeekOptions {
  /** How many messages, at most 1000 including `skip`. Default 1. */
  limit?: number | undefined;
  /** How many of the oldest messages to skip. Default 0. */
  skip?: number | undefined;
}

/** For {@link TaskQueueClient.drain}. */
export interface DrainOptions {
  /** At most this many messages. Default: all messages present at the start. */
  limit?: number | undefined;
  /** The largest batch. Default 500. */
  batchSize?: number | undefined;
  /**
   * Remove only these. The others keep their places, but other readers cannot see them until the drain ends. Reads
   * the whole queue. On a quorum queue each read counts as a delivery, as with a peek. A promise is refused.
   */
  select?: ((message: StoredMessage) => boolean) | undefined;
  /**
   * Remove everything at once after the last batch, or nothing. If the connection is lost before that, the handler
   * gets everything again, from the first message on; the result says how many were removed. Default false.
   */
  allOrNone?: boolean | undefined;
  /** Stop between two batches. */
  signal?: AbortSignal | undefined;
  /**
   * Called after each batch, and awaited, with the number of messages read so far, including those that stay. An error
   * that it throws ends the drain and is passed on.
   */
  onRead?: ((count: number) => void) | undefined;
  /**
   * Called after each acknowledgement, and awaited, with the number of messages that it removed. An error that it throws
   * ends the drain and is passed on; these messages stay removed.
   */
  onRemoved?: ((count: number) => void) | undefined;
  /**
   * Called, and awaited, when the drain has ended without an error and without being stopped. An error that it throws is
   * passed on; what was removed stays removed.
   */
  onEnd?: ((end: DrainEnd) => void) | undefined;
}

/** What a drain found. */
export interface DrainEnd {
  /** The messages that it meant to read: those present at its start, up to `limit`, or all of them with `select`. */
  counted: number;
  /**
   * The messages that it has read. Fewer than counted if others took the rest, if messages expired, or if `limit` ended a
   * drain with `select`.
   */
  read: number;
  /** Whether the queue was missing or was deleted, with what was not read. */
  isDeleted: boolean;
}

/** For {@link TaskQueueClient.clear}. */
export interface ClearOptions extends DrainOptions {
  /** Keep the empty queue. Default false: delete it. */
  keepQueue?: boolean | undefined;
  /** The handler does not wait for another read of the client. @internal */
  isIndependent?: boolean | undefined;
}

/**
 * Handles a batch, for example writes it to a file. Messages that it returns keep their places in the queue; a
 * rejection keeps the whole batch, and so does a copy of a message among those returned, which is refused. `before` is the
 * number of messages handled before this batch.
 */
export type BatchHandler = (
  batch: StoredMessage[],
  before: number,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing keeps nothing
) => Promise<void | readonly StoredMessage[]> | void | readonly StoredMessage[];

/** Views a batch. `before` is the number of messages before it. */
export type BatchViewer = (batch: StoredMessage[], before: number) => Promise<void> | void;

/** The listener of {@link TaskQueueClient.subscribe}. @internal */
export interface SubscriptionListener {
  /**
   * Called for one event at a time: the next waits for the promise. `arrivedAt` is when the event arrived, by
   * `performance.now()`.
   */
  onEvent(event: TaskEvent, arrivedAt: number): Promise<void> | void;
  /**
   * The connection was lost; events until `onResumed` are missed. Called again if the broker then refuses the
   * subscription, which lasts until somebody fixes the cause.
   */
  onLost(error: TaskQueueError): void;
  /** The connection and the subscription are back. Events wait for the promise. */
  onResumed(): Promise<void> | void;
  /** The subscription ended, by {@link TaskEventSubscription.close} or the client's, or could not be set up. */
  onClosed?(): void;
}

/** A subscription, which lasts until it or its client is closed. @internal */
export interface TaskEventSubscription {
  /** Follows a task, or all tasks without an argument. Events of other tasks may arrive too. */
  follow(taskId?: string): Promise<void>;
  /** Undoes the same {@link follow}. */
  unfollow(taskId?: string): Promise<void>;
  /** Ends it; the broker deletes its queue. */
  close(): Promise<void>;
}

/** What {@link TaskQueueClient.depth} finds. */
export interface QueueDepth {
  /** Messages ready, without those that a reader holds unacknowledged. */
  messages: number;
  /** The number of consumers. */
  consumers: number;
}

/** For {@link TaskQueueClient.waitForMessage} and {@link RabbitMQTaskMessageQueue.waitForMessage}. */
export interface WaitOptions {
  /** Stop waiting; the wait rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Stop waiting after this many milliseconds, with a TaskQueueError `WAIT_TIMEOUT`; or `NO_ANSWER`, up to two seconds later,
   * when the broker does not answer then. Default: wait forever.
   */
  timeoutMs?: number | undefined;
}

/** For {@link TaskQueueClient.close}. */
export interface CloseOptions {
  /** Instead of the client's `closeTimeoutMs`. Milliseconds, from 0 to 2^31 - 1. */
  timeoutMs?: number | undefined;
}

/** What {@link TaskQueueClient.identify} finds. @internal */
export interface BrokerIdentity {
  /** As the broker introduces itself; undefined where it does not. */
  clusterName: string | undefined;
  version: string | undefined;
  /** Who is logged in, as far as the URL says it; undefined where a certificate does. */
  user: string | undefined;
  /** The local port of the connection. */
  localPort: number | undefined;
}

/** What {@link TaskQueueClient.queueKind} finds. */
export interface QueueKind {
  kind: 'classic' | 'quorum' | 'stream' | 'other';
  /**
   * Whether it is a classic queue without arguments, as this package and the Python package create it: messages that
   * {@link TaskQueueClient.peek} gives back return to their places.
   */
  isPlain: boolean;
  /**
   * The declared arguments besides the type, and `durable`, `auto_delete` or `exclusive` if they differ from this
   * package's declaration. Not always complete, but empty only if there are none. Excludes policies.
   */
  ownArguments: readonly string[];
}

/** The most messages that one peek reads, as other readers cannot see them meanwhile. */
export const MAX_PEEK = 1000;
