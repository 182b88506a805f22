import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
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
