import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { askToType, hasTerminal } from '../terminal/prompts.ts';
import { UsageFailure } from '../usage-failure.ts';
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
  if (!hasTerminal()) {
    throw new UsageFailure(
      `${what}: confirmation needed, but this is not a terminal`,
      `Use --yes together with --context ${context.name}.`,
    );
  }
  const message = `${what}. Type its name to continue with ${command.name()}:`;
  if (!(await askToType({ stop }, message, context.name)))
    throw new CommandFailure(ExitCode.declined, 'Declined; nothing was done');
}
