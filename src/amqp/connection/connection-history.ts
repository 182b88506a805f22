/** What the connections of one client know together. */
export class ConnectionHistory {
  /** The broker could be reached, and so is away only for a while when it cannot. */
  wasOpen = false;
  /** How often a connection was opened again. */
  reconnects = 0;
  /** The client is being closed: changes of its connections are not reported. */
  isClosing = false;
  /** Closes connections that can be done without. Resolves to whether there were any. */
  makeRoom: () => Promise<boolean> = async () => false;
}
