import { Command } from '@commander-js/extra-typings';
import { CommandFailure } from '../command-failure.ts';
import { confirmLoss, requireTerminal } from '../confirmation.ts';
import { type ClientContext, withClient } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeWithExamples } from '../help-text.ts';
import { depthOrFail } from '../missing-queue.ts';
import { openOutputFile } from '../output-file.ts';
import { printResult } from '../result-line.ts';
import { formatCount } from '../sizes.ts';
import { safeLine } from '../terminal-text.ts';

const DESCRIPTION = describeWithExamples(
  `Remove all messages of tasks that are there now, and then the queues if they are empty and unused. Asks first on
  a terminal; elsewhere it needs --yes.`,
  [
    ['mcp-taskq clear 786512e2', 'shows what would go, and asks'],
    ['mcp-taskq clear 786512e2 --backup 786512e2.jsonl --yes', 'keeps the messages in a file'],
  ],
);

interface ClearOptions {
  yes?: true;
  backup?: string;
  keepQueue?: true;
  dryRun?: true;
}

interface Target {
  taskId: string;
  messages: number;
}

export function clearCommand() {
  return new Command('clear')
    .summary('remove all messages of tasks, and their queues')
    .description(DESCRIPTION)
    .argument('<task_id...>')
    .option('-y, --yes', 'do not ask')
    .option('--backup <file>', 'write the messages to a new file first, as dequeue --out does')
    .option('--keep-queue', 'leave the empty queue')
    .option('--dry-run', 'print what would be removed, and leave it')
    .action((taskIds, options, self) =>
      withClient(self, (context) => clear(context, [...new Set(taskIds)], options), { stopsByItself: true }),
    );
}

async function clear(context: ClientContext, taskIds: string[], options: ClearOptions): Promise<void> {
  const { client, stop } = context;
  const mustAsk = !options.dryRun && !options.yes;
  if (mustAsk) requireTerminal();
  const targets: Target[] = [];
  // All of them, before anything is removed: one of the ids may be mistyped.
  for (const taskId of taskIds) {
    targets.push({ taskId, messages: (await stop.race(depthOrFail(client, taskId))).messages });
  }
  const backup =
    options.backup === undefined
      ? undefined
      : await openOutputFile(
          { ...context, settings: { ...context.settings, output: 'jsonl' } },
          { out: options.backup },
          { inFull: false },
        );
  if (mustAsk) await stop.race(confirm(context, targets));
  let cleared = 0;
  try {
    for (const target of targets) {
      stop.signal.throwIfAborted();
      if (options.dryRun) {
        await report(context, target.taskId, 0, target.messages);
        continue;
      }
      const removed = await client.drain(target.taskId, async (batch) => backup?.write(batch), {
        signal: stop.signal,
      });
      cleared += removed;
      stop.signal.throwIfAborted();
      if (!options.keepQueue) await client.deleteIfUnused(target.taskId);
      await report(context, target.taskId, removed);
    }
    if (!options.dryRun) await backup?.end();
  } catch (error) {
    if (cleared === 0 || error instanceof CommandFailure) throw error;
    throw new CommandFailure(
      ExitCode.partly,
      `${(error as Error).message}. ${formatCount(cleared, 'message')} had been removed.`,
      { cause: error },
    );
  }
}

async function confirm(context: ClientContext, targets: Target[]): Promise<void> {
  const count = targets.reduce((sum, { messages }) => sum + messages, 0);
  const [first, ...others] = targets as [Target, ...Target[]];
  for (const { taskId, messages } of targets) {
    context.note(`  ${safeLine(taskId)}  ${formatCount(messages, 'message')}`);
  }
  const isWide = others.length > 0;
  await confirmLoss(context, {
    question: isWide
      ? `Remove ${formatCount(count, 'message')} of ${targets.length} tasks?`
      : `Remove ${formatCount(count, 'message')} of task ${safeLine(first.taskId)}?`,
    count,
    phrase: isWide ? String(count) : first.taskId,
    isWide,
  });
}

function report(context: ClientContext, taskId: string, removed: number, would?: number): Promise<void> {
  return would === undefined
    ? printResult(context, `Removed ${formatCount(removed, 'message')} of task ${taskId}.`, {
        task_id: taskId,
        removed,
      })
    : printResult(
        context,
        `${formatCount(would, 'message')} of task ${taskId} would be removed; nothing was.`,
        {
          task_id: taskId,
          removed: 0,
          would_remove: would,
        },
      );
}
