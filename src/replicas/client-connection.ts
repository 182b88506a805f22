import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { randomToken } from './question-address.ts';

/** What a server object's transport is to its queue. */
export interface ConnectedTransport {
  /** The id of the session, or of the connection if there are no sessions; empty if there is neither. */
  readonly session: string;
  /** The id of the session, as the SDK knows it. */
  readonly sessionId: string | undefined;
  /** Sends past the queue. */
  send(message: object): Promise<void>;
  /** Hands the SDK a message as if the client had sent it. */
  receive(message: object): void;
}

/** The connection of one server object to its client, from the moment the transport is wrapped until it closes. */
export class ClientConnection {
  /** Tells this server object from others in the process. */
  readonly token = randomToken();
  /** While it is open. */
  transport: ConnectedTransport | undefined;
  #isClosed = false;

  /** @throws TaskQueueError `INVALID_ARGUMENT` while the server object has another transport */
  open(transport: ConnectedTransport): void {
    if (this.transport !== undefined) {
      throw new TaskQueueError(
        ErrorCode.invalidArgument,
        'This link already has a transport; every server object needs a link of its own',
      );
    }
    this.transport = transport;
    this.#isClosed = false;
  }

  close(): void {
    this.transport = undefined;
    this.#isClosed = true;
  }

  /** No transport was wrapped. */
  get isMissing(): boolean {
    return this.transport === undefined && !this.#isClosed;
  }

  throwIfClosed(): void {
    if (this.#isClosed) throw closedError();
  }
}

export function closedError(): TaskQueueError {
  return new TaskQueueError(ErrorCode.closed, 'The connection to the client is closed');
}
