import { taskName } from './task-name.ts';

/** Every way an operation of this package can fail, as stable strings for programs to compare. */
export const ErrorCode = {
  /** A task id, option, URL, duration or other argument is unusable; nothing was sent. */
  invalidArgument: 'INVALID_ARGUMENT',
  /** A message given to enqueue is not a queued MCP message; nothing was sent. */
  invalidMessage: 'INVALID_MESSAGE',
  /** A stored message cannot be decoded; it is still in its queue. */
  malformedMessage: 'MALFORMED_MESSAGE',
  /** The message is larger than the broker accepts; nothing was sent. */
  messageTooLarge: 'MESSAGE_TOO_LARGE',
  /** The task's queue already holds its maximum; nothing was added. */
  queueOverflow: 'QUEUE_OVERFLOW',
  /** The task has no queue, and the operation does not create one. */
  queueNotFound: 'QUEUE_NOT_FOUND',
  /** The queue exists, but its cluster node is down or it has crashed; its messages are unavailable too. */
  queueUnavailable: 'QUEUE_UNAVAILABLE',
  /** The queue exists with different arguments (AMQP 406). */
  queueMismatch: 'QUEUE_MISMATCH',
  /** The queue, or reading it, belongs exclusively to another connection (AMQP 405) or consumer (403). */
  queueLocked: 'QUEUE_LOCKED',
  /** A queue to be deleted only if empty and unused is not both (AMQP 406). */
  queueInUse: 'QUEUE_IN_USE',
  /** A limit that the operator has set is reached: queues or connections of a vhost, connections or channels of a user. */
  limitReached: 'LIMIT_REACHED',
  /** The broker knows the user, but refuses the operation (AMQP 403). */
  accessRefused: 'ACCESS_REFUSED',
  /** The broker or the management API refuses the credentials. */
  authenticationFailed: 'AUTHENTICATION_FAILED',
  /** The virtual host does not exist. */
  vhostNotFound: 'VHOST_NOT_FOUND',
  /** No connection to the broker could be opened. */
  connectionFailed: 'CONNECTION_FAILED',
  /** The connection ended while the operation was under way. */
  connectionLost: 'CONNECTION_LOST',
  /** The TLS handshake failed: certificate, name or key. */
  tlsFailed: 'TLS_FAILED',
  /** No message came in time, while the broker was reachable throughout. */
  waitTimeout: 'WAIT_TIMEOUT',
  /** The broker or the management API did not answer a request within its deadline. */
  noAnswer: 'NO_ANSWER',
  /** Earlier operations did not finish in time; this one was not started. */
  busy: 'BUSY',
  /** A message was sent, but never confirmed: it may or may not be queued. */
  publishUnconfirmed: 'PUBLISH_UNCONFIRMED',
  /** The broker rejected a message (nack), or its queue was deleted again and again; it is not queued. */
  publishRejected: 'PUBLISH_REJECTED',
  /** A resource alarm of the broker blocks publishing; nothing was sent. */
  brokerBlocked: 'BROKER_BLOCKED',
  /** Too many operations are already waiting for the broker; this one was not started. */
  tooManyWaiting: 'TOO_MANY_WAITING',
  /** The broker or this type of queue does not support the operation (AMQP 540). */
  unsupported: 'UNSUPPORTED',
  /** The object was closed before or during the operation. */
  closed: 'CLOSED',
  /** The management API and the broker's URL lead to different clusters or vhosts. */
  targetMismatch: 'TARGET_MISMATCH',
  /** The management HTTP API is missing or unreachable, or its answer makes no sense. */
  apiUnavailable: 'API_UNAVAILABLE',
  /** A private RabbitMQ could not be started. */
  brokerStartFailed: 'BROKER_START_FAILED',
  /** Any other error of the broker; see `cause`. */
  brokerError: 'BROKER_ERROR',
} as const;

/** One of the strings in {@link ErrorCode}. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** Options of a {@link TaskQueueError}. */
export interface TaskQueueErrorOptions {
  /** What lies beneath. */
  cause?: unknown | undefined;
  /** What to do about it, in one sentence. */
  hint?: string | undefined;
}

/**
 * The error of this package. `message` says what failed and on what, `hint` what to do about it, `code`
 * is one of {@link ErrorCode}, `cause` is what lies beneath. No part of it holds a password.
 */
export class TaskQueueError extends Error {
  override readonly name: string = 'TaskQueueError';
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** What to do about it, for people. */
  readonly hint: string | undefined;

  /** @param message what failed, and on what */
  constructor(code: ErrorCode, message: string, { cause, hint }: TaskQueueErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** A stored message that is not a queued MCP message. Carries its bytes; the message stays in the queue. */
export class MalformedMessageError extends TaskQueueError {
  override readonly name = 'MalformedMessageError';
  declare readonly code: typeof ErrorCode.malformedMessage;
  /** The task whose queue it is in. */
  readonly taskId: string;
  /** The body as stored, byte for byte. */
  readonly body: Buffer;
  /** What is wrong with it, without the name of the task. */
  readonly reason: string;

  constructor(taskId: string, body: Buffer, reason: string, cause?: unknown) {
    super(ErrorCode.malformedMessage, `A message of ${taskName(taskId)} cannot be decoded: ${reason}`, {
      cause,
      hint: 'The message is still in the queue; peek at it or drain it with mcp-taskq, which keeps any body unchanged.',
    });
    this.taskId = taskId;
    this.body = body;
    this.reason = reason;
  }
}

/**
 * A message was sent, but the broker's confirm never came: it may or may not be in the queue. Publishing it
 * again with the same `messageId` lets a consumer recognise the duplicate.
 */
export class PublishUnconfirmedError extends TaskQueueError {
  override readonly name = 'PublishUnconfirmedError';
  declare readonly code: typeof ErrorCode.publishUnconfirmed;
  /** The AMQP `message_id` it was sent with. */
  readonly messageId: string | undefined;

  constructor(message: string, messageId: string | undefined, cause?: unknown) {
    super(ErrorCode.publishUnconfirmed, message, {
      cause,
      hint: 'The message may or may not be in the queue: peek before sending it again.',
    });
    this.messageId = messageId;
  }
}

/** True for an error of this package, including one of another installed copy. */
export function isTaskQueueError(error: unknown): error is TaskQueueError {
  return (
    error instanceof TaskQueueError ||
    (error instanceof Error &&
      ['TaskQueueError', 'MalformedMessageError', 'PublishUnconfirmedError'].includes(error.name) &&
      typeof (error as { code?: unknown }).code === 'string')
  );
}

/** An error with this code, of the class that has it. */
export type ErrorWithCode<Code extends ErrorCode> = Code extends typeof ErrorCode.malformedMessage
  ? MalformedMessageError
  : Code extends typeof ErrorCode.publishUnconfirmed
    ? PublishUnconfirmedError
    : TaskQueueError & { readonly code: Code };

/** True for an error of this package with this code, or one of these. */
export function hasCode<Code extends ErrorCode>(
  error: unknown,
  ...codes: readonly Code[]
): error is ErrorWithCode<Code> {
  return isTaskQueueError(error) && (codes as readonly ErrorCode[]).includes(error.code);
}
