import { hasCode } from '../../cli-shared.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode, getExitCode } from '../exit-codes.ts';
import { formatCount } from '../text/sizes.ts';
import type { ChosenTasks } from './chosen-tasks.ts';
import { depthOrFail, noneOf } from './missing-queue.ts';

/** A task that was chosen, and what was in it when the command started. */
export interface CountedTask {
  taskId: string;
  messages: number;
  consumers: number;
}

/**
 * Counts the messages of all tasks before anything is done: an id may be mistyped.
 * @throws CommandFailure no such queue (5) unless the tasks were found by a pattern: those may be gone by now
 */
export async function countTasks(
  context: Pick<ClientContext, 'client' | 'settings'>,
  { taskIds, isPattern }: ChosenTasks,
): Promise<CountedTask[]> {
  const counted: CountedTask[] = [];
  for (const taskId of taskIds) {
    const depth = isPattern ? await context.client.depth(taskId) : await depthOrFail(context, taskId);
    if (depth !== undefined) counted.push({ taskId, ...depth });
  }
  return counted;
}

/** How a command fared with its tasks. */
export interface TaskTally {
  tasks: number;
  /** Tasks that were handled completely. */
  done: number;
  /** Tasks that could not be handled. */
  skipped: number;
  /** Tasks that were not handled completely. */
  incomplete: number;
  /** The failure of the first that was skipped or is incomplete. */
  failure: unknown;
  /** The failure of the first task in which there was nothing to do. */
  nothingThere: unknown;
}

/**
 * Handles tasks one after another. If one of several cannot be handled, that is noted, and the next one follows.
 * @param options `isEnding` says of an error that it concerns the next tasks too
 * @param handle resolves to a failure if the task was not handled completely, but the next one may be
 * @throws what `handle` throws for a single task, and what concerns all of them
 */
export async function forEachTask<T extends { taskId: string }>(
  { note }: Pick<ClientContext, 'note'>,
  tasks: readonly T[],
  { isPattern, isEnding = () => false }: { isPattern: boolean; isEnding?: (error: unknown) => boolean },
  handle: (task: T) => Promise<unknown>,
): Promise<TaskTally> {
  const tally: TaskTally = {
    tasks: tasks.length,
    done: 0,
    skipped: 0,
    incomplete: 0,
    failure: undefined,
    nothingThere: undefined,
  };
  for (const task of tasks) {
    try {
      const failure = await handle(task);
      if (failure === undefined) {
        tally.done++;
        continue;
      }
      tally.incomplete++;
      tally.failure ??= failure;
      if (tasks.length > 1) note((failure as Error).message.replace(/\.?$/, '.'));
    } catch (error) {
      if (tasks.length === 1 || isEnding(error) || !isOfOneTask(error)) throw error;
      const status = error instanceof CommandFailure ? error.exitCode : undefined;
      if (status === ExitCode.nothingThere) tally.nothingThere ??= error;
      // A task that matched a pattern may be gone by now.
      else if (status !== ExitCode.noSuchQueue || !isPattern) {
        tally.skipped++;
        tally.failure ??= error;
        note(`${(error as Error).message}; skipped.`);
      }
    }
  }
  return tally;
}

/**
 * The failure of a command that has skipped tasks, or has not handled them completely: partly done (3), or what the first
 * failure says if the command has done nothing; nothing there (6) if no task had anything.
 * @param effect what was done, even if no task was handled completely; `undefined` if nothing was
 * @returns `undefined` if there is none
 */
export function tallyFailure(
  { tasks, done, skipped, incomplete, failure, nothingThere }: TaskTally,
  effect?: string | undefined,
): unknown {
  if (skipped + incomplete === 0) {
    return done === 0 && nothingThere !== undefined ? noneOf(tasks, nothingThere) : undefined;
  }
  if (tasks === 1) return failure;
  const parts = [
    skipped > 0 && `${formatCount(skipped, 'task')} skipped`,
    incomplete > 0 && `${formatCount(incomplete, 'task')} not handled completely`,
    effect,
  ];
  const status = effect !== undefined || done > 0 ? ExitCode.partly : getExitCode(failure);
  return new CommandFailure(status, parts.filter((part) => part).join('; '), { cause: failure });
}

const STATUSES_OF_ONE: readonly number[] = [
  ExitCode.failed,
  ExitCode.refused,
  ExitCode.noSuchQueue,
  ExitCode.nothingThere,
];

const CODES_OF_ONE = ['UNSUPPORTED', 'QUEUE_LOCKED', 'QUEUE_UNAVAILABLE', 'ACCESS_REFUSED'] as const;

/** Whether the next task may be handled after this error. */
function isOfOneTask(error: unknown): boolean {
  if (error instanceof CommandFailure) return STATUSES_OF_ONE.includes(error.exitCode);
  return hasCode(error, ...CODES_OF_ONE);
}
