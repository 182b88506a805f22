import { kindOf } from '../errors/task-name.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';

/** The prefix of every task queue, as the Python package has it. */
export const DEFAULT_PREFIX = 'mcp:queue:';

/** AMQP 0-9-1 `shortstr`: a queue name has at most 255 bytes of UTF-8. */
const MAX_QUEUE_NAME_BYTES = 255;

/**
 * The name of a task's queue.
 *
 * Control characters are refused because RabbitMQ strips CR and LF from a name when it declares a queue but
 * not when it routes to one: the message would go elsewhere.
 *
 * @throws TaskQueueError `INVALID_ARGUMENT` for an id that is empty, too long (more than 255 bytes together
 * with the prefix), or has control characters or lone surrogates.
 */
export function queueName(taskId: string, prefix: string = DEFAULT_PREFIX): string {
  const shown = typeof taskId === 'string' ? `${abbreviate(taskId)} ` : '';
  const invalid = (reason: string) =>
    new TaskQueueError(ErrorCode.invalidArgument, `Task id ${shown}is unusable: ${reason}`, {
      hint: `A task id is 1 to ${MAX_QUEUE_NAME_BYTES - Buffer.byteLength(prefix)} bytes of UTF-8 without control characters.`,
    });
  if (typeof taskId !== 'string') throw invalid(`it is ${kindOf(taskId)}, not a string`);
  if (taskId === '') throw invalid('it is empty');
  if (hasControlCharacter(taskId))
    throw invalid('it has a control character (a line break, tab or the like)');
  if (!taskId.isWellFormed()) throw invalid('it has a lone surrogate, which UTF-8 cannot carry');
  const name = prefix + taskId;
  const bytes = Buffer.byteLength(name);
  if (bytes > MAX_QUEUE_NAME_BYTES) {
    throw invalid(`with the prefix it is ${bytes} bytes; a queue name is at most ${MAX_QUEUE_NAME_BYTES}`);
  }
  return name;
}

/** The task whose queue has this name, or `undefined` if it is not a task queue. */
export function taskIdOf(name: string, prefix: string = DEFAULT_PREFIX): string | undefined {
  return name.length > prefix.length && name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}

/** No task id has one. */
export function hasControlCharacter(name: string): boolean {
  return /\p{Cc}/u.test(name);
}

function abbreviate(taskId: string): string {
  const text = JSON.stringify(taskId);
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}
