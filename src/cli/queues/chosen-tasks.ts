import { buffer } from 'node:stream/consumers';
import { hasControlCharacter } from '../../cli-shared.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { openLines } from '../input/input-lines.ts';
import { utf8Text } from '../input/utf8-text.ts';
import { noteUnusable } from '../output/left-out.ts';
import { describeTarget } from '../settings/target.ts';
import { formatCount } from '../text/sizes.ts';
import { safeId } from '../text/terminal-text.ts';
import { UsageFailure } from '../usage-failure.ts';

/** The tasks that the ids on a command line stand for. */
export interface ChosenTasks {
  taskIds: readonly string[];
  /** Some were found by a pattern, so the user does not know how many there are, or which. */
  isPattern: boolean;
}

export interface ChooseOptions {
  /** Ids on stdin end with NUL instead of a line feed. */
  null?: boolean;
  /** Messages will be removed, so the management API must belong to the same broker. */
  isRemoving?: boolean;
}

/**
 * Resolves task ids, `-` for ids on stdin, and patterns, in which `*` is any text and `?` any character. A task whose
 * id equals the pattern takes precedence; a backslash makes `*` and `?` ordinary characters.
 * @throws CommandFailure no such queue (5) if nothing matches a pattern; usage (2) if stdin contains no ids
 */
export async function chooseTasks(
  context: ClientContext,
  words: readonly string[],
  { null: endsWithNull = false, isRemoving = false }: ChooseOptions,
): Promise<ChosenTasks> {
  if (endsWithNull && !words.includes('-'))
    throw new UsageFailure('--null needs "-", which reads ids from standard input');
  const taskIds = new Set<string>();
  let isPattern = false;
  for (const word of words) {
    if (word === '-') {
      for (const id of await idsFromInput(endsWithNull)) taskIds.add(id);
    } else if (!hasWildcard(word) || (await context.client.depth(word)) !== undefined) {
      taskIds.add(withoutEscapes(word));
    } else {
      isPattern = true;
      for (const id of await matching(context, word)) taskIds.add(id);
    }
  }
  if (isPattern && isRemoving) {
    const { verifySameBroker } = await import('../../cli-support.ts');
    const { connection, apiUrl } = context.settings;
    await verifySameBroker({ ...connection, apiUrl, signal: context.stop.signal });
  }
  return { taskIds: [...taskIds], isPattern };
}

/**
 * The one task that a word stands for: a destination. Escapes are those of a pattern.
 * @throws CommandFailure usage (2) for a pattern, unless there is a task of this very id
 */
export async function chooseOneTask({ client }: ClientContext, word: string): Promise<string> {
  if (!hasWildcard(word) || (await client.depth(word)) !== undefined) return withoutEscapes(word);
  throw new UsageFailure(
    `The destination is one task, and ${JSON.stringify(word)} is a pattern`,
    String.raw`If its id really has a * or ?, write \* or \?.`,
  );
}

/** More would not fit on the screen. */
const SHOWN_TASKS = 10;

/** Lists tasks before a question about them. */
export function noteTasks(
  { note }: ClientContext,
  tasks: readonly { taskId: string; messages: number; failure?: unknown }[],
): void {
  for (const { taskId, messages, failure } of tasks.slice(0, SHOWN_TASKS)) {
    const what = failure === undefined ? formatCount(messages, 'message') : 'not counted, and skipped';
    note(`  ${safeId(taskId)}  ${what}`);
  }
  const more = tasks.length - SHOWN_TASKS;
  if (more > 0) note(`  and ${formatCount(more, 'more task')}`);
}

function hasWildcard(word: string): boolean {
  return /[*?]/.test(word.replace(/\\./gs, ''));
}

function withoutEscapes(word: string): string {
  return hasWildcard(word) ? word : word.replace(/\\([*?])/g, '$1');
}

async function idsFromInput(endsWithNull: boolean): Promise<string[]> {
  const source = await openLines('-');
  const ids: string[] = [];
  try {
    if (endsWithNull) {
      ids.push(...utf8Text(await buffer(source.chunks()), 'Standard input').split('\0'));
    } else {
      // Spaces are part of an id; a carriage return before the line feed is not.
      for await (const lines of source.lines())
        for (const { text, number } of lines)
          ids.push(utf8Text(text, `Line ${number} of standard input`).replace(/\r$/, ''));
    }
  } finally {
    await source.close();
  }
  const given = ids.filter((id) => id !== '');
  if (given.length === 0) throw new UsageFailure('Standard input contains no task ids');
  return given;
}

async function matching(context: ClientContext, glob: string): Promise<string[]> {
  const { listQueues } = await import('./list-queues.ts');
  const found: string[] = [];
  for await (const page of listQueues(context, { glob, source: 'none', signal: context.stop.signal }))
    for (const { taskId } of page) found.push(taskId);
  const ids = found.filter((id) => !hasControlCharacter(id));
  noteUnusable(context, found.length - ids.length);
  if (ids.length === 0) {
    const message = `No task matches ${JSON.stringify(glob)} on ${describeTarget(context)}`;
    throw new CommandFailure(ExitCode.noSuchQueue, message);
  }
  return ids;
}
