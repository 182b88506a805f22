import { Command, Option } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';
import type { CommandFailure } from '../command-failure.ts';
import { type ClientContext, withClient } from '../context.ts';
import { describeWithExamples } from '../help/help-text.ts';
import { durationOption, formatDuration } from '../input/durations.ts';
import type { MessageFilter } from '../input/filters.ts';
import { wholeNumber } from '../input/numbers.ts';
import { filterOption, type SelectionOptions, selectionOf } from '../input/select-messages.ts';
import { type OutputFileOptions, openOutputFile, outputFileOptions } from '../output/output-file.ts';
import { shellWords } from '../output/shell-words.ts';
import { formatCount } from '../output/sizes.ts';
import { depthOrFail, emptyFailure } from '../queues/missing-queue.ts';
import { dryRun } from '../reading/dry-run.ts';
import { runForMessage } from '../reading/run-for-message.ts';
import { noteWithheld } from '../reading/withheld.ts';
import { partialFailure } from '../replay/partial-failure.ts';
import { describeTarget } from '../settings/target.ts';
import { confirmLoss, requireTerminal } from '../terminal/confirmation.ts';
import { startProgress } from '../terminal/progress.ts';
import { awaitAnswer } from '../terminal/stall-notice.ts';
import { safeLine } from '../terminal/terminal-text.ts';

const DESCRIPTION = describeWithExamples(
  `Print the oldest messages of a task and remove them. A message is removed once it is written and safe: on disk
  for a file, taken over by the system for a pipe. What was not written stays in the queue. On a terminal, which cuts
  off long lines, more than one message is removed only after a question.`,
  [
    ['mcp-taskq dequeue 786512e2', 'the next message'],
    [
      'mcp-taskq dequeue 786512e2 --all --out 786512e2.jsonl',
      'drain to a file, to replay it with enqueue --from',
    ],
    [
      'mcp-taskq dequeue 786512e2 --all --exec ./deliver.sh',
      'hand each over; removed if the script exits with 0',
    ],
    ['mcp-taskq dequeue 786512e2 --wait 30s', 'the next message, also if it comes only now'],
  ],
);

interface DequeueOptions extends OutputFileOptions, SelectionOptions {
  limit: number;
  all?: true;
  exec?: string;
  wait?: number;
  dryRun?: true;
  yes?: true;
}

export function dequeueCommand() {
  const command = new Command('dequeue')
    .description(DESCRIPTION)
    .argument('<task_id>')
    .option('-n, --limit <n>', 'how many (default: 1)', wholeNumber(1), 1)
    .option('--all', 'all messages present when the command starts')
    .addOption(
      new Option(
        '--exec <command>',
        'run for each message: its body on standard input, MCP_TASKQ_* set',
      ).conflicts('out'),
    )
    .option('--wait <dur>', 'if there are not enough, wait this long for more', durationOption)
    .option('--dry-run', 'print what would be removed, and leave it')
    .option('-y, --yes', 'do not ask');
  filterOption(command, 'take only these; the rest stays where it is');
  outputFileOptions(command);
  return command.action((taskId, options, self) =>
    withClient(self, (context) => dequeue(context, taskId, options), { stopsByItself: true }),
  );
}

async function dequeue(context: ClientContext, taskId: string, options: DequeueOptions): Promise<void> {
  const { client, stop } = context;
  const select = await selectionOf(options);
  if (options.dryRun) {
    return dryRun(context, taskId, {
      limit: options.all ? undefined : options.limit,
      select,
      verb: 'removed',
    });
  }
  const mustAsk = cutsOff(context, options) && !options.yes;
  if (mustAsk) requireTerminal(HOW_TO_SEE_ALL);
  const depth =
    options.wait === undefined
      ? await stop.race(awaitAnswer(context, depthOrFail(client, taskId)))
      : undefined;
  const limit = mustAsk
    ? await agreedLimit(context, taskId, options, depth?.messages)
    : options.all
      ? undefined
      : options.limit;
  const writer =
    options.exec === undefined
      ? await openOutputFile(context, options, { inFull: limit === 1, isWhole: true, isRemoving: true })
      : undefined;
  if (select && depth !== undefined) noteWithheld(context, depth.messages);
  const progress = await startProgress(Math.min(depth?.messages ?? 0, limit ?? Number.POSITIVE_INFINITY), {
    isOutputShown: options.exec !== undefined || (options.out === undefined && process.stdout.isTTY),
    reportsStalls: true,
  });
  let removed = 0;
  const handle = async (batch: StoredMessage[]) => {
    progress.pause();
    if (options.exec === undefined) await writer?.write(batch);
    else for (const message of batch) await runForMessage(context, options.exec, message);
    progress.update(removed);
  };
  const drain = () =>
    client.drain(taskId, handle, {
      ...(limit !== undefined && { limit: limit - removed }),
      // A command handles one message, and that one is acknowledged.
      ...(options.exec !== undefined && { batchSize: 1 }),
      ...(select && { select }),
      signal: stop.signal,
      onRemoved: (count) => {
        removed += count;
        writer?.keep();
        progress.update(removed);
      },
    });
  try {
    await drain();
    if (options.wait !== undefined) {
      progress.pause();
      await keepWaiting(context, taskId, options.wait, async () => {
        if (removed < (limit ?? Number.POSITIVE_INFINITY)) await drain();
        progress.pause();
        return removed < (limit ?? Number.POSITIVE_INFINITY);
      });
    }
    progress.end();
    stop.signal.throwIfAborted();
    select?.tally.report(context);
    if (removed === 0 && !options.all) throw nothingFailure(taskId, options, select, depth?.messages);
    await writer?.end();
  } catch (error) {
    progress.end();
    await writer?.abandon().catch(() => {});
    throw partialFailure(context, error, removed, `removed from task ${taskId}`, resumeHint(taskId, options));
  }
  if (options.all || options.out) {
    const where = options.out ? `, now in ${options.out}` : '';
    context.note(
      `Removed ${formatCount(removed, 'message')} from task ${taskId} on ${describeTarget(context)}${where}.`,
    );
  }
}

const HOW_TO_SEE_ALL =
  'Write the messages in full with --out FILE or -o jsonl, or use --yes to remove what is cut off here.';

/** A table has a line for each message, and long ones are cut off in it. */
function cutsOff({ format }: ClientContext, { limit, all, exec, out }: DequeueOptions): boolean {
  const isTable = format === 'table' && exec === undefined && (out === undefined || out === '-');
  return isTable && (all === true || limit > 1);
}

/**
 * Asks whether messages that are not shown in full may be removed. One message alone is shown in full, and is not asked
 * about.
 * @param present how many there are; undefined when more are waited for
 * @returns as many as were agreed to; undefined for all that come
 */
async function agreedLimit(
  context: ClientContext,
  taskId: string,
  { limit, all, wait, filter }: DequeueOptions,
  present: number | undefined,
): Promise<number | undefined> {
  const wanted = all ? undefined : limit;
  const most = present === undefined ? wanted : Math.min(present, wanted ?? present);
  if (most !== undefined && most <= 1) return 1;
  const upTo = filter || wait !== undefined ? 'up to ' : '';
  const what = most === undefined ? 'all messages' : `${upTo}${formatCount(most, 'message')}`;
  const matching = filter ? ' that match' : '';
  const waiting = wait === undefined ? '' : `, waiting ${formatDuration(wait)} for them`;
  await context.stop.race(
    confirmLoss(context, {
      question:
        `Remove ${what}${matching} from task ${safeLine(taskId)} on ${describeTarget(context)}${waiting}? ` +
        'They are shown a line each, which is cut off.',
      count: most ?? 0,
      confirmationText: safeLine(taskId),
    }),
  );
  return most;
}

function nothingFailure(
  taskId: string,
  { filter }: DequeueOptions,
  select: MessageFilter | undefined,
  present: number | undefined,
): CommandFailure {
  const looked = select && { count: select.tally.looked, of: present ?? select.tally.looked };
  return emptyFailure(taskId, filter, looked);
}

/** How to go on after a failure without writing anything twice. */
function resumeHint(taskId: string, { out, all }: DequeueOptions): string | undefined {
  if (out === undefined || out === '-' || !all) return undefined;
  return `To go on: mcp-taskq dequeue ${shellWords([taskId, '--all', '--out', out, '--append'])}`;
}

/** Lets `more` drain whenever something has come, until it answers false or nothing came for `waitMs`. */
async function keepWaiting(
  { client, stop }: ClientContext,
  taskId: string,
  waitMs: number,
  more: () => Promise<boolean>,
): Promise<void> {
  const { isTaskQueueError } = await import('../../index.ts');
  try {
    while (await more()) await client.waitForMessage(taskId, { timeoutMs: waitMs, signal: stop.signal });
  } catch (error) {
    if (!(isTaskQueueError(error) && error.code === 'WAIT_TIMEOUT')) throw error;
  }
}
