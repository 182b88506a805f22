import { Command } from '@commander-js/extra-typings';
import type { PruneOutcome, TaskQueueError, TaskQueueInfo } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { hintFor } from '../hints.ts';
import { notBlank, type OptionsOf } from '../input/option-values.ts';
import { noteLeftOut } from '../output/left-out.ts';
import { recordList } from '../output/record-list.ts';
import { reportSink } from '../output/sinks.ts';
import { refusedDeletion } from '../queues/refused-deletion.ts';
import { describeTarget } from '../settings/target.ts';
import { confirmLoss, requireTerminal } from '../terminal/confirmation.ts';
import { ageOption, exactDuration } from '../text/durations.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';
import { safeId, safeLine } from '../text/terminal-text.ts';
import { withClient } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Delete task queues that are empty, have no consumer and have been idle for a while. RabbitMQ checks each queue
    again when it is deleted, so a queue with a new message stays. Quorum queues are skipped. A peek counts as
    activity. Needs the management plugin of RabbitMQ.`,
  examples: [
    ['mcp-taskq prune --dry-run', 'what would go?'],
    ['mcp-taskq prune --yes', 'from cron'],
    ['mcp-taskq prune --pattern "build-*" --idle 10m', 'only some tasks'],
  ],
  statuses: '2 not confirmed (no terminal), 3 some deleted, 8 declined',
};

function declare() {
  return explain(new Command('prune'), HELP)
    .option('--pattern <glob>', 'only task ids that match (default: all)', notBlank)
    .option('--idle <dur>', 'idle for at least this long (default: 1h)', ageOption, 3_600_000)
    .option('--dry-run', 'print what would be deleted, but delete nothing')
    .option('-y, --yes', 'skip the confirmation');
}

type PruneOptions = OptionsOf<typeof declare>;

export function pruneCommand() {
  return declare().action((options, self) =>
    withClient(self, (context) => prune(context, options), { usesApi: true }),
  );
}

async function prune(context: ClientContext, options: PruneOptions): Promise<void> {
  const { client, settings, stop, note } = context;
  const mustAsk = !options.dryRun && !options.yes;
  if (mustAsk) requireTerminal();
  const { findIdleTaskQueues, pruneTaskQueues } = await import('../../index.ts');
  const { verifySameBroker } = await import('../../cli-support.ts');
  const sides = { ...settings.connection, apiUrl: settings.apiUrl, signal: stop.signal };
  await stop.race(verifySameBroker(sides));
  const found = findIdleTaskQueues({
    ...sides,
    idleMs: options.idle,
    onLeftOut: (leftOut) => noteLeftOut(context, leftOut),
    ...(options.pattern !== undefined && { glob: options.pattern }),
  });
  // Reads all pages first, as deleting would shift them.
  const queues = await stop.race(collect(found));
  const report = reporter(context);
  const about = `${formatCount(queues.length, 'empty, unused queue')} idle for ${exactDuration(options.idle)} or longer on ${describeTarget(context)}`;
  if (queues.length === 0) {
    await report.end();
    note(`${about}: nothing to do.`);
    return;
  }
  if (options.dryRun) {
    // About one queue only: each question is a line in the log of the broker.
    const refused = await stop.race(refusedDeletion(context, (queues[0] as TaskQueueInfo).taskId));
    if (refused !== undefined) throw refused;
    for (const { taskId } of queues) await report.write({ taskId, outcome: 'would delete' });
    await report.end();
    note(`${about} would be deleted; nothing was deleted.`);
    return;
  }
  if (mustAsk) {
    for (const { taskId } of queues.slice(0, SHOWN)) note(`  ${safeId(taskId)}`);
    if (queues.length > SHOWN)
      note(`  and ${formatNumber(queues.length - SHOWN)} more (--dry-run lists all)`);
    const question = `Delete ${about}?`;
    await stop.race(
      confirmLoss(context, { question, count: queues.length, confirmationText: String(queues.length) }),
    );
  }
  const counts = { deleted: 0, kept: 0, failed: 0 };
  let failure: TaskQueueError | undefined;
  const taskIds = queues.map(({ taskId }) => taskId);
  try {
    for await (const outcome of pruneTaskQueues(client, taskIds)) {
      counts[outcome.outcome]++;
      if (outcome.outcome === 'failed') failure ??= outcome.error;
      await report.write(outcome);
      if (stop.signal.aborted) break;
    }
    await report.end();
  } catch (error) {
    await report.end().catch(() => {});
    if (counts.deleted === 0) throw error;
    const { message } = error as Error;
    const deleted = `${formatCount(counts.deleted, 'queue')} ${counts.deleted === 1 ? 'was' : 'were'} deleted`;
    throw new CommandFailure(ExitCode.partly, `${message}. Before that, ${deleted}`, {
      hint: hintFor(error as Error),
      cause: error,
    });
  }
  const left = counts.kept > 0 ? `, ${counts.kept} kept because they are now in use` : '';
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

/** At most this many are listed before the question, so that they stay on the screen. */
const SHOWN = 20;

async function collect(pages: AsyncIterable<TaskQueueInfo[]>): Promise<TaskQueueInfo[]> {
  const queues: TaskQueueInfo[] = [];
  for await (const page of pages) queues.push(...page);
  return queues;
}

function reporter(context: ClientContext) {
  const { format } = context;
  const stdout = reportSink(context.stdout);
  const list = format === 'table' ? undefined : recordList({ stdout, format });
  return {
    async write(pruned: PruneOutcome | { taskId: string; outcome: 'would delete' }): Promise<void> {
      const { taskId, outcome } = pruned;
      const error = pruned.outcome === 'failed' ? pruned.error.message : undefined;
      const failure = error === undefined ? '' : `  ${safeLine(error)}`;
      if (list === undefined) await stdout.write(`${outcome}  ${safeId(taskId)}${failure}\n`);
      else await list.write([{ task_id: taskId, outcome: outcome.replace(' ', '_'), error }]);
    },
    end: async () => list?.end(),
  };
}
