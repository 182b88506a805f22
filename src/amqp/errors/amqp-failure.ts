import {
  ErrorCode,
  PublishUnconfirmedError,
  TaskQueueError,
  type TaskQueueErrorOptions,
} from '../../errors/task-queue-error.ts';

/**
 * Why something failed. Nothing in this folder knows the operation: the caller that does makes a sentence of it with
 * {@link during}.
 */
export class AmqpFailure extends TaskQueueError {
  /** The `message_id` of a message that was sent, and may be in its queue. */
  readonly messageId: string | undefined;

  /** @param reason the part after the colon in `Cannot enqueue to task "a": …` */
  constructor(
    code: ErrorCode,
    reason: string,
    { messageId, ...options }: TaskQueueErrorOptions & { messageId?: string | undefined } = {},
  ) {
    super(code, reason, options);
    this.messageId = messageId;
  }
}

export function timeoutError(ms: number): AmqpFailure {
  return new AmqpFailure(ErrorCode.noAnswer, `RabbitMQ did not answer within ${ms} ms`, {
    hint: 'Check for a resource alarm, an overloaded broker, a quorum queue without a leader, or a network that drops packets.',
  });
}

export function closedError(): AmqpFailure {
  return new AmqpFailure(ErrorCode.closed, 'the client was closed', { hint: 'Create a new client.' });
}

/**
 * The outcome of `work`, and what was being done where that fails.
 * @param what what was being done and on what, e.g. `Cannot enqueue to task "a"`
 * @param lostHint what to do about a connection that was lost meanwhile
 * @throws TaskQueueError
 */
export async function during<T>(what: string, work: Promise<T>, lostHint?: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw inContext(what, error, lostHint);
  }
}

/** An {@link AmqpFailure} as a whole sentence. Any other error is one already. */
export function inContext<E>(what: string, error: E, lostHint?: string): E | TaskQueueError {
  if (!(error instanceof AmqpFailure)) return error;
  const { code, message: reason, messageId, cause } = error;
  const hint = error.hint ?? (code === ErrorCode.connectionLost ? lostHint : undefined);
  const sentence = `${what}: ${reason}`;
  if (code === ErrorCode.publishUnconfirmed) return new PublishUnconfirmedError(sentence, messageId, cause);
  return new TaskQueueError(code, sentence, { cause, hint });
}
