/*
 * What can go wrong with a publish, in words, and what follows from it.
 */
import { isTransient, isUnconnected } from '../../errors/retry.ts';
import { ErrorCode, hasCode, TaskQueueError } from '../../errors/task-queue-error.ts';
import type { QueueType } from '../../options/task-queue-options.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';
import { TOO_LARGE_HINT } from '../errors/queue-refusals.ts';

export function tooLargeError(bytes: number, limit: number): AmqpFailure {
  return new AmqpFailure(ErrorCode.messageTooLarge, `the message is ${bytes} bytes; the limit is ${limit}`, {
    hint: `${TOO_LARGE_HINT} Raise maxMessageBytes as well.`,
  });
}

/** AMQP has one frame for all properties of a message, and RabbitMQ closes the connection on a larger one (501). */
export function propertiesTooLargeError(bytes: number, limit: number): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.messageTooLarge,
    `the properties and headers are ${bytes} bytes; a frame of this connection holds ${limit}`,
    { hint: 'Shorten the headers, or raise frame_max in rabbitmq.conf.' },
  );
}

export function lostError(): AmqpFailure {
  return new AmqpFailure(ErrorCode.connectionLost, `the connection to the broker was lost`, {
    hint: 'Nothing was sent; the next call connects again.',
  });
}

export function blockedError(reason: string): AmqpFailure {
  return new AmqpFailure(ErrorCode.brokerBlocked, `the broker blocks publishers (${reason})`, {
    hint: 'It is short of memory or disk space; nothing was sent. Reading still works: drain queues, or free resources.',
  });
}

/**
 * RabbitMQ nacks what a queue with `overflow: reject-publish` has no room for, what a queue without leader gets, and what is on
 * its way to a queue that crashes. It does not say which.
 */
export function rejectedError(queueType: QueueType, cause: unknown): AmqpFailure {
  if (queueType === 'quorum') {
    return new AmqpFailure(ErrorCode.publishRejected, `the broker rejected the message`, {
      cause,
      hint: 'The queue has no leader for the moment, or a policy limits its length (max-length). Try again.',
    });
  }
  return new AmqpFailure(
    ErrorCode.queueOverflow,
    `Task message queue overflow: the broker rejected the message`,
    {
      cause,
      hint: 'Either a policy limits the length of the queue (max-length with overflow reject-publish, or reject-publish-dlx, which dead-letters what it rejects), or the queue has crashed or has no leader: then look whether the message is in it before trying again.',
    },
  );
}

export function turnTimeoutError(ms: number): AmqpFailure {
  return new AmqpFailure(ErrorCode.busy, `earlier messages of the task did not finish within ${ms} ms`, {
    hint: 'The broker is unreachable or not answering; nothing was sent.',
  });
}

/** The MCP SDK's wording, which its users look for. */
export function overflowError(size: number, maxSize: number): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.queueOverflow,
    `Task message queue overflow: queue size (${size}) exceeds maximum (${maxSize})`,
    {
      hint: 'Let the client read its messages, or raise the limit (maxSize, or maxTaskQueueSize of the MCP SDK).',
    },
  );
}

export function missingError(): AmqpFailure {
  return new AmqpFailure(ErrorCode.queueNotFound, `it has no queue`, {
    hint: 'Leave out create: false to create the queue.',
  });
}

/** The message was sent, and may or may not be in its queue. */
export function unconfirmedError(reason: string, messageId: string | undefined, cause: unknown): AmqpFailure {
  return new AmqpFailure(ErrorCode.publishUnconfirmed, reason, { messageId, cause });
}

/** Each attempt but the last may have stored it. */
export function stillUnconfirmedError(
  attempts: number,
  messageId: string | undefined,
  last: Error,
): AmqpFailure {
  const reason = `the broker did not confirm it in ${attempts} attempts; the last one failed: ${last.message}`;
  return unconfirmedError(reason, messageId, last);
}

/** The broker confirmed it, but it also confirms what it drops together with a queue. */
export function unverifiedError(messageId: string | undefined, cause: unknown): AmqpFailure {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return unconfirmedError(
    `it was confirmed, but RabbitMQ did not answer whether its queue still exists: ${reason}`,
    messageId,
    cause,
  );
}

/** The same, where it is not sent again. */
export function deletedSinceError(messageId: string | undefined): AmqpFailure {
  return unconfirmedError('its queue was deleted right after the confirm', messageId, undefined);
}

export function deletedSinceWarning(queue: string): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.queueNotFound,
    `The queue ${queue} was deleted right after RabbitMQ had confirmed messages for it. They are sent again; if a reader had read them before it deleted the queue, they are delivered twice`,
  );
}

export function vanishedError(times: number): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.publishRejected,
    `its queue vanished ${times} times while the message was on its way`,
    { hint: 'Something keeps deleting the queue; the message is not queued.' },
  );
}

/** Whether to try again: once where nothing was sent, and as long as `retryUnconfirmedMs` lets a message be sent twice. */
export function maySendAgain(error: unknown, failures: number, giveUpAt: number): boolean {
  const isFirstLoss = failures === 0 && hasCode(error, ErrorCode.connectionLost);
  return isFirstLoss || (performance.now() < giveUpAt && isTransient(error));
}

/** Whether what waits to be published to the same queue fails for the same reason. */
export function isRefusedToAll(error: unknown): boolean {
  // The last two also for a connection, and for a declaration of the queue.
  return isUnconnected(error) || hasCode(error, ErrorCode.accessRefused, ErrorCode.limitReached);
}
