import {
  ErrorCode,
  isTaskQueueError,
  PublishUnconfirmedError,
  TaskQueueError,
} from '../errors/task-queue-error.ts';

/**
 * Messages of these errors contain only what the caller passed in. Others may quote the broker or the operating
 * system: host, port, vhost, user, node.
 */
const DISCREET: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.invalidArgument,
  ErrorCode.invalidMessage,
  ErrorCode.malformedMessage,
  ErrorCode.messageTooLarge,
  ErrorCode.queueOverflow,
  ErrorCode.tooManyWaiting,
  ErrorCode.busy,
  ErrorCode.waitTimeout,
  ErrorCode.closed,
]);

const REASONS: { readonly [Code in ErrorCode]?: string } = {
  [ErrorCode.connectionFailed]: 'the message broker cannot be reached',
  [ErrorCode.connectionLost]: 'the connection to the message broker was lost',
  [ErrorCode.noAnswer]: 'the message broker does not answer',
  [ErrorCode.limitReached]: 'a limit of the message broker is reached',
  [ErrorCode.tlsFailed]: 'the message broker cannot be reached securely',
  [ErrorCode.authenticationFailed]: 'the message broker refuses the credentials',
  [ErrorCode.accessRefused]: 'the message broker refuses the operation',
  [ErrorCode.vhostNotFound]: 'the message broker is not set up for this server',
  [ErrorCode.queueNotFound]: 'the task has no queue',
  [ErrorCode.queueUnavailable]: 'the queue is unavailable at the moment',
  [ErrorCode.queueMismatch]: 'the queue has unexpected arguments',
  [ErrorCode.queueLocked]: 'the queue is in exclusive use',
  [ErrorCode.publishUnconfirmed]: 'the message broker did not confirm the message',
  [ErrorCode.publishRejected]: 'the message broker rejected the message',
  [ErrorCode.brokerBlocked]: 'the message broker is not accepting messages at the moment',
};

/**
 * The MCP SDK sends an error's message to the MCP client. Returns the error with a message that names no host, port,
 * vhost or user; the original is its `cause`, and the hint stays.
 * @param what what failed, and on what
 */
export function clientFacingError(error: unknown, what: string): unknown {
  if (!isTaskQueueError(error) || DISCREET.has(error.code)) return error;
  const message = `${what}: ${REASONS[error.code] ?? 'the message broker answered with an error'}`;
  if (error instanceof PublishUnconfirmedError) {
    return new PublishUnconfirmedError(message, error.messageId, error);
  }
  return new TaskQueueError(error.code, message, { cause: error, hint: error.hint });
}
