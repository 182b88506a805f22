import { Command } from '@commander-js/extra-typings';
import { type ClientContext, withClient } from '../context.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { wholeNumber } from '../input/numbers.ts';
import { filterOption, type SelectionOptions, selectionOf } from '../input/select-messages.ts';
import { type OutputFileOptions, openOutputFile, outputFileOptions } from '../output/output-file.ts';
import { formatCount } from '../output/sizes.ts';
import { depthOrFail, emptyFailure } from '../queues/missing-queue.ts';
import { lookAtMessages } from '../reading/look-at-messages.ts';
import { requirePlainQueue } from '../reading/plain-queue.ts';
import { awaitAnswer } from '../terminal/stall-notice.ts';
import { standardError } from '../terminal/standard-error.ts';

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

interface PeekOptions extends OutputFileOptions, SelectionOptions {
  limit: number;
  all?: true;
  skip: number;
  force?: true;
}

export function peekCommand() {
  const command = explain(new Command('peek'), HELP)
    .argument('<task_id>')
    .optionsGroup('Which messages:')
    .option('-n, --limit <n>', 'at most n messages (default: 1)', wholeNumber(1), 1)
    .option('--all', 'all messages, up to 1,000')
    .option('--skip <n>', 'skip the oldest n messages', wholeNumber(0), 0)
    .option('--force', 'allow quorum queues, where a look counts as a delivery');
  filterOption(command, 'only matching messages');
  command.optionsGroup('Where they go:');
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
