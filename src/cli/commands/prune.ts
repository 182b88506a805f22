import { Command } from '@commander-js/extra-typings';
import type { PruneOutcome, TaskQueueError, TaskQueueInfo } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { type ClientContext, withClient } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeWithExamples } from '../help/help-text.ts';
import { hintFor } from '../hints.ts';
import { ageOption, formatDuration } from '../input/durations.ts';
import { noteLeftOut, noteOtherVhosts } from '../output/left-out.ts';
import { formatCount } from '../output/sizes.ts';
import { describeTarget } from '../settings/target.ts';
import { confirmLoss, requireTerminal } from '../terminal/confirmation.ts';
import { safeLine } from '../terminal/terminal-text.ts';

const DESCRIPTION = describeWithExamples(
  `Delete the queues of tasks that are empty, that nobody consumes from and that nothing was done with for a while.
Each is checked again by the broker as it is deleted: a message that came meanwhile keeps its queue. Quorum queues
are left alone. Looking at a queue, with ls or peek, is doing something with it. Needs the management plugin.`,
  [
    ['mcp-taskq prune --dry-run', 'what would go'],
    ['mcp-taskq prune --idle 1d --yes', 'from cron'],
    ['mcp-taskq prune --pattern "build-*" --idle 10m', 'some tasks only'],
  ],
);

interface PruneOptions {
  pattern?: string;
  idle: number;
  dryRun?: true;
  yes?: true;
}

export function pruneCommand() {
  return new Command('prune')
    .description(DESCRIPTION)
    .option('--pattern <glob>', 'task ids to look at (default: all)')
    .option('--idle <dur>', 'nothing done with it for so long (default: 1h)', ageOption, 3_600_000)
    .option('--dry-run', 'print what would be deleted, and leave it')
    .option('-y, --yes', 'do not ask')
    .action((options, self) =>
      withClient(self, (context) => prune(context, options), { stopsByItself: true }),
    );
}

async function prune(context: ClientContext, options: PruneOptions): Promise<void> {
  const { client, settings, stop, note } = context;
  for (const warning of settings.apiWarnings) note(`warning: ${warning}`);
  const mustAsk = !options.dryRun && !options.yes;
  if (mustAsk) requireTerminal();
  const { findIdleTaskQueues, pruneTaskQueues, verifySameBroker } = await import('../../index.ts');
  const sides = { ...settings.connection, apiUrl: settings.apiUrl, signal: stop.signal };
  await stop.race(verifySameBroker(sides));
  const found = findIdleTaskQueues({
    ...sides,
    idleMs: options.idle,
    onLeftOut: (leftOut) => noteLeftOut(context, leftOut),
    onOtherVhosts: (count) => noteOtherVhosts(context, count),
    ...(options.pattern !== undefined && { glob: options.pattern }),
  });
  // All pages are read first: deleting would shift them.
  const queues = await stop.race(collect(found));
  const about = `${formatCount(queues.length, 'empty, unused queue')} idle for ${formatDuration(options.idle)} or longer on ${describeTarget(context)}`;
  if (queues.length === 0) {
    note(`${about}: nothing to do.`);
    return;
  }
  if (options.dryRun) {
    for (const { taskId } of queues) await report(context, { taskId, outcome: 'would delete' });
    note(`${about} would be deleted; nothing was deleted.`);
    return;
  }
  if (mustAsk) {
    for (const { taskId } of queues.slice(0, SHOWN)) note(`  ${safeLine(taskId)}`);
    if (queues.length > SHOWN) note(`  and ${queues.length - SHOWN} more (--dry-run lists all)`);
    const question = `Delete ${about}?`;
    await stop.race(
      confirmLoss(context, { question, count: queues.length, confirmationText: String(queues.length) }),
    );
  }
  const counts = { deleted: 0, kept: 0, failed: 0 };
  let failure: TaskQueueError | undefined;
  for await (const outcome of pruneTaskQueues(
    client,
    queues.map(({ taskId }) => taskId),
  )) {
    counts[outcome.outcome]++;
    if (outcome.outcome === 'failed') failure ??= outcome.error;
    await report(context, outcome);
    if (stop.signal.aborted) break;
  }
  const left = counts.kept > 0 ? `, ${counts.kept} kept, as they have come into use` : '';
  note(`${formatCount(counts.deleted, 'queue')} deleted on ${describeTarget(context)}${left}.`);
  stop.signal.throwIfAborted();
  if (failure !== undefined) {
    const refused = failure.code === 'ACCESS_REFUSED' ? ExitCode.refused : ExitCode.failed;
    throw new CommandFailure(
      counts.deleted > 0 ? ExitCode.partly : refused,
      `${formatCount(counts.failed, 'queue')} could not be deleted. ${failure.message}`,
      { hint: hintFor(failure), cause: failure },
    );
  }
}

/** Listed before the question; more would scroll it away. */
const SHOWN = 20;

async function collect(pages: AsyncIterable<TaskQueueInfo[]>): Promise<TaskQueueInfo[]> {
  const queues: TaskQueueInfo[] = [];
  for await (const page of pages) queues.push(...page);
  return queues;
}

async function report(
  { stdout, format }: ClientContext,
  outcome: PruneOutcome | { taskId: string; outcome: 'would delete' },
): Promise<void> {
  const error = outcome.outcome === 'failed' ? outcome.error.message : undefined;
  const line =
    format === 'table'
      ? `${outcome.outcome}  ${safeLine(outcome.taskId)}${error ? `  ${safeLine(error)}` : ''}`
      : safeLine(
          JSON.stringify({ task_id: outcome.taskId, outcome: outcome.outcome.replace(' ', '_'), error }),
        );
  await stdout.write(`${line}\n`);
}
