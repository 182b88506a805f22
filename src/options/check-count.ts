import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';

/** @throws TaskQueueError `INVALID_ARGUMENT` unless the value of the option is a whole number, `least` or more */
export function checkCount(name: string, value: number, least = 1): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new TaskQueueError(
    ErrorCode.invalidArgument,
    `Option ${name} must be a whole number, ${least} or more, not ${value}`,
  );
}
