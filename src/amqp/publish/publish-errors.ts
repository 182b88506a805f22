/*
 * What can go wrong with a publish, in words. `what` says what was to be done and on what, as in
 * `Cannot enqueue to task "a"`.
 */
import { ErrorCode, PublishUnconfirmedError, TaskQueueError } from '../../errors/task-queue-error.ts';
import type { QueueType } from '../../options/task-queue-options.ts';

export function tooLargeError(what: string, bytes: number, limit: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.messageTooLarge,
    `${what}: the message has ${bytes} bytes, and the limit is ${limit}`,
    {
      hint: 'Raise maxMessageBytes together with the broker’s max_message_size, or send a reference instead.',
    },
  );
}

/** AMQP has one frame for all properties of a message, and RabbitMQ closes the connection on a larger one (501). */
export function propertiesTooLargeError(what: string, bytes: number, limit: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.messageTooLarge,
    `${what}: the properties and headers have ${bytes} bytes, and at most ${limit} fit a frame of this connection`,
    { hint: 'Shorten the headers, or raise frame_max in rabbitmq.conf.' },
  );
}

export function lostError(what: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.connectionLost, `${what}: the connection to the broker was lost`, {
    hint: 'Nothing was sent; the next call connects again.',
  });
}

export function blockedError(what: string, reason: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.brokerBlocked, `${what}: the broker blocks publishers (${reason})`, {
    hint: 'It is short of memory or disk space; nothing was sent. Reading goes on: drain queues, or free resources.',
  });
}

/** RabbitMQ nacks what a queue with `overflow: reject-publish` has no room for, and what a queue without leader gets. */
export function rejectedError(what: string, queueType: QueueType, cause: unknown): TaskQueueError {
  if (queueType === 'quorum') {
    return new TaskQueueError(ErrorCode.publishRejected, `${what}: the broker rejected the message`, {
      cause,
      hint: 'The queue has no leader for the moment, or a policy limits its length (max-length). Try again.',
    });
  }
  return new TaskQueueError(
    ErrorCode.queueOverflow,
    `${what}: Task message queue overflow: the broker rejected the message`,
    { cause, hint: 'A policy limits the length of the queue (max-length with overflow reject-publish).' },
  );
}

export function turnTimeoutError(what: string, ms: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.busy,
    `${what}: its turn behind other messages of the task did not come within ${ms} ms`,
    { hint: 'The broker does not answer, or is away; nothing was sent.' },
  );
}

/** The MCP SDK's wording, which its users look for. */
export function overflowError(what: string, size: number, maxSize: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.queueOverflow,
    `${what}: Task message queue overflow: queue size (${size}) exceeds maximum (${maxSize})`,
    { hint: 'Let the client read its messages, or raise the limit (maxTaskQueueSize).' },
  );
}

export function missingError(what: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.queueNotFound, `${what}: it has no queue`, {
    hint: 'Leave out create: false to create the queue.',
  });
}

/** The broker has confirmed it, but it confirms also what it drops together with a queue. */
export function unverifiedError(
  what: string,
  messageId: string | undefined,
  cause: unknown,
): PublishUnconfirmedError {
  const reason = cause instanceof Error ? cause.message.replace(`${what}: `, '') : String(cause);
  return new PublishUnconfirmedError(
    `${what}: it was confirmed, and then RabbitMQ did not say whether its queue is still there: ${reason}`,
    messageId,
    cause,
  );
}

export function vanishedError(what: string, times: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.publishRejected,
    `${what}: its queue vanished ${times} times while the message was on its way`,
    { hint: 'Somebody deletes it over and over; the message is not queued.' },
  );
}
