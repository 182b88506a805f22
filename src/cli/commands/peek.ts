import { Command } from '@commander-js/extra-typings';
import { type ClientContext, withClient } from '../context.ts';
import { describeWithExamples } from '../help/help-text.ts';
import { wholeNumber } from '../input/numbers.ts';
import { filterOption, type SelectionOptions, selectionOf } from '../input/select-messages.ts';
import { type OutputFileOptions, openOutputFile, outputFileOptions } from '../output/output-file.ts';
import { formatCount } from '../output/sizes.ts';
import { depthOrFail, emptyFailure } from '../queues/missing-queue.ts';
import { lookAtMessages } from '../reading/look-at-messages.ts';
import { requirePlainQueue } from '../reading/plain-queue.ts';
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
  skip: number;
  force?: true;
}

export function peekCommand() {
  const command = new Command('peek')
    .description(DESCRIPTION)
    .argument('<task_id>')
    .option('-n, --limit <n>', 'how many (default: 1)', wholeNumber(1), 1)
    .option('--all', 'as many as can be held at once: 1000')
    .option('--skip <n>', 'leave out the oldest (default: 0)', wholeNumber(0), 0)
    .option('--force', 'also on a quorum queue, where looking wears messages out');
  filterOption(command, 'print only these, of the first 1000');
  outputFileOptions(command);
  return command.action((taskId, options, self) =>
    withClient(self, (context) => peek(context, taskId, options)),
  );
}

async function peek(context: ClientContext, taskId: string, options: PeekOptions): Promise<void> {
  const { client, note } = context;
  const { MAX_PEEK } = await import('../../index.ts');
  const select = await selectionOf(options);
  const output = await openOutputFile(context, options, { inFull: options.limit === 1 && !options.all });
  const depth = await awaitAnswer(context, depthOrFail(client, taskId));
  await requirePlainQueue(context, taskId, { ...options, isEmpty: depth.messages === 0 });
  if (depth.consumers > 0) {
    note(
      `${formatCount(depth.consumers, 'consumer')} attached: messages may be taken while they are looked at.`,
    );
  }
  const most = options.all ? Number.POSITIVE_INFINITY : options.limit;
  let looked = 0;
  try {
    const { skip, limit } = options;
    // To find what matches, everything that can be held is looked at.
    const window = options.all || select ? MAX_PEEK - skip : limit;
    looked = await lookAtMessages(context, taskId, { window, skip, select, most }, output.write);
    select?.tally.report(context);
    if (output.count === 0) {
      const filter = looked === 0 ? undefined : options.filter;
      throw emptyFailure(taskId, filter, { count: looked, of: depth.messages - options.skip });
    }
    await output.end();
  } catch (error) {
    await output.abandon().catch(() => {});
    throw error;
  }
  const behind = depth.messages - options.skip - looked;
  if (behind > 0 && (options.all || select || standardError().isTTY)) {
    note(`${formatCount(behind, 'more message')} after ${looked === 1 ? 'this one' : 'these'}.`);
  }
}
