import { Command } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';
import { confirmLoss, requireTerminal } from '../confirmation.ts';
import { type ClientContext, withClient } from '../context.ts';
import { ageOption } from '../durations.ts';
import { describeWithExamples } from '../help-text.ts';
import { filterOption, type SelectionOptions, selectionOf } from '../input/select-messages.ts';
import { summarize } from '../message-summary.ts';
import { depthOrFail } from '../missing-queue.ts';
import type { MessageWriter } from '../output/message-writer.ts';
import { openOutputFile } from '../output/output-file.ts';
import { printResult } from '../output/result-line.ts';
import { partialFailure } from '../partial-failure.ts';
import { rehearse } from '../rehearsal.ts';
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

interface ClearOptions extends SelectionOptions {
  olderThan?: number;
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
  const command = new Command('clear')
    .description(DESCRIPTION)
    .argument('<task_id...>')
    .option('-y, --yes', 'do not ask')
    .option('--backup <file>', 'write the messages to a new file first, as dequeue --out does')
    .option('--keep-queue', 'leave the empty queue')
    .option('--older-than <dur>', 'remove only messages queued longer ago than this', ageOption)
    .option('--dry-run', 'print what would be removed, and leave it');
  filterOption(command, 'remove only these; the rest stays where it is');
  return command.action((taskIds, options, self) =>
    withClient(self, (context) => clear(context, [...new Set(taskIds)], options), { stopsByItself: true }),
  );
}

async function clear(context: ClientContext, taskIds: string[], options: ClearOptions): Promise<void> {
  const { client, stop } = context;
  const select = await selectionFor(options);
  const mustAsk = !options.dryRun && !options.yes;
  if (mustAsk) requireTerminal();
  const targets: Target[] = [];
  // All of them, before anything is removed: one of the ids may be mistyped.
  for (const taskId of taskIds) {
    targets.push({ taskId, messages: (await stop.race(depthOrFail(client, taskId))).messages });
  }
  if (options.dryRun) return rehearseAll(context, targets, select);
  const backup = options.backup === undefined ? undefined : await openBackup(context, options.backup);
  if (mustAsk) await stop.race(confirm(context, targets, select !== undefined));
  let cleared = 0;
  try {
    for (const { taskId } of targets) {
      const before = cleared;
      const keep = async (batch: StoredMessage[]) => {
        await backup?.write(batch);
        cleared += batch.length;
      };
      const { keepQueue = false } = options;
      await client.clear(taskId, keep, { keepQueue, ...(select && { select }), signal: stop.signal });
      stop.signal.throwIfAborted();
      const removed = cleared - before;
      await printResult(context, `Removed ${formatCount(removed, 'message')} of task ${taskId}.`, {
        task_id: taskId,
        removed,
      });
    }
    await backup?.end();
  } catch (error) {
    throw partialFailure(context, error, cleared, 'removed');
  }
}

/** Undefined: all messages. */
async function selectionFor(
  options: ClearOptions,
): Promise<((message: StoredMessage) => boolean) | undefined> {
  const matches = await selectionOf(options);
  const { olderThan } = options;
  if (olderThan === undefined) return matches;
  const latest = Date.now() - olderThan;
  return (message) => {
    const { queuedAt } = summarize(message);
    // Of a message that does not say how old it is nobody knows.
    return queuedAt !== undefined && queuedAt < latest && (matches === undefined || matches(message));
  };
}

function openBackup(context: ClientContext, out: string): Promise<MessageWriter> {
  const settings = { ...context.settings, output: 'jsonl' as const };
  return openOutputFile({ ...context, settings }, { out }, { inFull: false, mustBeNew: true });
}

async function rehearseAll(
  context: ClientContext,
  targets: Target[],
  select: ((message: StoredMessage) => boolean) | undefined,
): Promise<void> {
  for (const { taskId, messages } of targets) {
    if (select) {
      await rehearse(context, taskId, { limit: undefined, select, verb: 'removed' });
      continue;
    }
    const count = formatCount(messages, 'message');
    await printResult(context, `${count} of task ${taskId} would be removed; nothing was.`, {
      task_id: taskId,
      removed: 0,
      would_remove: messages,
    });
  }
}

async function confirm(context: ClientContext, targets: Target[], isSelection: boolean): Promise<void> {
  const count = targets.reduce((sum, { messages }) => sum + messages, 0);
  const [first, ...others] = targets as [Target, ...Target[]];
  for (const { taskId, messages } of targets) {
    context.note(`  ${safeLine(taskId)}  ${formatCount(messages, 'message')}`);
  }
  const isWide = others.length > 0;
  const what = isSelection
    ? `those that match of ${formatCount(count, 'message')}`
    : formatCount(count, 'message');
  await confirmLoss(context, {
    question: isWide
      ? `Remove ${what} of ${targets.length} tasks?`
      : `Remove ${what} of task ${safeLine(first.taskId)}?`,
    count,
    phrase: isWide ? String(count) : first.taskId,
    isWide,
  });
}
