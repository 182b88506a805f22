import { hasCode } from '../../cli-shared.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode, getExitCode } from '../exit-codes.ts';
import { FilterFailure } from '../input/filter-tally.ts';
import { formatCount } from '../text/sizes.ts';
import type { ChosenTasks } from './chosen-tasks.ts';
import { depthBeforeReading, noneOf } from './missing-queue.ts';

/** A task that was chosen, and what was in it when the command started. */
export interface CountedTask {
  taskId: string;
  messages: number;
  consumers: number;
  /** Why it could not be counted, and is skipped. */
  failure?: unknown;
}

/**
 * Counts the messages of all tasks before anything is done: an id may be mistyped. One of several that match a pattern may
 * not be countable.
 * @throws CommandFailure no such queue (5) unless the tasks were found by a pattern: those may be gone by now
 */
export async function countTasks(
  context: Pick<ClientContext, 'client' | 'settings'>,
  { taskIds, isPattern }: ChosenTasks,
): Promise<CountedTask[]> {
  const counted: CountedTask[] = [];
  for (const taskId of taskIds) {
    try {
      let depth = isPattern ? await context.client.depth(taskId) : undefined;
      // A stream may count as empty.
      if (!isPattern || depth?.messages === 0) depth = await depthBeforeReading(context, taskId);
      if (depth !== undefined) counted.push({ taskId, ...depth });
    } catch (failure) {
      if (!isPattern || taskIds.length === 1 || !isOfOneTask(failure)) throw failure;
      counted.push({ taskId, messages: 0, consumers: 0, failure });
    }
  }
  return counted;
}

interface EachTaskOptions {
  /** The tasks were found by a pattern: one of them may be gone by now. */
  isPattern: boolean;
  /** Says of an error that it concerns the next tasks too. */
  isEnding?: (error: unknown) => boolean;
  /** What was done in the end, even if no task was handled completely; `undefined` if nothing was. */
  effect?: () => string | undefined;
}

/**
 * Handles tasks one after another. If one of several cannot be handled, that is noted, and the next one follows.
 * @param handle resolves to a failure if the task was not handled completely, but the next one may be
 * @returns the failure if tasks were skipped or not handled completely: partly done (3), or what the first failure says if
 * the command has done nothing; nothing there (6) if no task had anything
 * @throws what `handle` throws for a single task, and what concerns all of them
 */
export async function forEachTask<T extends { taskId: string; failure?: unknown }>(
  { note }: Pick<ClientContext, 'note'>,
  tasks: readonly T[],
  { isPattern, isEnding = () => false, effect = () => undefined }: EachTaskOptions,
  handle: (task: T) => Promise<unknown>,
): Promise<unknown> {
  let done = 0;
  let skipped = 0;
  let incomplete = 0;
  let firstFailure: unknown;
  let nothingThere: unknown;
  for (const task of tasks) {
    try {
      if (task.failure !== undefined) throw task.failure;
      const failure = await handle(task);
      if (failure === undefined) {
        done++;
        continue;
      }
      incomplete++;
      firstFailure ??= failure;
      if (tasks.length > 1) note((failure as Error).message.replace(/\.?$/, '.'));
    } catch (error) {
      if (tasks.length === 1 || isEnding(error) || !isOfOneTask(error)) throw error;
      const status = error instanceof CommandFailure ? error.exitCode : undefined;
      if (status === ExitCode.nothingThere) nothingThere ??= error;
      else if (status !== ExitCode.noSuchQueue || !isPattern) {
        skipped++;
        firstFailure ??= error;
        const which = error instanceof FilterFailure ? `Task ${JSON.stringify(task.taskId)}: ` : '';
        note(`${which}${(error as Error).message}; skipped.`);
      }
    }
  }
  if (skipped + incomplete === 0)
    return done === 0 && nothingThere !== undefined ? noneOf(tasks.length, nothingThere) : undefined;
  if (tasks.length === 1) return firstFailure;
  const what = effect();
  const parts = [
    skipped > 0 && `${formatCount(skipped, 'task')} skipped`,
    incomplete > 0 && `${formatCount(incomplete, 'task')} not handled completely`,
    what,
  ];
  const status = what !== undefined || done > 0 ? ExitCode.partly : getExitCode(firstFailure);
  return new CommandFailure(status, parts.filter((part) => part).join('; '), { cause: firstFailure });
}

const STATUSES_OF_ONE: readonly number[] = [
  ExitCode.failed,
  ExitCode.refused,
  ExitCode.noSuchQueue,
  ExitCode.nothingThere,
];

/** Errors that say nothing of other queues. */
export const CODES_OF_ONE = [
  'UNSUPPORTED',
  'QUEUE_LOCKED',
  'QUEUE_UNAVAILABLE',
  'ACCESS_REFUSED',
  'BROKER_ERROR',
] as const;

/** Whether the next task may be handled after this error. */
function isOfOneTask(error: unknown): boolean {
  if (error instanceof CommandFailure)
    return error instanceof FilterFailure || STATUSES_OF_ONE.includes(error.exitCode);
  return hasCode(error, ...CODES_OF_ONE);
}
