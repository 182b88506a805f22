import { CommandFailure } from './command-failure.ts';
import type { Context } from './context.ts';
import { ExitCode } from './exit-codes.ts';
import { standardError } from './standard-error.ts';

/** Above so many messages a mere "y" is too easy. */
const MANY = 1000;

export interface Loss {
  /** What would be done, as a question: `Remove 12 messages of task x?` */
  question: string;
  count: number;
  /** What to type when much is at stake. */
  phrase: string;
  /** More than one thing is at stake, whatever the count. */
  isWide?: boolean;
}

/** True when there is somebody to ask: prompts go to stderr, and answers come from stdin. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY === true && standardError().isTTY === true;
}

/** @throws CommandFailure (usage) when there is nobody to ask: better before what is at stake is looked up */
export function requireTerminal(): void {
  if (hasTerminal()) return;
  throw new CommandFailure(ExitCode.usage, 'This needs to be confirmed, and there is no terminal to ask on', {
    hint: 'Say --yes.',
  });
}

/**
 * Has a loss confirmed: `y` for a small one, the phrase for a large one. Enter means no.
 * @throws CommandFailure declined (8); usage (2) when there is no terminal to ask on
 */
export async function confirmLoss(
  context: Context,
  { question, count, phrase, isWide }: Loss,
): Promise<void> {
  requireTerminal();
  const { confirm, input } = await import('@inquirer/prompts');
  const where = { output: standardError(), signal: context.stop.signal };
  const isSure =
    isWide || count > MANY
      ? (await input({ message: `${question} Type ${phrase} to do it:` }, where)).trim() === phrase
      : await confirm({ message: question, default: false }, where);
  if (!isSure) throw new CommandFailure(ExitCode.declined, 'Declined; nothing was done');
}
