import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';

interface StartFailure {
  cause?: unknown;
  hint?: string;
  /** What the failed program wrote; it becomes part of the message, since the file may be gone. */
  log?: string;
}

/** The error of everything that keeps a private RabbitMQ from running. */
export function startFailed(message: string, { cause, hint, log }: StartFailure = {}): TaskQueueError {
  const lines = log?.trimEnd().replace(/^/gm, '  ');
  return new TaskQueueError(
    ErrorCode.brokerStartFailed,
    lines ? `${message}. From what it wrote:\n${lines}` : message,
    { cause, ...(hint === undefined ? {} : { hint }) },
  );
}
