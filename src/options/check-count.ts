import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';

/** @throws TaskQueueError `INVALID_ARGUMENT` unless the value of the option is a whole number above 0 */
export function checkCount(name: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new TaskQueueError(
    ErrorCode.invalidArgument,
    `Option ${name} must be a whole number above 0, not ${value}`,
  );
}
