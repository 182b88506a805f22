import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { formatCount } from '../text/sizes.ts';
import { UsageFailure } from '../usage-failure.ts';
import { askToType, askYesOrNo, hasTerminal } from './prompts.ts';

/** Above this number of messages, "y" is not enough. */
const MANY = 1000;

export interface DestructiveAction {
  /** The action as a question: `Remove 12 messages from task x?` */
  question: string;
  count: number;
  /** What to type to confirm a large loss. */
  confirmationText: string;
  /** Require typing, whatever the count, as more than one task is affected. */
  requiresTyping?: boolean;
}

/**
 * @param hint what to do instead
 * @throws UsageFailure if this is not a terminal; call it before looking up what would be lost
 */
export function requireTerminal(hint = 'Use --yes to skip it.', what = 'Confirmation needed'): void {
  if (!hasTerminal()) throw new UsageFailure(`${what}, but this is not a terminal`, hint);
}

/** @throws CommandFailure declined (8) unless the answer is yes */
export async function requireYes(answer: Promise<boolean>, done = 'done'): Promise<void> {
  if (!(await answer)) throw new CommandFailure(ExitCode.declined, `Declined; nothing was ${done}`);
}

/** Up to this many tasks are looked at without a question. */
const MOST_LOOKED_AT = 20;

/**
 * Asks to confirm a pattern that matches many tasks. Looking does not lose anything, so a few tasks need no question.
 * @throws CommandFailure declined (8); usage (2) if this is not a terminal
 */
export async function confirmMany(context: Context, tasks: number): Promise<void> {
  if (tasks <= MOST_LOOKED_AT) return;
  requireTerminal(`The pattern matches ${formatCount(tasks, 'task')}. Use --yes to look at all of them.`);
  const message = `Look at the messages of ${formatCount(tasks, 'task')}? This resets their idle time.`;
  await requireYes(askYesOrNo(context, message), 'looked at');
}

/**
 * Asks to confirm a loss: `y` for a small one, the confirmationText for a large one. Enter means no.
 * @throws CommandFailure declined (8); usage (2) if this is not a terminal
 */
export async function confirmLoss(
  context: Context,
  { question, count, confirmationText, requiresTyping }: DestructiveAction,
): Promise<void> {
  requireTerminal();
  const asked =
    requiresTyping || count > MANY
      ? askToType(context, `${question} Type ${confirmationText} to confirm:`, confirmationText)
      : askYesOrNo(context, question);
  const answer = asked.catch((error: unknown) => {
    if (!(error instanceof CommandFailure)) context.note('Stopped; nothing was done.');
    throw error;
  });
  await requireYes(answer);
}
