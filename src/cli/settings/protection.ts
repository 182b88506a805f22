import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { Context } from '../context.ts';
import { requireTerminal, requireYes } from '../terminal/confirmation.ts';
import { askToType } from '../terminal/prompts.ts';
import type { ChosenContext } from './chosen-context.ts';

/** Commands that remove messages or queues. */
const REMOVING: readonly string[] = ['dequeue', 'clear', 'mv', 'prune'];

/**
 * Before a command removes anything in a protected context, the user has to type the context's name, or give both
 * `--context NAME` and `--yes`. A dry run removes nothing and needs neither.
 * @throws CommandFailure declined (8); usage (2) if this is not a terminal
 */
export async function confirmProtected(
  command: CommandUnknownOpts,
  context: ChosenContext | undefined,
  stop: Context['stop'],
): Promise<void> {
  if (!context?.isProtected || !REMOVING.includes(command.name())) return;
  const { dryRun, yes } = command.opts() as { dryRun?: boolean; yes?: boolean };
  if (dryRun || (yes && context.source === '--context')) return;
  const what = `Context ${context.name} is protected`;
  requireTerminal(`Use --yes together with --context ${context.name}.`, `${what}: confirmation needed`);
  const message = `${what}. Type its name to continue with ${command.name()}:`;
  await requireYes(askToType({ stop }, message, context.name));
}
