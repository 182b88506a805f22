import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from '@commander-js/extra-typings';
import { hasCode } from '../../cli-shared.ts';
import type { StoredMessage } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { notBlank, type OptionsOf, wholeNumber } from '../input/option-values.ts';
import { filterFlag, selectionOf } from '../input/select-messages.ts';
import { howToResume } from '../output/drain-marker.ts';
import { APPEND, isFileName, OUT, OVERWRITE, openOutputFile } from '../output/output-file.ts';
import { depthBeforeReading, emptyFailure } from '../queues/missing-queue.ts';
import { dryRun } from '../reading/dry-run.ts';
import { MissedMessages } from '../reading/missed-messages.ts';
import { FORCE_FILTER, requirePlainQueue } from '../reading/plain-queue.ts';
import { runForMessage } from '../reading/run-for-message.ts';
import { noteHeldBack, noteWithheld } from '../reading/withheld.ts';
import { isRemovalUnsure, partialFailure } from '../replay/partial-failure.ts';
import { describeTarget } from '../settings/target.ts';
import { confirmLoss, requireTerminal } from '../terminal/confirmation.ts';
import { startProgress } from '../terminal/progress.ts';
import { awaitAnswer } from '../terminal/stall-notice.ts';
import { durationOption, exactDuration } from '../text/durations.ts';
import { formatCount } from '../text/sizes.ts';
import { safeId } from '../text/terminal-text.ts';
import { withClient } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Print the oldest messages of a task and remove them. A message is removed only once it is safe: on disk for
    a file, accepted by the system for a pipe, and with --exec after exit status 0. Removing more than one message
    needs confirmation if the terminal table may cut them off.`,
  examples: [
    ['mcp-taskq dequeue 786512e2', 'the next message'],
    ['mcp-taskq dequeue 786512e2 --all --out drained.jsonl', 'drain to a file'],
    ['mcp-taskq dequeue 786512e2 --wait 30s', 'wait for it up to 30 s'],
  ],
  statuses: '3 some removed, 5 no such task queue, 6 nothing there, 8 declined',
};

function declare() {
  return explain(new Command('dequeue'), HELP)
    .argument('<task_id>')
    .optionsGroup('Which messages:')
    .option('-n, --limit <n>', 'at most n messages (default: 1)', wholeNumber(1), 1)
    .addOption(new Option('--all', 'all messages present when the command starts').conflicts('limit'))
    .option(
      '--wait <dur>',
      'wait up to this long for each that is missing; with --all, until none comes',
      durationOption,
    )
    .addOption(filterFlag('only matching messages; others stay'))
    .optionsGroup('Where they go:')
    .addOption(OUT)
    .addOption(APPEND)
    .addOption(OVERWRITE)
    .addOption(
      new Option('--exec <command>', 'run for each message, with its body on stdin')
        .argParser(notBlank)
        .conflicts('out'),
    )
    .optionsGroup('Safety:')
    .option('--dry-run', 'print what would be removed, but remove nothing')
    .option('--force', FORCE_FILTER)
    .option('-y, --yes', 'skip the confirmation');
}

type DequeueOptions = OptionsOf<typeof declare>;

export function dequeueCommand() {
  return declare().action((taskId, options, self) =>
    withClient(self, (context) => dequeue(context, taskId, options)),
  );
}

async function dequeue(context: ClientContext, taskId: string, options: DequeueOptions): Promise<void> {
  const { client, stop } = context;
  const select = await selectionOf(options);
  const wanted = options.all ? undefined : options.limit;
  if (options.dryRun)
    return dryRun(context, taskId, { limit: wanted, select, verb: 'removed', force: options.force });
  const mustAsk = cutsOff(context, options) && !options.yes;
  if (mustAsk) requireTerminal(HOW_TO_SEE_ALL);
  const depth =
    options.wait === undefined
      ? await stop.race(awaitAnswer(context, depthBeforeReading(context, taskId)))
      : undefined;
  if (select && depth?.messages !== 0)
    await stop.race(requirePlainQueue(context, taskId, { ...options, mayBeUnknown: true }));
  const limit = mustAsk ? await agreedLimit(context, taskId, wanted, options, depth?.messages) : wanted;
  const writer =
    options.exec === undefined
      ? await openOutputFile(context, options, { inFull: limit === 1, isWhole: true, isRemoving: true })
      : undefined;
  if (select && depth !== undefined) noteWithheld(context, depth.messages);
  const progress = startProgress(Math.min(depth?.messages ?? 0, limit ?? Number.POSITIVE_INFINITY), {
    isOutputShown: options.exec !== undefined || (options.out === undefined && process.stdout.isTTY),
    reportsStalls: true,
  });
  let removed = 0;
  let handedOver = 0;
  /** How many the last look has left in the queue, as they do not match. */
  let staying = 0;
  const missed = new MissedMessages({ present: depth?.messages, limit, isSelection: select !== undefined });
  const handle = async (batch: StoredMessage[]) => {
    progress.pause();
    if (options.exec === undefined) await writer?.write(batch);
    else for (const message of batch) await runForMessage(context, options.exec, message);
    handedOver += batch.length;
    progress.update(removed);
  };
  const drain = async () => {
    const before = removed;
    select?.tally.startAgain();
    await client.drain(taskId, handle, {
      limit: limit === undefined ? undefined : limit - removed,
      // Each command handles one message, which is then acknowledged.
      batchSize: options.exec === undefined ? undefined : 1,
      select,
      signal: stop.signal,
      onRemoved: (count) => {
        removed += count;
        writer?.keep();
        progress.update(removed);
      },
      onEnd: (end) => {
        missed.add(end);
        staying = end.read - (removed - before);
      },
    });
    await writer?.settle();
  };
  const noteHeld = () => noteHeldBack(context, taskId, depth?.consumers ?? 0, 'removed');
  try {
    await drain();
    if (options.wait !== undefined) {
      const { wait } = options;
      // RabbitMQ may count a stream as empty, which would be waited for in vain.
      if (removed === 0) await stop.race(requirePlainQueue(context, taskId, { isEmpty: true }));
      for (let since = performance.now(); removed < (limit ?? Number.POSITIVE_INFINITY); ) {
        progress.pause();
        const before = removed;
        const isMore = await haveMoreCome(context, taskId, staying, since + wait);
        if (isMore || staying > 0) await drain();
        if (!isMore) break;
        if (removed > before) since = performance.now();
      }
      progress.pause();
    }
    progress.end();
    stop.signal.throwIfAborted();
    select?.tally.report(context);
    if (removed === 0 && !options.all) {
      noteHeld();
      const looked = select && { count: select.tally.looked, of: depth?.messages ?? select.tally.looked };
      throw emptyFailure(taskId, options.filter, looked);
    }
    const isEmptied = options.all && select === undefined && depth?.consumers === 0;
    await writer?.end({ emptied: isEmptied ? taskId : undefined });
  } catch (error) {
    progress.end();
    const abandoning = writer?.abandon({ mayBeBack: isRemovalUnsure(error) }).catch(() => false);
    const staying = (await abandoning) ? 0 : handedOver - removed;
    if (staying > 0) context.note(`Handed over, but still in the queue: ${formatCount(staying, 'message')}.`);
    throw partialFailure(
      context,
      error,
      removed,
      `removed from task ${taskId}`,
      resumeHint(context, options),
    );
  }
  if (options.all || options.out) {
    const where = isFileName(options.out) ? `, now in ${options.out}` : '';
    context.note(
      `Removed ${formatCount(removed, 'message')} from task ${taskId} on ${describeTarget(context)}${where}.`,
    );
  }
  if (options.all || removed < options.limit) noteHeld();
  const failure = missed.report(context, taskId, removed);
  if (failure !== undefined) throw failure;
}

const HOW_TO_SEE_ALL =
  'Write the messages in full with --out FILE or -o jsonl, or use --yes to remove what is cut off here.';

/** Whether messages are shown in a table, which cuts off long ones. */
function cutsOff({ format }: ClientContext, { limit, all, exec, out }: DequeueOptions): boolean {
  const isTable = format === 'table' && exec === undefined && !isFileName(out);
  return isTable && (all === true || limit > 1);
}

/**
 * Asks whether messages that are not shown in full may be removed. Does not ask about a single message, which is
 * shown in full.
 * @param wanted undefined for all messages
 * @param present messages in the queue; undefined if the command also waits for more
 * @returns the confirmed number of messages; undefined for all that arrive
 */
async function agreedLimit(
  context: ClientContext,
  taskId: string,
  wanted: number | undefined,
  { wait, filter }: DequeueOptions,
  present: number | undefined,
): Promise<number | undefined> {
  const most = present === undefined ? wanted : Math.min(present, wanted ?? present);
  if (most !== undefined && most <= 1) return 1;
  const upTo = filter || wait !== undefined ? 'up to ' : '';
  const what = most === undefined ? 'all messages' : `${upTo}${formatCount(most, 'message')}`;
  const matching = filter ? ' that match' : '';
  const waiting = wait === undefined ? '' : `, waiting ${exactDuration(wait)} for them`;
  await context.stop.race(
    confirmLoss(context, {
      question:
        `Remove ${what}${matching} from task ${safeId(taskId)} on ${describeTarget(context)}${waiting}? ` +
        'Each is shown on one line, which is cut off.',
      count: most ?? 0,
      confirmationText: safeId(taskId),
    }),
  );
  return most;
}

function resumeHint({ settings }: ClientContext, { out, all }: DequeueOptions): string | undefined {
  if (!isFileName(out) || !all) return undefined;
  return howToResume(out, settings.output === 'json');
}

const POLL_MS = 500;

/**
 * Whether messages arrive in time, besides those that stay in the queue. To look at these again and again would keep them from
 * other readers, and on a quorum queue count as deliveries. One may come as another is taken: the caller looks once more at
 * the end.
 */
async function haveMoreCome(
  { client, stop }: ClientContext,
  taskId: string,
  staying: number,
  giveUpAt: number,
): Promise<boolean> {
  if (staying === 0) {
    const timeoutMs = Math.max(0, giveUpAt - performance.now());
    return client.waitForMessage(taskId, { timeoutMs, signal: stop.signal }).then(
      () => true,
      (error) => {
        if (hasCode(error, 'WAIT_TIMEOUT')) return false;
        throw error;
      },
    );
  }
  for (let left = giveUpAt - performance.now(); left > 0; left = giveUpAt - performance.now()) {
    await stop.race(sleep(Math.min(POLL_MS, left)));
    const depth = await stop.race(client.depth(taskId));
    if ((depth?.messages ?? 0) !== staying) return true;
  }
  return false;
}
