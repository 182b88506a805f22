import type { TaskQueueError } from '../errors/task-queue-error.ts';

/**
 * What a connection is for: `publish` sends messages and live events; `read` looks at queues and takes messages, and there
 * are several of them where a handler of a drain keeps one busy; `delete` deletes queues; `events` receives live events, one
 * connection per watch; `replies` receives answers from other replicas; `inspect` belongs to `inspectBroker`.
 */
export type ConnectionName = 'publish' | 'read' | 'delete' | 'events' | 'replies' | 'inspect';

/** What happens to a connection. */
export type ConnectionChange =
  /** An attempt to connect begins. */
  | { type: 'connecting' }
  /** The connection is open. */
  | { type: 'connected' }
  /**
   * An attempt failed. `attempt` counts the failures since the connection was last open, from 1. `retryInMs` says when the
   * next attempt begins: 0 for the next node of a cluster, undefined if the next operation that needs the connection will
   * make it.
   */
  | { type: 'connect-failed'; error: TaskQueueError; attempt: number; retryInMs: number | undefined }
  /** The open connection ended, and not through `close()`. It is opened again when an operation needs it. */
  | { type: 'lost'; error: TaskQueueError }
  /** A resource alarm of the broker blocks publishing. `reason` is the broker's, such as `low on memory`. */
  | { type: 'blocked'; reason: string }
  /** The broker accepts messages again. Not reported for a blocked connection that is lost. */
  | { type: 'unblocked' }
  /** The connection was closed on purpose. Its last event. */
  | { type: 'closed' };

/** A {@link ConnectionChange}, and the connection that it happened to. */
export type ConnectionEvent = ConnectionChange & {
  /** One of the client's connections, by purpose. */
  connection: ConnectionName;
  /** `host:port`, without credentials. */
  node: string;
};

/** A problem that fails no operation, such as missing permission for live events. */
export interface WarningEvent {
  type: 'warning';
  error: TaskQueueError;
}

/**
 * What {@link TaskQueueOptions.onStatus} receives; `type` distinguishes the events. A connection that was never needed reports
 * nothing. Once `close()` was called, connections report only `closed`.
 */
export type StatusEvent = ConnectionEvent | WarningEvent;
