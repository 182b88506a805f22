import type { QueueDepth, QueueKind } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeTarget } from '../settings/target.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';

/** The task has no queue. {@link withSuggestions} adds ids that may have been meant. */
class MissingQueueFailure extends CommandFailure {
  readonly taskId: string;

  constructor(context: Pick<ClientContext, 'client' | 'settings'>, taskId: string) {
    const queue = JSON.stringify(context.client.prefix + taskId);
    // It may be the wrong broker.
    const message = `Task ${JSON.stringify(taskId)} has no queue ${queue} on ${describeTarget(context)}`;
    super(ExitCode.noSuchQueue, message, {
      hint: 'Check the id. "mcp-taskq ls" lists tasks with a queue; a finished task does not have one.',
    });
    this.taskId = taskId;
  }
}

/**
 * The depth of a task's queue.
 * @throws CommandFailure (5) if the queue does not exist: a mistyped id must not look like an empty task
 */
export async function depthOrFail(
  context: Pick<ClientContext, 'client' | 'settings'>,
  taskId: string,
): Promise<QueueDepth> {
  const depth = await context.client.depth(taskId);
  if (depth !== undefined) return depth;
  throw new MissingQueueFailure(context, taskId);
}

/**
 * The same for a task whose messages are read next, and the kind of its queue, which the client then needs to know. It is asked
 * for at the same time: far from the broker, each answer takes its time.
 * @returns the kind too, where it is known
 */
export async function depthAndKind(
  context: Pick<ClientContext, 'client' | 'settings'>,
  taskId: string,
): Promise<QueueDepth & { kind: QueueKind['kind'] | undefined }> {
  // The depth first, as there may be no channel for both. What needs the kind gets its error.
  const counted = depthOrFail(context, taskId);
  const [depth, known] = await Promise.all([
    counted,
    context.client.queueKind(taskId).catch(() => undefined),
  ]);
  return { ...depth, kind: known?.kind };
}

/**
 * The depth of a task whose messages are read next.
 * @throws CommandFailure (1) for a stream, which RabbitMQ counts as empty for seconds after each message
 */
export async function depthBeforeReading(
  context: Pick<ClientContext, 'client' | 'settings'>,
  taskId: string,
): Promise<QueueDepth> {
  const { kind, ...depth } = await depthAndKind(context, taskId);
  if (kind === 'stream') throw streamFailure(taskId);
  return depth;
}

export function streamFailure(taskId: string): CommandFailure {
  const message = `The queue of task ${JSON.stringify(taskId)} is a stream: it cannot be read like a queue`;
  return new CommandFailure(ExitCode.failed, message, { hint: 'Use a stream client.' });
}

/**
 * @param filter the expression that no message matched, if there was one
 * @param looked how many messages were looked at, how many were present, and how many of these were skipped
 */
export function emptyFailure(
  taskId: string,
  filter?: string,
  looked: { count: number; of: number; skip?: number } = { count: 0, of: 0 },
): CommandFailure {
  const task = JSON.stringify(taskId);
  const { count, of: present, skip = 0 } = looked;
  const failure = (message: string) => new CommandFailure(ExitCode.nothingThere, message);
  if (present > 0 && present <= skip)
    return failure(
      `Task ${task} has ${formatCount(present, 'message')} waiting; --skip ${skip} leaves nothing`,
    );
  if (filter === undefined) return failure(`Task ${task} has no messages waiting`);
  if (present === 0) return failure(`Task ${task} has no message that matches the filter`);
  // Messages may have arrived since the count.
  const of = Math.max(count, present - skip);
  if (of === 1)
    return failure(`The ${skip > 0 ? 'last' : 'only'} message of task ${task} does not match the filter`);
  return failure(`None of the ${whichOf(count, of, skip)} of task ${task} matches the filter`);
}

/** The messages that were looked at, of those after the skipped ones. */
function whichOf(count: number, of: number, skip: number): string {
  if (count >= of) return `${skip > 0 ? 'last ' : ''}${formatCount(of, 'message')}`;
  if (skip === 0) return `first ${formatNumber(count)} of ${formatCount(of, 'message')}`;
  return `messages ${formatNumber(skip + 1)} to ${formatNumber(skip + count)} (of ${formatNumber(skip + of)})`;
}

/** The failure if {@link emptyFailure} is that of each of several tasks. */
export function noneOf(tasks: number, cause: unknown): CommandFailure {
  const message = `None of ${formatCount(tasks, 'task')} has a matching message`;
  return new CommandFailure(ExitCode.nothingThere, message, { cause });
}

/** Warns on stderr if a task has no queue yet. */
export async function noteMissingQueue(context: ClientContext, taskId: string): Promise<void> {
  if ((await context.client.depth(taskId)) !== undefined) return;
  const { suggestTasks } = await import('./suggest-tasks.ts');
  const hint = await suggestTasks(context, taskId);
  context.note(`Task ${JSON.stringify(taskId)} has no queue yet.${hint === undefined ? '' : ` ${hint}`}`);
}

/** The same error, with suggested ids in its hint. */
export async function withSuggestions(context: ClientContext, error: unknown): Promise<unknown> {
  if (!(error instanceof MissingQueueFailure) || context.stop.signal.aborted) return error;
  const { suggestTasks } = await import('./suggest-tasks.ts');
  const hint = await suggestTasks(context, error.taskId);
  if (hint === undefined) return error;
  return new CommandFailure(error.exitCode, error.message, { hint, cause: error.cause });
}
