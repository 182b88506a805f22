import { Command } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { type ClientContext, withClient } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeWithExamples } from '../help-text.ts';
import { filterOption, type SelectionOptions, selectionOf } from '../input/select-messages.ts';
import { depthOrFail, emptyFailure } from '../missing-queue.ts';
import { wholeNumber } from '../numbers.ts';
import { startProgress } from '../output/progress.ts';
import { printResult } from '../output/result-line.ts';
import { partialFailure } from '../partial-failure.ts';
import { rehearse } from '../rehearsal.ts';
import { formatCount } from '../sizes.ts';

const DESCRIPTION = describeWithExamples(
  `Move messages to another task, in order, with the same bytes and properties. Each is removed once the broker has
  confirmed it in its new place: interrupted in between, a message may be in both, and is never in neither.`,
  [
    ['mcp-taskq mv 786512e2 parked --all', 'move everything that is there'],
    [`mcp-taskq mv 786512e2 parked --all --filter 'type == "request"'`, 'move some'],
  ],
);

interface MoveOptions extends SelectionOptions {
  limit?: number;
  all?: true;
  dryRun?: true;
}

export function mvCommand() {
  const command = new Command('mv')
    .description(DESCRIPTION)
    .argument('<from>')
    .argument('<to>')
    .option('-n, --limit <n>', 'how many', wholeNumber(1))
    .option('--all', 'as many as there are at the start')
    .option('--dry-run', 'print what would be moved, and leave it');
  filterOption(command, 'move only these');
  return command.action((from, to, options, self) =>
    withClient(self, (context) => move(context, from, to, options), { stopsByItself: true }),
  );
}

async function move(context: ClientContext, from: string, to: string, options: MoveOptions): Promise<void> {
  if (from === to) throw new CommandFailure(ExitCode.usage, 'The messages are in that task already');
  if ((options.limit === undefined) === (options.all === undefined)) {
    throw new CommandFailure(ExitCode.usage, 'Say how many to move: -n N or --all');
  }
  const { client, stop } = context;
  const select = await selectionOf(options);
  const limit = options.all ? undefined : options.limit;
  if (options.dryRun) return rehearse(context, from, { limit, select, verb: 'moved' });
  const depth = await stop.race(depthOrFail(client, from));
  const progress = await startProgress(Math.min(depth.messages, limit ?? depth.messages), {
    isOutputShown: false,
  });
  let moved = 0;
  try {
    const put = async (batch: StoredMessage[]) => {
      await Promise.all(batch.map((message) => client.publish(to, message)));
      moved += batch.length;
      progress.update(moved);
    };
    await client.drain(from, put, {
      ...(limit !== undefined && { limit }),
      ...(select && { select }),
      signal: stop.signal,
    });
    stop.signal.throwIfAborted();
  } catch (error) {
    progress.end();
    throw partialFailure(context, error, moved, `moved from task ${from} to task ${to}`);
  }
  progress.end();
  if (moved === 0 && !options.all) throw emptyFailure(from, options.filter);
  await printResult(context, `Moved ${formatCount(moved, 'message')} from task ${from} to task ${to}.`, {
    from,
    to,
    moved,
  });
}
