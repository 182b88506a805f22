import type { TaskQueueError } from '../errors/task-queue-error.ts';
import type { TaskEvent } from '../events/task-events.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import type { ReplayChange } from '../properties/replay-policy.ts';

/** For {@link TaskQueueClient.publish}. */
export interface PublishOptions {
  /** Declare the task's queue when it is missing. Default true. */
  create?: boolean;
  /**
   * Refuse when the queue holds this many messages or more. Exact among the publishes of this client; across
   * processes it is a check and then a publish. A policy with `max-length` and `overflow: reject-publish` is
   * exact everywhere, and its refusal is the same error.
   */
  maxSize?: number | undefined;
  /**
   * Send the property `expiration` as it is given. Default false: it would count from now, and the broker would drop a
   * message that is moved or replayed.
   */
  keepExpiration?: boolean;
  /**
   * Look, after the confirm, whether the queue is still there, and publish the message again if it is not: RabbitMQ
   * confirms, and loses, what arrives in the instant in which a queue is deleted (rabbitmq-server#4746). For whoever removes
   * the message elsewhere afterwards. It takes a round trip, which messages that are published together share. Default
   * false: that is done only for a queue that was not used for `redeclareAfterMs`.
   */
  confirmStored?: boolean;
}

/** What {@link TaskQueueClient.publish} answers. */
export interface PublishResult {
  /** Which properties were not published as given, because the broker would act on them again. */
  changes: readonly ReplayChange[];
}

/** For {@link TaskQueueClient.peek}. */
export interface PeekOptions {
  /** How many, at most 1000 together with `skip`. Default 1. */
  limit?: number;
  /** How many of the oldest to leave out. Default 0. */
  skip?: number;
  /** Look once more when the connection is lost meanwhile; what was held then may not be back yet. Default true. */
  retry?: boolean;
}

/** For {@link TaskQueueClient.browse}. */
export interface BrowseOptions extends PeekOptions {
  /**
   * Begin again, with `before` 0, when the connection is lost after some batches were shown. Default false: that rejects.
   */
  again?: boolean;
}

/** For {@link TaskQueueClient.drain}. */
export interface DrainOptions {
  /** At most this many. Default: as many as there are at the start. */
  limit?: number;
  /** The largest batch. Default 500. */
  batchSize?: number;
  /**
   * Remove only these; the others stay at their place, but nobody else sees them until the drain is over. All
   * that is in the queue is read for it. On a quorum queue each time counts as a delivery, as with a peek.
   */
  select?: (message: StoredMessage) => boolean;
  /**
   * Remove everything together, when the last batch has been handled, or nothing. When the connection is lost before
   * that, the handler gets what is there then, from the first message on: the result says how many were removed. Default
   * false.
   */
  allOrNone?: boolean;
  /**
   * With `allOrNone`: remove more than a batch, up to 65,535 messages, by deleting the queue, if nobody else uses it and
   * nothing has come meanwhile. That takes RabbitMQ a tenth of the time of an acknowledgement. Default false.
   */
  withQueue?: boolean;
  /** Stop between two batches. */
  signal?: AbortSignal;
  /** Called after each batch with how many messages were read so far, those that stay included. */
  onRead?: (count: number) => void;
  /** Called after each acknowledgement with the number of messages that it removed. Must not throw. */
  onRemoved?: (count: number) => void;
}

/** For {@link TaskQueueClient.clear}. */
export interface ClearOptions extends DrainOptions {
  /** Leave the empty queue where it is. Default false: it is deleted. */
  keepQueue?: boolean;
}

/**
 * Takes care of a batch: writes it somewhere, say. Messages that it returns stay in the queue, at their place; rejecting
 * keeps the whole batch. `before` says how many it has taken care of before this batch.
 */
export type BatchHandler = (
  batch: StoredMessage[],
  before: number,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing keeps nothing
) => Promise<void | readonly StoredMessage[]> | void | readonly StoredMessage[];

/** Looks at a batch. `before` says how many messages came before it. */
export type BatchViewer = (batch: StoredMessage[], before: number) => Promise<void> | void;

/** What {@link TaskQueueClient.subscribe} tells. @internal */
export interface SubscriptionListener {
  /**
   * Events come one at a time: the next one waits for the promise. So one may have waited itself: `arrivedAt` says when
   * it came, by `performance.now()`.
   */
  onEvent(event: TaskEvent, arrivedAt: number): Promise<void> | void;
  /**
   * The connection was lost; what happens until `onResumed` is not seen. Told once more when the broker turns out to
   * refuse the subscription, which may go on until somebody does something about it.
   */
  onLost(error: TaskQueueError): void;
  /** The connection is back, and the subscription with it. Events wait for the promise. */
  onResumed(): Promise<void> | void;
  /** It has ended, with its {@link TaskEventSubscription.close} or with the client's, or could not be set up. */
  onClosed?(): void;
}

/** Listens until it is closed, or its client is. @internal */
export interface TaskEventSubscription {
  /** Events of a task, or without one of all tasks. Some of others may come too. */
  follow(taskId?: string): Promise<void>;
  /** Undoes the same {@link follow}. */
  unfollow(taskId?: string): Promise<void>;
  /** Ends it; the broker deletes its queue. */
  close(): Promise<void>;
}

/** What {@link TaskQueueClient.depth} finds. */
export interface QueueDepth {
  /** Messages that are ready; those that a reader holds unacknowledged are not among them. */
  messages: number;
  /** Who reads with a subscription. A single `get`, as of {@link TaskQueueClient.take}, is none. */
  consumers: number;
}

/** For {@link TaskQueueClient.close}. */
export interface CloseOptions {
  /** Instead of the client's `closeTimeoutMs`. Milliseconds. */
  timeoutMs?: number | undefined;
}

/** What {@link TaskQueueClient.identify} finds. @internal */
export interface BrokerIdentity {
  /** As the broker introduces itself; undefined where it does not. */
  clusterName: string | undefined;
  version: string | undefined;
  /** Who is logged in, as far as the URL says it; undefined where a certificate does. */
  user: string | undefined;
  vhost: string;
  /** Of the connection, on this side. */
  localPort: number | undefined;
}

/** What {@link TaskQueueClient.queueKind} finds. */
export interface QueueKind {
  kind: 'classic' | 'quorum' | 'stream' | 'other';
  /**
   * Whether it is a classic queue without arguments of its own, as this package and the Python package make it: what
   * {@link TaskQueueClient.peek} gives back goes back to its place.
   */
  isPlain: boolean;
  /**
   * The arguments that it was declared with beside its type, and `durable`, `auto_delete` or `exclusive` where these are
   * not as this package declares them. Not always complete; empty only where there is none. Those of a policy are not
   * among them.
   */
  ownArguments: readonly string[];
}

/** The most messages that one peek looks at: while it does, nobody else can read them. */
export const MAX_PEEK = 1000;
