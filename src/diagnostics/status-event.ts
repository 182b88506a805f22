import type { TaskQueueError } from '../errors/task-queue-error.ts';

/**
 * What a connection is for: `publish` sends messages and events, `read` looks at queues and takes messages, `delete`
 * deletes queues, `events` follows live events (a connection for each subscription), `replies` receives answers from other
 * replicas, and `inspect` is that of `inspectBroker`.
 */
export type ConnectionName = 'publish' | 'read' | 'delete' | 'events' | 'replies' | 'inspect';

/** What happens to a connection. */
export type ConnectionChange =
  /** An attempt to open it begins. */
  | { type: 'connecting' }
  /** It is open. */
  | { type: 'connected' }
  /**
   * An attempt has failed. `attempt` counts the failures since the connection was last open, from 1. `retryInMs` says when
   * the next attempt begins, at another node of a cluster at once (0); undefined when it is left to the next operation
   * that needs the connection.
   */
  | { type: 'connect-failed'; error: TaskQueueError; attempt: number; retryInMs: number | undefined }
  /** It was open and has ended, without {@link TaskQueueClient.close}. It opens again when it is needed. */
  | { type: 'lost'; error: TaskQueueError }
  /** The broker reads nothing that is published on it, because of a resource alarm: `reason` is the broker's, e.g. `low on memory`. */
  | { type: 'blocked'; reason: string }
  /** The broker takes messages again. A blocked connection that is lost is not unblocked first. */
  | { type: 'unblocked' }
  /** It was closed on purpose. The last event of this connection. */
  | { type: 'closed' };

/** A {@link ConnectionChange}, and which connection it is. */
export type ConnectionEvent = ConnectionChange & {
  /** Which one of the client's connections. */
  connection: ConnectionName;
  /** `host:port`, without credentials. */
  node: string;
};

/** Something limits the service without failing an operation, such as missing permission for live events. */
export interface WarningEvent {
  type: 'warning';
  error: TaskQueueError;
}

/**
 * What {@link TaskQueueOptions.onStatus} is called with; `type` says which. A connection that was never needed has no events.
 * After `close()` was called, connections report nothing but `closed`.
 */
export type StatusEvent = ConnectionEvent | WarningEvent;
