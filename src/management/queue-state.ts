/** The state of a queue in an answer of the management API, and for a replicated one its members and which of them are running. */
export interface ReportedState {
  state?: string;
  members?: readonly string[];
  online?: readonly string[];
}

/**
 * `running`, `idle`, `down`, …; `minority` also where RabbitMQ 3.10 names no state: a quorum queue that has lost its leader,
 * and that too few members are running to elect another one.
 */
export function stateOf({ state, members = [], online = [] }: ReportedState): string {
  if (state !== undefined) return state;
  return members.length > 0 && online.length * 2 <= members.length ? 'minority' : 'unknown';
}
