import { Command, Option } from '@commander-js/extra-typings';
import type { PublishOptions, PublishResult, StoredMessage, TaskQueueClient } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { type ClientContext, withClient } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { wholeNumber } from '../input/numbers.ts';
import { filterOption, type SelectionOptions, selectionOf } from '../input/select-messages.ts';
import { printResult } from '../output/result-line.ts';
import { chooseOneTask, chooseTasks, noteTasks } from '../queues/chosen-tasks.ts';
import { depthOrFail, emptyFailure } from '../queues/missing-queue.ts';
import { dryRun } from '../reading/dry-run.ts';
import { requirePlainQueue } from '../reading/plain-queue.ts';
import { noteHeldBack, noteWithheld } from '../reading/withheld.ts';
import { FORCE_BULK, noteDropped, requireRoom } from '../replay/destination-limit.ts';
import { partialFailure } from '../replay/partial-failure.ts';
import { isOwnFault, RefusedMessages } from '../replay/refused-messages.ts';
import { ReplayReport } from '../replay/replay-report.ts';
import { describeTarget } from '../settings/target.ts';
import { confirmLoss } from '../terminal/confirmation.ts';
import { startProgress } from '../terminal/progress.ts';
import { formatCount } from '../text/sizes.ts';
import { safeLine } from '../text/terminal-text.ts';

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

interface MoveOptions extends SelectionOptions {
  limit?: number;
  all?: true;
  dryRun?: true;
  create?: boolean;
  keepExpiration?: true;
  force?: true;
  null?: true;
  yes?: true;
}

export function mvCommand() {
  const command = explain(new Command('mv'), HELP)
    .argument('<from>')
    .argument('<to>')
    .optionsGroup('Which messages:')
    .option('-n, --limit <n>', 'at most n messages', wholeNumber(1))
    .addOption(new Option('--all', 'all messages present when the command starts').conflicts('limit'));
  filterOption(command, 'only matching messages');
  command
    .option('-0, --null', 'with -: ids on stdin end with NUL')
    .optionsGroup('How to move:')
    .option('--no-create', 'fail if the destination has no queue, instead of creating it')
    .option('--keep-expiration', 'keep the expiration property; it restarts now')
    .option('--dry-run', 'print what would be moved, but move nothing')
    .option('--force', FORCE_BULK)
    .option('-y, --yes', 'skip the confirmation of a pattern or protected context');
  return command.action((from, to, options, self) =>
    withClient(self, (context) => move(context, from, to, options), { stopsByItself: true }),
  );
}

async function move(
  context: ClientContext,
  from: string,
  destination: string,
  options: MoveOptions,
): Promise<void> {
  if (options.limit === undefined && !options.all) {
    throw new CommandFailure(ExitCode.usage, 'Give the number of messages to move: -n N or --all');
  }
  const to = await context.stop.race(chooseOneTask(context, destination));
  if (from === to) throw new CommandFailure(ExitCode.usage, 'Source and destination are the same task');
  const chosen = await context.stop.race(chooseTasks(context, [from], { ...options, isRemoving: true }));
  // A pattern may also match the destination.
  const sources = chosen.taskIds.filter((taskId) => taskId !== to);
  if (chosen.isPattern && !options.yes && !options.dryRun)
    await context.stop.race(confirmPattern(context, sources, to));
  for (const source of sources) await moveFrom(context, source, to, options);
}

/** @throws CommandFailure declined (8); usage (2) if this is not a terminal */
async function confirmPattern(context: ClientContext, sources: readonly string[], to: string): Promise<void> {
  if (sources.length === 0) return;
  const depths = await Promise.all(sources.map((taskId) => context.client.depth(taskId)));
  const tasks = sources.map((taskId, index) => ({ taskId, messages: depths[index]?.messages ?? 0 }));
  const count = tasks.reduce((sum, { messages }) => sum + messages, 0);
  noteTasks(context, tasks);
  const what = `${formatCount(count, 'message')} of ${formatCount(sources.length, 'task')}`;
  await confirmLoss(context, {
    question: `Move ${what} to task ${safeLine(to)} on ${describeTarget(context)}?`,
    count,
    confirmationText: String(sources.length),
    requiresTyping: true,
  });
}

async function moveFrom(
  context: ClientContext,
  from: string,
  to: string,
  options: MoveOptions,
): Promise<void> {
  const { client, stop } = context;
  const select = await selectionOf(options);
  const limit = options.all ? undefined : options.limit;
  if (options.dryRun) return dryRun(context, from, { limit, select, verb: 'moved' });
  const depth = await stop.race(depthOrFail(client, from));
  if (select && depth.messages > 0) {
    await stop.race(requirePlainQueue(context, from, { ...options, mayBeUnknown: true }));
    noteWithheld(context, depth.messages);
  }
  const destination = await stop.race(client.depth(to));
  const least = select ? 1 : Math.min(depth.messages, limit ?? depth.messages);
  if (depth.messages > 0)
    await stop.race(requireRoom(context, to, destination, least, options.force === true));
  const progress = await startProgress(Math.min(depth.messages, limit ?? depth.messages), {
    isOutputShown: false,
    reportsStalls: true,
  });
  const move = new Move(client, to, {
    create: options.create ?? true,
    keepExpiration: options.keepExpiration ?? false,
    confirmStored: true,
  });
  let error: unknown;
  try {
    const put = async (batch: StoredMessage[]) => {
      const kept = await move.put(batch);
      progress.update(move.moved);
      return kept;
    };
    await client.drain(from, put, {
      limit,
      select,
      signal: AbortSignal.any([stop.signal, move.failed]),
    });
    stop.signal.throwIfAborted();
    error = move.error;
  } catch (reason) {
    error = reason;
  }
  progress.end();
  await move.report.print(context);
  if (error === undefined) select?.tally.report(context);
  const { moved, unsure, refused } = move;
  if (error === undefined && moved + refused.count === 0 && !options.all)
    throw emptyFailure(from, options.filter, select && { count: select.tally.looked, of: depth.messages });
  if (move.moved > 0) await noteDropped(context, to, destination, move.moved);
  if (error === undefined && options.all) noteHeldBack(context, from, depth.consumers, 'moved');
  if (error === undefined && refused.count === 0) {
    return printResult(
      context,
      `Moved ${formatCount(moved, 'message')} from task ${from} to task ${to} on ${describeTarget(context)}.`,
      {
        from,
        to,
        moved,
      },
    );
  }
  const notes = [
    unsure > 0 && `${formatCount(unsure, 'message')} may be in both tasks`,
    refused.count > 0 && `${refused.describe()}\nWhat was refused is still in task ${from}`,
  ].filter((each): each is string => each !== false);
  const left = await client.depth(from).catch(() => undefined);
  if (left !== undefined) notes.push(`Task ${from} has ${formatCount(left.messages, 'message')} now`);
  for (const each of notes) context.note(`${each}.`);
  throw partialFailure(context, error ?? refused.firstError, moved, `moved from task ${from} to task ${to}`);
}

/** Publishes batches to another task. Confirmed messages may be removed from the source; the rest stays there. */
class Move {
  readonly report = new ReplayReport();
  readonly refused = new RefusedMessages();
  moved = 0;
  /** Messages that were not confirmed but may have arrived. */
  unsure = 0;
  /** The error that stopped the move. */
  error: unknown;
  readonly #failed = new AbortController();
  readonly #client: TaskQueueClient;
  readonly #to: string;
  readonly #options: PublishOptions;
  #seen = 0;

  constructor(client: TaskQueueClient, to: string, options: PublishOptions) {
    this.#client = client;
    this.#to = to;
    this.#options = options;
  }

  /** Aborted by any failure that is not specific to one message. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** @returns the messages not confirmed by the broker */
  async put(batch: StoredMessage[]): Promise<StoredMessage[]> {
    const outcomes = await Promise.allSettled(
      batch.map((message) => this.#client.publish(this.#to, message, this.#options)),
    );
    return batch.filter((message, index) => {
      this.#seen++;
      const outcome = outcomes[index] as PromiseSettledResult<PublishResult>;
      if (outcome.status === 'fulfilled') {
        this.moved++;
        this.report.add(outcome.value.changes);
        return false;
      }
      this.#fail(message, outcome.reason);
      return true;
    });
  }

  #fail({ properties }: StoredMessage, error: unknown): void {
    if (isOwnFault(error)) {
      const id =
        properties.message_id === undefined ? '' : ` (message_id ${JSON.stringify(properties.message_id)})`;
      this.refused.add(`message ${this.#seen}${id}`, error);
      return;
    }
    if ((error as { code?: unknown }).code === 'PUBLISH_UNCONFIRMED') this.unsure++;
    this.error ??= error;
    this.#failed.abort();
  }
}
