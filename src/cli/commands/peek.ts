import { Command, Option } from '@commander-js/extra-typings';
import { CommandFailure } from '../command-failure.ts';
import { type ClientContext, withClient } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeWithExamples } from '../help/help-text.ts';
import { sinceOption } from '../input/durations.ts';
import { wholeNumber } from '../input/numbers.ts';
import { filterOption, type SelectionOptions, selectionOf } from '../input/select-messages.ts';
import type { MessageWriter } from '../output/message-writer.ts';
import { type OutputFileOptions, openOutputFile, outputFileOptions } from '../output/output-file.ts';
import { formatCount } from '../output/sizes.ts';
import { chooseTasks } from '../queues/chosen-tasks.ts';
import { depthOrFail, emptyFailure } from '../queues/missing-queue.ts';
import { lookAtMessages } from '../reading/look-at-messages.ts';
import { newestWindow } from '../reading/newest-messages.ts';
import { requirePlainQueue } from '../reading/plain-queue.ts';
import { confirmMany } from '../terminal/confirmation.ts';
import { awaitAnswer } from '../terminal/stall-notice.ts';
import { standardError } from '../terminal/standard-error.ts';

const DESCRIPTION = describeWithExamples(
  `Print the oldest messages of a task and leave them where they are. For a moment nobody
else can read what is looked at, and afterwards it is marked as redelivered.`,
  [
    ['mcp-taskq peek 786512e2', 'the next message, in full'],
    ['mcp-taskq peek 786512e2 -n 20', 'the next 20, a line each'],
    ['mcp-taskq peek 786512e2 --all -o jsonl | jq .body.message.method', 'what is waiting, by method'],
  ],
);

interface PeekOptions extends OutputFileOptions, SelectionOptions {
  limit: number;
  all?: true;
  tail?: number;
  skip: number;
  full?: true;
  force?: true;
  null?: true;
  yes?: true;
}

export function peekCommand() {
  const command = new Command('peek')
    .description(DESCRIPTION)
    .argument('<task_id...>', 'task ids, patterns such as "build-*", or - for those on standard input')
    .option('-n, --limit <n>', 'how many of each task (default: 1)', wholeNumber(1), 1)
    .option('--all', 'as many as can be held at once: 1000')
    .addOption(
      new Option('--tail <n>', 'the newest n messages, of a queue with at most 1,000')
        .argParser(wholeNumber(1))
        .conflicts(['limit', 'all', 'skip']),
    )
    .option('--skip <n>', 'leave out the oldest (default: 0)', wholeNumber(0), 0)
    .option('--since <time>', 'only messages queued since then: 10m ago, or an ISO 8601 time', sinceOption)
    .option('--full', 'show each message in full, large bodies too')
    .option('--force', 'also on a quorum queue, where looking wears messages out')
    .option('-0, --null', 'ids on standard input end with NUL')
    .option('-y, --yes', 'do not ask when a pattern matches many tasks');
  filterOption(command, 'print only these, of the first 1000');
  outputFileOptions(command);
  return command.action((taskIds, options, self) =>
    withClient(self, (context) => peek(context, taskIds, options), { isPaged: true }),
  );
}

async function peek(context: ClientContext, words: string[], options: PeekOptions): Promise<void> {
  const { taskIds, isPattern } = await chooseTasks(context, words, options);
  if (isPattern && !options.yes) await confirmMany(context, taskIds.length);
  const isOne = taskIds.length === 1;
  const inFull = options.full === true || (isOne && (options.tail ?? options.limit) === 1 && !options.all);
  const output = await openOutputFile(context, options, {
    inFull,
    isWhole: options.full === true,
    showTask: !isOne,
  });
  let skipped = 0;
  let failure: unknown;
  try {
    for (const taskId of taskIds) {
      try {
        await peekAtOne(context, taskId, options, output);
      } catch (error) {
        if (isOne || !(error instanceof CommandFailure)) throw error;
        if (error.exitCode === ExitCode.nothingThere) failure ??= error;
        // What a pattern found may be gone by now.
        else if (error.exitCode !== ExitCode.noSuchQueue || !isPattern) {
          skipped++;
          context.note(`${error.message}; left out.`);
        }
      }
    }
    if (output.count === 0 && skipped === 0) throw isOne ? failure : noneOf(taskIds.length, failure);
    await output.end();
  } catch (error) {
    await output.abandon().catch(() => {});
    throw error;
  }
  if (skipped > 0) throw new CommandFailure(ExitCode.partly, `${formatCount(skipped, 'task')} left out`);
}

function noneOf(count: number, cause: unknown): CommandFailure {
  return new CommandFailure(
    ExitCode.nothingThere,
    `None of ${formatCount(count, 'task')} has such a message`,
    {
      cause,
    },
  );
}

async function peekAtOne(
  context: ClientContext,
  taskId: string,
  options: PeekOptions,
  output: MessageWriter,
): Promise<void> {
  const { client, note } = context;
  const { MAX_PEEK } = await import('../../index.ts');
  const select = await selectionOf(options);
  const depth = await awaitAnswer(context, depthOrFail(client, taskId));
  await requirePlainQueue(context, taskId, { ...options, isEmpty: depth.messages === 0 });
  if (depth.consumers > 0) {
    note(
      `${formatCount(depth.consumers, 'consumer')} attached: messages may be taken while they are looked at.`,
    );
  }
  const { limit, all, tail } = options;
  const newest = tail === undefined ? undefined : newestWindow(taskId, depth.messages, tail, select);
  const skip = newest?.skip ?? options.skip;
  const most = all || newest ? Number.POSITIVE_INFINITY : limit;
  // To find what matches, everything that can be held is looked at.
  const window = newest?.window ?? (all || select ? MAX_PEEK - skip : limit);
  const before = output.count;
  const looked = await lookAtMessages(
    context,
    taskId,
    { window, skip, select, most },
    newest?.keep ?? output.write,
  );
  if (newest && newest.kept.length > 0) await output.write(newest.kept);
  select?.tally.report(context);
  if (output.count === before) {
    const filter = looked === 0 ? undefined : (options.filter ?? (options.since && '--since'));
    throw emptyFailure(taskId, filter || undefined, { count: looked, of: depth.messages - skip });
  }
  const behind = depth.messages - skip - looked;
  if (behind > 0 && (all || select || standardError().isTTY)) {
    const which = output.count - before === 1 && looked === 1 ? 'this one' : 'these';
    note(`${formatCount(behind, 'more message')} after ${which}.`);
  }
}
