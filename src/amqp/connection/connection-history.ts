/** What the connections of one client know together. */
export interface ConnectionHistory {
  /** The broker could be reached, and so is away only for a while when it cannot. */
  wasOpen: boolean;
  /** How often a connection was opened again. */
  reconnects: number;
  /** The client is being closed: changes of its connections are not reported. */
  isClosing: boolean;
  /** Closes connections that can be done without. Resolves to whether there were any. */
  makeRoom(): Promise<boolean>;
}

export function newHistory(): ConnectionHistory {
  return { wasOpen: false, reconnects: 0, isClosing: false, makeRoom: async () => false };
}
