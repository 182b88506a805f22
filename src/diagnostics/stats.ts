import type { ConnectionName } from './status-event.ts';

/**
 * `idle`: not needed yet. `disconnected`: lost, or could not be opened; the next operation that needs it tries again.
 * `blocked`: open, but a resource alarm of the broker blocks publishing.
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'blocked' | 'disconnected' | 'closed';

/** One connection of a client. */
export interface ConnectionStats {
  connection: ConnectionName;
  state: ConnectionState;
  /** `host:port` of the node that it leads to, or that was tried last; undefined while it is idle. */
  node: string | undefined;
}

/** Messages, and the bytes of their bodies and properties. */
export interface MessageLoad {
  messages: number;
  bytes: number;
}

/** The state of a client now, and what it has counted since it was created. */
export interface ClientStats {
  connections: readonly ConnectionStats[];
  /** Messages that were sent and that the broker has not confirmed yet. */
  inFlight: MessageLoad;
  /** Messages that wait to be sent: for a connection, the end of an alarm, the declaration of their queue, or their turn. */
  waiting: MessageLoad;
  /** Messages that the broker has confirmed as queued. */
  confirmed: number;
  /** Messages that the broker returned because their queue was missing. Each was published again, or its publish failed. */
  returned: number;
  /** Messages read, or looked at, that the broker marked as redelivered. */
  redelivered: number;
  /** How often a connection was opened again after it was lost. */
  reconnects: number;
}
