import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { formatCount } from '../output/sizes.ts';
import { ask, hasTerminal } from './prompts.ts';

/** Above so many messages a mere "y" is too easy. */
const MANY = 1000;

export interface DestructiveAction {
  /** What would be done, as a question: `Remove 12 messages of task x?` */
  question: string;
  count: number;
  /** What to type when much is at stake. */
  confirmationText: string;
  /** More than one thing is at stake, whatever the count. */
  requiresTyping?: boolean;
}

/**
 * @param hint what to do instead
 * @throws CommandFailure (usage) when there is nobody to ask: better before what is at stake is looked up
 */
export function requireTerminal(hint = 'Use --yes to skip it.'): void {
  if (hasTerminal()) return;
  throw new CommandFailure(ExitCode.usage, 'Confirmation needed, but this is not a terminal', { hint });
}

/** As many tasks are looked at without a question. */
const MOST_LOOKED_AT = 20;

/**
 * Has it confirmed that a pattern is to be about so many tasks. Looking loses nothing, so that a few need no question.
 * @throws CommandFailure declined (8); usage (2) when there is no terminal to ask on
 */
export async function confirmMany(context: Context, tasks: number): Promise<void> {
  if (tasks <= MOST_LOOKED_AT) return;
  requireTerminal(`The pattern matches ${formatCount(tasks, 'task')}. Use --yes to look at all of them.`);
  const message = `Look at the messages of ${formatCount(tasks, 'task')}, which ends their idle time?`;
  if (await ask(context, message, ({ confirm }, where) => confirm({ message, default: false }, where)))
    return;
  throw new CommandFailure(ExitCode.declined, 'Declined; nothing was looked at');
}

/**
 * Has a loss confirmed: `y` for a small one, the confirmationText for a large one. Enter means no.
 * @throws CommandFailure declined (8); usage (2) when there is no terminal to ask on
 */
export async function confirmLoss(
  context: Context,
  { question, count, confirmationText, requiresTyping }: DestructiveAction,
): Promise<void> {
  requireTerminal();
  const message =
    requiresTyping || count > MANY ? `${question} Type ${confirmationText} to do it:` : question;
  const isSure = await ask(context, message, async ({ confirm, input }, where) =>
    message === question
      ? confirm({ message, default: false }, where)
      : (await input({ message }, where)).trim() === confirmationText,
  );
  if (!isSure) throw new CommandFailure(ExitCode.declined, 'Declined; nothing was done');
}
