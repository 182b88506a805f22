import { Command, Option } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { type OptionsOf, wholeNumber } from '../input/option-values.ts';
import { filterFlag, selectionOf } from '../input/select-messages.ts';
import { printResult } from '../output/result-line.ts';
import { chooseOneTask, chooseTasks, noteTasks } from '../queues/chosen-tasks.ts';
import { type CountedTask, countTasks, forEachTask } from '../queues/each-task.ts';
import { emptyFailure } from '../queues/missing-queue.ts';
import { dryRun } from '../reading/dry-run.ts';
import { MissedMessages } from '../reading/missed-messages.ts';
import { requirePlainQueue, requireReturns } from '../reading/plain-queue.ts';
import { noteHeldBack, noteWithheld } from '../reading/withheld.ts';
import { Destination, DroppedFailure, FORCE_BULK } from '../replay/destination.ts';
import { mostBack, partialFailure } from '../replay/partial-failure.ts';
import { Publishing } from '../replay/publishing.ts';
import { describeTarget } from '../settings/target.ts';
import { confirmLoss } from '../terminal/confirmation.ts';
import { startProgress } from '../terminal/progress.ts';
import { formatCount } from '../text/sizes.ts';
import { safeLine } from '../text/terminal-text.ts';
import { UsageFailure } from '../usage-failure.ts';
import { withClient } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Move messages to another task, in order, with the same bytes and properties. A message is removed once the
    broker has confirmed it at the destination; a message that is refused there stays. If the command is interrupted, a
    message may be in both tasks, but never in neither.`,
  examples: [
    ['mcp-taskq mv 786512e2 parked --all', 'move everything'],
    ["mcp-taskq mv 786512e2 parked --all --filter 'id == 7'", 'move some'],
  ],
  statuses: '3 some moved, 5 no such task queue, 6 nothing there, 8 declined',
};

function declare() {
  return explain(new Command('mv'), HELP)
    .argument('<from>')
    .argument('<to>')
    .optionsGroup('Which messages:')
    .option('-n, --limit <n>', 'at most n messages of each task', wholeNumber(1))
    .addOption(new Option('--all', 'all messages present when the command starts').conflicts('limit'))
    .addOption(filterFlag('only matching messages'))
    .option('-0, --null', 'with -: ids on stdin end with NUL')
    .optionsGroup('How to move:')
    .option('--no-create', 'fail if the destination has no queue, instead of creating it')
    .option('--keep-expiration', 'keep the expiration property; it restarts now')
    .option('--dry-run', 'print what would be moved, but move nothing')
    .option('--force', FORCE_BULK)
    .option('-y, --yes', 'skip the confirmation of a pattern or protected context');
}

type MoveOptions = OptionsOf<typeof declare>;

export function mvCommand() {
  return declare().action((from, to, options, self) =>
    withClient(self, (context) => move(context, from, to, options)),
  );
}

async function move(
  context: ClientContext,
  from: string,
  destination: string,
  options: MoveOptions,
): Promise<void> {
  if (options.limit === undefined && !options.all) {
    throw new UsageFailure('Give the number of messages to move: -n N or --all');
  }
  const to = await context.stop.race(chooseOneTask(context, destination));
  if (from === to) throw new UsageFailure('Source and destination are the same task');
  const chosen = await context.stop.race(chooseTasks(context, [from], { ...options, isRemoving: true }));
  // A pattern may also match the destination.
  const taskIds = chosen.taskIds.filter((taskId) => taskId !== to);
  const sources = await context.stop.race(countTasks(context, { ...chosen, taskIds }));
  if (options.dryRun) return dryRunAll(context, sources, to, { ...options, ...chosen });
  if (chosen.isPattern && !options.yes) await context.stop.race(confirmPattern(context, sources, to));
  await moveAll(context, sources, to, { ...options, ...chosen });
}

async function dryRunAll(
  context: ClientContext,
  sources: readonly CountedTask[],
  to: string,
  options: MoveOptions & { isPattern: boolean },
): Promise<void> {
  const { limit, force, create } = options;
  const destination = await openDestination(context, sources, to, options);
  if (sources.some(({ messages }) => messages > 0))
    await context.stop.race(context.client.checkPublish(to, { create }));
  const check = (messages: StoredMessage[]) => destination.checkFit(messages);
  const failure = await forEachTask(context, sources, options, async ({ taskId, messages }) => {
    if (messages > 0) await context.stop.race(requireReturns(context, taskId));
    const select = await selectionOf(options);
    return dryRun(context, taskId, { limit, select, verb: 'moved', force, check });
  });
  if (failure !== undefined) throw failure;
}

/** @throws CommandFailure declined (8); usage (2) if this is not a terminal */
async function confirmPattern(
  context: ClientContext,
  sources: readonly CountedTask[],
  to: string,
): Promise<void> {
  if (sources.length === 0) return;
  const count = sources.reduce((sum, { messages }) => sum + messages, 0);
  noteTasks(context, sources);
  const what = `${formatCount(count, 'message')} of ${formatCount(sources.length, 'task')}`;
  await confirmLoss(context, {
    question: `Move ${what} to task ${safeLine(to)} on ${describeTarget(context)}?`,
    count,
    confirmationText: String(sources.length),
    requiresTyping: true,
  });
}

async function moveAll(
  context: ClientContext,
  sources: readonly CountedTask[],
  to: string,
  options: MoveOptions & { isPattern: boolean },
): Promise<void> {
  // Far from the broker, connecting takes longer than looking up the limits of the destination.
  const connecting = context.client.connect('publish').catch(() => {});
  const destination = await openDestination(context, sources, to, options);
  await context.stop.race(connecting);
  const [only, ...others] = sources;
  const where = others.length === 0 && only ? `from task ${only.taskId} to task ${to}` : `to task ${to}`;
  let moved = 0;
  let endingError: unknown;
  let failure: unknown;
  try {
    const { isPattern } = options;
    const isEnding = (error: unknown) => error === endingError;
    const effect = () => (moved > 0 ? `${formatCount(moved, 'message')} moved ${where}` : undefined);
    failure = await forEachTask(context, sources, { isPattern, isEnding, effect }, async (source) => {
      const { create, keepExpiration } = options;
      const how = { create, keepExpiration, confirmStored: true };
      const publishing = new Publishing(context.client, destination, to, how);
      try {
        return await moveFrom(context, source, publishing, options);
      } finally {
        moved += publishing.confirmed;
        // What the destination refuses from one task, it refuses from the next.
        endingError = publishing.error;
      }
    });
  } catch (error) {
    failure = partialFailure(context, error, moved, `moved ${where}`);
  }
  const dropped = endingError instanceof DroppedFailure ? undefined : await destination.end();
  if (failure !== undefined && dropped !== undefined) context.note(`${dropped.message}.`);
  failure ??= dropped;
  if (failure !== undefined) throw failure;
}

async function openDestination(
  context: ClientContext,
  sources: readonly CountedTask[],
  to: string,
  { all, limit, filter, create, force: isForced }: MoveOptions,
): Promise<Destination> {
  const destination = await context.stop.race(Destination.open(context, to, { isForced, create }));
  const wanted = sources.reduce((sum, { messages }) => sum + Math.min(messages, limit ?? messages), 0);
  const [first, ...others] = sources;
  const isWhole = all && filter === undefined && others.length === 0;
  const least = filter === undefined ? wanted : Math.min(wanted, 1);
  await context.stop.race(destination.requireRoom(least, isWhole ? first : undefined));
  return destination;
}

/**
 * Moves the messages of one task.
 * @returns a failure if messages are left that should have been moved, or are gone
 * @throws the error that ended the move, after notes on where the messages are
 */
async function moveFrom(
  context: ClientContext,
  { taskId: from, messages: present, consumers }: CountedTask,
  publishing: Publishing,
  options: MoveOptions,
): Promise<unknown> {
  const { client, stop } = context;
  const { to } = publishing;
  const select = await selectionOf(options);
  const { limit } = options;
  // The destination may refuse some of them.
  if (present > 0) await stop.race(requireReturns(context, from));
  if (select && present > 0) {
    await stop.race(requirePlainQueue(context, from, { ...options, mayBeUnknown: true }));
    noteWithheld(context, present);
  }
  const progress = startProgress(Math.min(present, limit ?? present), {
    isOutputShown: false,
    reportsStalls: true,
  });
  const missed = new MissedMessages({ present, limit, isSelection: select !== undefined });
  let error: unknown;
  try {
    const put = async (batch: StoredMessage[]) => {
      const kept = await publishing.put(batch);
      progress.update(publishing.confirmed);
      return kept;
    };
    await client.drain(from, put, {
      limit,
      select,
      signal: AbortSignal.any([stop.signal, publishing.failed]),
      onEnd: missed.add,
    });
    stop.signal.throwIfAborted();
    error = publishing.error;
  } catch (reason) {
    error = reason;
  }
  progress.end();
  await publishing.report.print(context);
  if (error === undefined) select?.tally.report(context);
  const { confirmed: moved, refused } = publishing;
  const unsure = publishing.unsure + publishing.dropped + mostBack(error, moved);
  if (error === undefined && moved + refused.count === 0 && !options.all)
    throw emptyFailure(from, options.filter, select && { count: select.tally.looked, of: present });
  if (error === undefined && options.all) noteHeldBack(context, from, consumers, 'moved');
  if (error === undefined && refused.count === 0) {
    await printResult(
      context,
      `Moved ${formatCount(moved, 'message')} from task ${from} to task ${to} on ${describeTarget(context)}.`,
      { from, to, moved },
    );
    return missed.report(context, from, moved);
  }
  const notes = [
    unsure > 0 && `Up to ${formatCount(unsure, 'message')} may be in both tasks`,
    refused.count > 0 && `${refused.describe()}\nWhat was refused is still in task ${from}`,
  ].filter((each): each is string => each !== false);
  const left = await client.depth(from).catch(() => undefined);
  if (left !== undefined) notes.push(`Task ${from} has ${formatCount(left.messages, 'message')} now`);
  for (const each of notes) context.note(`${each}.`);
  if (error !== undefined) throw error;
  const gone = missed.report(context, from, moved + refused.count);
  if (gone !== undefined) context.note(`${gone.message}.`);
  return partialFailure(context, refused.firstError, moved, `moved from task ${from} to task ${to}`);
}
