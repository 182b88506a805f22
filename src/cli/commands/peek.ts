import { Command, Option } from '@commander-js/extra-typings';
import { MAX_PEEK } from '../../cli-shared.ts';
import type { StoredMessage } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode, getExitCode } from '../exit-codes.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { type OptionsOf, wholeNumber } from '../input/option-values.ts';
import { filterFlag, selectionOf } from '../input/select-messages.ts';
import type { MessageWriter } from '../output/message-writer.ts';
import { APPEND, OUT, OVERWRITE, openOutputFile } from '../output/output-file.ts';
import { chooseTasks } from '../queues/chosen-tasks.ts';
import { forEachTask } from '../queues/each-task.ts';
import { depthBeforeReading, emptyFailure } from '../queues/missing-queue.ts';
import { lookAtMessages, requireReach, requireSkip } from '../reading/look-at-messages.ts';
import { requirePlainQueue } from '../reading/plain-queue.ts';
import { confirmMany } from '../terminal/confirmation.ts';
import { awaitAnswer } from '../terminal/stall-notice.ts';
import { standardError } from '../terminal/standard-error.ts';
import { sinceOption } from '../text/durations.ts';
import { formatCount } from '../text/sizes.ts';
import { withClient } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Print the oldest messages of a task without removing them. While peek looks at messages, nobody else can
    receive them; afterwards they are marked as redelivered. It looks at no more than 1,000 messages.`,
  examples: [
    ['mcp-taskq peek 786512e2', 'the next message, in full'],
    ['mcp-taskq peek 786512e2 -n 20', 'the next 20, a line each'],
    ['mcp-taskq peek 786512e2 --all -o jsonl | jq .body', 'for other programs'],
  ],
  statuses: '5 no such task queue, 6 nothing there',
};

function declare() {
  return explain(new Command('peek'), HELP)
    .argument('<task_id...>')
    .optionsGroup('Which messages:')
    .option('-n, --limit <n>', 'at most n messages of each task (default: 1)', wholeNumber(1), 1)
    .addOption(new Option('--all', 'all messages, up to 1,000').conflicts('limit'))
    .addOption(
      new Option('--tail <n>', 'the newest n messages, if the queue has at most 1,000')
        .argParser(wholeNumber(1))
        .conflicts(['limit', 'all', 'skip']),
    )
    .option('--skip <n>', 'skip the oldest n messages', wholeNumber(0), 0)
    .option('--since <time>', 'only messages newer than an age (10m) or ISO 8601 time', sinceOption)
    .option('--force', 'allow quorum queues, where a look counts as a delivery')
    .addOption(filterFlag('only matching messages'))
    .option('-0, --null', 'with -: ids on stdin end with NUL')
    .option('-y, --yes', 'skip the confirmation when a pattern matches many')
    .optionsGroup('Where they go:')
    .option('--full', 'show each message in full, even large bodies')
    .addOption(OUT)
    .addOption(APPEND)
    .addOption(OVERWRITE);
}

type PeekOptions = OptionsOf<typeof declare>;

export function peekCommand() {
  return declare().action((taskIds, options, self) =>
    withClient(self, (context) => context.stop.race(peek(context, taskIds, options)), { isPaged: true }),
  );
}

async function peek(context: ClientContext, words: string[], options: PeekOptions): Promise<void> {
  const { taskIds, isPattern } = await chooseTasks(context, words, options);
  if (isPattern && !options.yes) await confirmMany(context, taskIds.length);
  requireSkip(options.skip);
  const isOne = taskIds.length === 1;
  const inFull = options.full === true || (isOne && (options.tail ?? options.limit) === 1 && !options.all);
  const output = await openOutputFile(context, options, {
    inFull,
    isWhole: options.full === true,
    showTask: !isOne,
  });
  let failure: unknown;
  try {
    const tasks = taskIds.map((taskId) => ({ taskId }));
    failure = await forEachTask(context, tasks, { isPattern }, ({ taskId }) =>
      peekAtOne(context, taskId, options, output),
    );
    if (getExitCode(failure) === ExitCode.nothingThere) throw failure;
    await output.end();
  } catch (error) {
    await output.abandon().catch(() => {});
    throw error;
  }
  if (failure !== undefined) throw failure;
}

async function peekAtOne(
  context: ClientContext,
  taskId: string,
  options: PeekOptions,
  output: MessageWriter,
): Promise<void> {
  const { note } = context;
  const select = await selectionOf(options);
  const depth = await awaitAnswer(context, depthBeforeReading(context, taskId));
  await requirePlainQueue(context, taskId, { ...options, isEmpty: depth.messages === 0 });
  if (depth.consumers > 0) {
    const are = depth.consumers === 1 ? 'is' : 'are';
    note(`${formatCount(depth.consumers, 'consumer')} ${are} attached and may take messages meanwhile.`);
  }
  const { limit, all, tail } = options;
  if (tail !== undefined) requireReach(taskId, depth.messages);
  // Matching messages may be anywhere in the queue.
  const skip = tail === undefined || select ? options.skip : Math.max(0, depth.messages - tail);
  const most = all || tail ? Number.POSITIVE_INFINITY : limit;
  // With a filter, looks at as many messages as can be held.
  const window = tail ? depth.messages - skip : all || select ? MAX_PEEK - skip : limit;
  const before = output.count();
  const newest: StoredMessage[] = [];
  const keepNewest = async (messages: StoredMessage[]) => {
    newest.push(...messages);
    newest.splice(0, newest.length - (tail as number));
  };
  const handle = tail === undefined ? output.write : keepNewest;
  const looked = await lookAtMessages(context, taskId, { window, skip, select, most }, handle);
  if (newest.length > 0) await output.write(newest);
  select?.tally.report(context);
  if (output.count() === before) {
    const filter = looked === 0 ? undefined : (options.filter ?? (options.since && '--since'));
    throw emptyFailure(taskId, filter || undefined, { count: looked, of: depth.messages, skip });
  }
  const behind = depth.messages - skip - looked;
  if (behind > 0 && (all || select || standardError().isTTY)) {
    const which = output.count() - before === 1 && looked === 1 ? 'this one' : 'these';
    note(`${formatCount(behind, 'more message')} after ${which}.`);
  }
}
