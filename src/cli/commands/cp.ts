import { Command, Option } from '@commander-js/extra-typings';
import { MAX_PEEK } from '../../cli-shared.ts';
import type { StoredMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode, getExitCode } from '../exit-codes.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { type OptionsOf, wholeNumber } from '../input/option-values.ts';
import { filterFlag, selectionOf } from '../input/select-messages.ts';
import { printDone } from '../output/result-line.ts';
import { taskCommand } from '../output/this-command.ts';
import { chooseOneTask } from '../queues/chosen-tasks.ts';
import { depthBeforeReading, emptyFailure } from '../queues/missing-queue.ts';
import { dryRun } from '../reading/dry-run.ts';
import { lookAtMessages, requireSkip } from '../reading/look-at-messages.ts';
import { requirePlainQueue } from '../reading/plain-queue.ts';
import { noteHeldBack } from '../reading/withheld.ts';
import { Destination, DroppedFailure, FORCE_BULK } from '../replay/destination.ts';
import { Publishing } from '../replay/publishing.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';
import { UsageFailure } from '../usage-failure.ts';
import { withClient } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Copy messages to another task, in order, with the same bytes and properties, message ids included. While cp
    looks at messages, nobody else can receive them, so it copies at most the oldest 1,000 and reports the rest.`,
  examples: [
    ['mcp-taskq cp 786512e2 trial --all', 'copy all'],
    ["mcp-taskq cp 786512e2 trial --all --filter 'id == 7'", 'copy some'],
    ['mcp-taskq cp 786512e2 trial -n 1 --skip 3', 'only the fourth'],
  ],
  statuses: '3 some copied, 5 no such task queue, 6 nothing there',
};

function declare() {
  return explain(new Command('cp'), HELP)
    .argument('<from>')
    .argument('<to>')
    .optionsGroup('Which messages:')
    .option('-n, --limit <n>', 'at most n messages', wholeNumber(1))
    .addOption(new Option('--all', 'all messages, up to 1,000').conflicts('limit'))
    .option('--skip <n>', 'skip the oldest n messages', wholeNumber(0), 0)
    .addOption(filterFlag('only matching messages'))
    .optionsGroup('How to copy:')
    .option('--no-create', 'fail if the destination has no queue, instead of creating it')
    .option('--keep-expiration', 'keep the expiration property; it restarts now')
    .option('--force', FORCE_BULK)
    .option('--dry-run', 'print what would be copied, but copy nothing');
}

type CopyOptions = OptionsOf<typeof declare>;

export function cpCommand() {
  return declare().action((from, to, options, self) =>
    withClient(self, (context) => copy(context, from, to, options)),
  );
}

async function copy(
  context: ClientContext,
  from: string,
  target: string,
  options: CopyOptions,
): Promise<void> {
  if (options.limit === undefined && !options.all) {
    throw new UsageFailure('Give the number of messages to copy: -n N or --all');
  }
  const { client, stop } = context;
  const to = await stop.race(chooseOneTask(context, target));
  if (from === to) throw new UsageFailure('Source and destination are the same task');
  const { skip, create, keepExpiration, force: isForced } = options;
  requireSkip(skip);
  const select = await selectionOf(options);
  const limit = options.all ? Number.POSITIVE_INFINITY : (options.limit as number);
  const depth = await stop.race(depthBeforeReading(context, from));
  if (depth.messages > 0 && !options.dryRun) await stop.race(requirePlainQueue(context, from, options));
  const behind = Math.max(0, depth.messages - skip);
  const least = Math.min(behind, select ? 1 : Math.min(limit, MAX_PEEK - skip));
  const isWhole = !select && least === depth.messages;
  // Far from the broker, connecting takes longer than looking up the limits of the destination.
  const connecting = options.dryRun ? undefined : client.connect('publish').catch(() => {});
  const destination = await stop.race(Destination.open(context, to, { isForced, create }));
  const whole = isWhole ? { taskId: from, ...depth } : undefined;
  await stop.race(destination.requireRoom(least, whole));
  if (options.dryRun) {
    if (behind > 0) await stop.race(client.checkPublish(to, { create }));
    const check = (messages: StoredMessage[]) => destination.checkFit(messages);
    const taken = { limit: options.all ? undefined : limit, skip, select };
    return dryRun(context, from, { ...taken, verb: 'copied', force: isForced, isLook: true, check });
  }
  await stop.race(connecting);
  // With a filter, looks at as many messages as can be held.
  const window = Math.min(MAX_PEEK - skip, select ? MAX_PEEK : limit);
  const publishing = new Publishing(client, destination, to, { create, keepExpiration });
  const put = async (messages: StoredMessage[]) => {
    stop.signal.throwIfAborted();
    await publishing.put(messages);
    // What the stop has given up fails with the end of the client.
    stop.signal.throwIfAborted();
    if (publishing.firstFailure !== undefined) throw publishing.firstFailure;
  };
  let looked = 0;
  try {
    looked = await lookAtMessages(context, from, { window, skip, select, most: limit }, put);
    stop.signal.throwIfAborted();
  } catch (error) {
    throw failureAmid(context, error, from, publishing);
  }
  const dropped = await destination.end();
  if (dropped !== undefined) throw failureAmid(context, dropped, from, publishing);
  select?.tally.report(context);
  const { confirmed: copied } = publishing;
  if (copied === 0 && !options.all) {
    throw emptyFailure(from, looked === 0 ? undefined : options.filter, {
      count: looked,
      of: depth.messages,
      skip,
    });
  }
  const sentence = `Copied ${formatCount(copied, 'message')} from task ${from} to task ${to}.`;
  await printDone(context, sentence, { from, to, copied });
  await publishing.report.print(context);
  if (options.all) noteHeldBack(context, from, depth.consumers, 'copied');
  const unseen = Math.max(0, depth.messages - skip - looked);
  if (unseen === 0 || copied >= limit) return;
  throw new CommandFailure(
    ExitCode.partly,
    `${formatCount(unseen, 'message')} after the oldest ${formatCount(skip + looked, 'message')} of task ${from} ` +
      `${unseen === 1 ? 'was' : 'were'} not ${select ? 'looked at' : 'copied'}`,
    {
      hint: `To copy all, clear the copies, drain to a file and replay it to both tasks: ${taskCommand('dequeue', from, ['--all', '--out', 'FILE'])}`,
    },
  );
}

/** Whatever failed, all messages are still in the source task. */
function failureAmid(
  { note }: ClientContext,
  error: unknown,
  from: string,
  { to, confirmed, dropped, confirmedBehind: behind, unsure }: Publishing,
): unknown {
  const copied = confirmed + dropped - behind;
  if (copied + behind + unsure === 0) return error;
  const gap = behind > 0 ? ` in order, and ${formatCount(behind, 'message')} after a gap` : '';
  const isOne = copied + behind === 1;
  const are =
    error instanceof DroppedFailure
      ? isOne
        ? 'was copied to'
        : 'were copied to'
      : isOne
        ? 'is in'
        : 'are in';
  const more = unsure > 0 ? `; up to ${formatNumber(unsure)} more may have been copied` : '';
  const far = `${formatCount(copied, 'message')}${gap} ${are} task ${to}${more}; all are still in task ${from}.`;
  if (getExitCode(error) >= ExitCode.timedOut) {
    note(`Stopped: ${far}`);
    return error;
  }
  const { message, hint } = error as { message: string; hint?: string };
  const status = copied + behind === 0 ? ExitCode.failed : ExitCode.partly;
  return new CommandFailure(status, `${message}. ${far}`, {
    cause: error,
    hint: hint ?? 'Clear the copies before repeating the command, or they will be duplicated.',
  });
}
