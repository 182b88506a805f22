import type { ConnectionName } from './status-event.ts';

/**
 * `idle`: not needed yet. `disconnected`: lost, or not to be opened; the next operation that needs it tries again.
 * `blocked`: open, but a resource alarm of the broker keeps it from publishing.
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'blocked' | 'disconnected' | 'closed';

/** One connection of a client. */
export interface ConnectionStats {
  connection: ConnectionName;
  state: ConnectionState;
  /** `host:port` that it leads to, or that was tried last; undefined while it is idle. */
  node: string | undefined;
}

/** Messages, and the bytes of their bodies and properties. */
export interface MessageLoad {
  messages: number;
  bytes: number;
}

/** A client as it is now, and what it has counted since it was made. */
export interface ClientStats {
  connections: readonly ConnectionStats[];
  /** Publishes that were sent, and that the broker has not answered yet. */
  inFlight: MessageLoad;
  /** Publishes that wait to be sent: for a connection, for the end of an alarm, for their queue, or for their turn. */
  waiting: MessageLoad;
  /** Messages that the broker has confirmed as queued. */
  confirmed: number;
  /** Messages that came back because their queue was gone; each was published again, or its publish was rejected. */
  returned: number;
  /** Messages read, or looked at, that the broker had delivered to somebody before. */
  redelivered: number;
  /** How often a connection was opened again after it was lost. */
  reconnects: number;
}
