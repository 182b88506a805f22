import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';

interface StartFailure {
  cause?: unknown;
  hint?: string;
  /** The output of the failed program, which becomes part of the message, as its file may be removed. */
  log?: string;
}

/** The error for any reason why a private RabbitMQ cannot run. */
export function startFailed(message: string, { cause, hint, log }: StartFailure = {}): TaskQueueError {
  const lines = log?.trimEnd().replace(/^/gm, '  ');
  const text = lines ? `${message}. Its output:\n${lines}` : message;
  return new TaskQueueError(ErrorCode.brokerStartFailed, text, { cause, hint });
}
