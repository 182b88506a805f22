import { Command } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import type { MessageFilter } from '../input/filters.ts';
import { notBlank, type OptionsOf } from '../input/option-values.ts';
import { filterFlag, selectionOf } from '../input/select-messages.ts';
import type { MessageWriter } from '../output/message-writer.ts';
import { openOutputFile } from '../output/output-file.ts';
import { printResult } from '../output/result-line.ts';
import { type ChosenTasks, chooseTasks, noteTasks } from '../queues/chosen-tasks.ts';
import { type CountedTask, countTasks, forEachTask } from '../queues/each-task.ts';
import { refusedDeletion } from '../queues/refused-deletion.ts';
import { dryRun } from '../reading/dry-run.ts';
import { askForHeld, describeHeld, describeLeft } from '../reading/held-messages.ts';
import { MissedMessages } from '../reading/missed-messages.ts';
import { FORCE_FILTER, harmOfLook, requirePlainQueue } from '../reading/plain-queue.ts';
import { noteWithheld } from '../reading/withheld.ts';
import { isRemovalUnsure, partialFailure } from '../replay/partial-failure.ts';
import { describeTarget } from '../settings/target.ts';
import { confirmLoss, requireTerminal } from '../terminal/confirmation.ts';
import { awaitAnswer, startStallNotice } from '../terminal/stall-notice.ts';
import { ageOption } from '../text/durations.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';
import { safeId } from '../text/terminal-text.ts';
import { withClient } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Remove the messages present when the command starts, then delete each queue that is empty and unused.
    Messages that arrive in the meantime stay. Asks for confirmation.`,
  examples: [
    ['mcp-taskq clear 786512e2', 'show, ask, remove'],
    ['mcp-taskq clear 786512e2 --backup gone.jsonl --yes', 'keep a copy'],
    ['mcp-taskq clear 786512e2 --older-than 1d', 'only old messages'],
  ],
  statuses: '2 not confirmed (no terminal), 3 some removed, 5 no such task queue, 8 declined',
};

function declare() {
  return explain(new Command('clear'), HELP)
    .argument('<task_id...>')
    .optionsGroup('Which messages:')
    .option('--older-than <dur>', 'only messages queued longer ago than this', ageOption)
    .addOption(filterFlag('only matching messages; others stay'))
    .option('-0, --null', 'with -: ids on stdin end with NUL')
    .optionsGroup('Safety:')
    .option('--backup <file>', 'write the messages to a new file first', notBlank)
    .option('--keep-queue', 'keep the empty queue')
    .option('--dry-run', 'print what would be removed, but remove nothing')
    .option('--force', FORCE_FILTER)
    .option('-y, --yes', 'skip the confirmation');
}

type ClearOptions = OptionsOf<typeof declare>;

export function clearCommand() {
  return declare().action((taskIds, options, self) =>
    withClient(self, (context) => clear(context, taskIds, options)),
  );
}

async function clear(context: ClientContext, words: string[], options: ClearOptions): Promise<void> {
  const { stop } = context;
  const select = await selectionOf(options);
  const mustAsk = !options.dryRun && !options.yes;
  if (mustAsk) requireTerminal();
  const chosen = await stop.race(chooseTasks(context, words, { ...options, isRemoving: true }));
  const targets = await stop.race(awaitAnswer(context, countTasks(context, chosen)));
  if (options.dryRun) return dryRunAll(context, targets, { ...options, ...chosen, select });
  const backup = options.backup === undefined ? undefined : await openBackup(context, options.backup);
  if (mustAsk) {
    await noteHeld(context, targets);
    await stop.race(confirm(context, targets, { isSelection: select !== undefined, ...chosen }));
  }
  let cleared = 0;
  let failure: unknown;
  try {
    const effect = () => (cleared > 0 ? `${formatCount(cleared, 'message')} removed` : undefined);
    failure = await forEachTask(context, targets, { ...chosen, effect }, async (target) => {
      const before = cleared;
      const missed = new MissedMessages({ present: target.messages, isSelection: select !== undefined });
      const { isDeleted, held } = await clearOne(
        context,
        target,
        { keepQueue: options.keepQueue, select, backup, force: options.force, missed },
        (count) => {
          cleared += count;
        },
      );
      const removed = cleared - before;
      const where = `task ${target.taskId} on ${describeTarget(context)}`;
      await printResult(context, `Removed ${formatCount(removed, 'message')} from ${where}.`, {
        task_id: target.taskId,
        removed,
      });
      if (!isDeleted) {
        const left = await describeLeft(context, target.taskId, {
          isDeletable: !options.keepQueue,
          isSelection: select !== undefined,
          held,
        });
        if (left !== undefined) context.note(left);
      }
      return missed.report(context, target.taskId, removed);
    });
    select?.tally.report(context);
    await backup?.end();
  } catch (error) {
    await backup?.abandon({ mayBeBack: isRemovalUnsure(error) }).catch(() => {});
    throw partialFailure(context, error, cleared, 'removed');
  }
  if (failure !== undefined) throw failure;
}

interface ClearOneOptions {
  keepQueue: true | undefined;
  select: MessageFilter | undefined;
  backup: MessageWriter | undefined;
  force: true | undefined;
  missed: MissedMessages;
}

/** @returns whether the queue is gone, and how many messages others hold, for which it was kept */
async function clearOne(
  context: ClientContext,
  { taskId, messages }: CountedTask,
  { select, backup, keepQueue, force, missed }: ClearOneOptions,
  onRemoved: (count: number) => void,
): Promise<{ isDeleted: boolean; held: number }> {
  const { client, stop } = context;
  if (select && messages > 0)
    await stop.race(requirePlainQueue(context, taskId, { force, mayBeUnknown: true }));
  // Far from the broker, connecting takes longer than removing.
  if (!keepQueue) client.connect('delete').catch(() => {});
  const stall = startStallNotice(context);
  const keep = async (batch: StoredMessage[]) => {
    stall.pause();
    await backup?.write(batch);
    stall.moved();
  };
  const countHeld = keepQueue ? undefined : askForHeld(context, taskId);
  let looked = 0;
  // Messages that arrived after the count are not confirmed.
  const bounded = select && ((message: StoredMessage) => looked++ < messages && select(message));
  try {
    if (messages > 0) {
      if (select) noteWithheld(context, messages);
      await client.clear(taskId, keep, {
        keepQueue: true,
        ...(bounded ? { select: bounded } : { limit: messages }),
        signal: stop.signal,
        onRemoved: (count) => {
          onRemoved(count);
          backup?.keep();
          stall.moved();
        },
        onEnd: missed.add,
      });
    }
    stop.signal.throwIfAborted();
    const held = (await countHeld?.()) ?? 0;
    const isDeleted = !keepQueue && held === 0 && (await client.deleteIfUnused(taskId));
    return { isDeleted, held };
  } finally {
    stall.end();
  }
}

function openBackup(context: ClientContext, out: string): Promise<MessageWriter> {
  const settings = { ...context.settings, output: 'jsonl' as const };
  const use = { inFull: false, mustBeNew: true, isRemoving: true };
  return openOutputFile({ ...context, settings }, { out }, use);
}

async function dryRunAll(
  context: ClientContext,
  targets: CountedTask[],
  options: ChosenTasks & Pick<ClearOptions, 'force' | 'keepQueue'> & { select: MessageFilter | undefined },
): Promise<void> {
  const { select, force, keepQueue } = options;
  const { client } = context;
  const failure = await forEachTask(context, targets, options, async ({ taskId, messages }) => {
    if (select) await dryRun(context, taskId, { limit: undefined, select, verb: 'removed', force });
    else {
      // Refused as the removal would be.
      if (messages > 0 && !(await harmOfLook(context, taskId))) await client.peek(taskId);
      const count = formatCount(messages, 'message');
      const where = `task ${taskId} on ${describeTarget(context)}`;
      await printResult(context, `${count} of ${where} would be removed; nothing was removed.`, {
        task_id: taskId,
        removed: 0,
        would_remove: messages,
      });
    }
    return keepQueue ? undefined : refusedDeletion(context, taskId);
  });
  await noteHeld(context, targets);
  if (failure !== undefined) throw failure;
}

/** Reports messages that stay because other readers hold them. */
async function noteHeld(context: ClientContext, targets: readonly CountedTask[]): Promise<void> {
  const read = targets.filter(({ consumers }) => consumers > 0);
  const held = read.map(({ taskId, consumers }) => describeHeld(context, taskId, consumers));
  for (const sentence of await Promise.all(held)) if (sentence !== undefined) context.note(sentence);
}

async function confirm(
  context: ClientContext,
  targets: CountedTask[],
  { isSelection, isPattern }: { isSelection: boolean; isPattern: boolean },
): Promise<void> {
  const count = targets.reduce((sum, { messages }) => sum + messages, 0);
  const [first] = targets;
  if (first === undefined) return;
  noteTasks(context, targets);
  const requiresTyping = targets.length > 1;
  const what = isSelection
    ? `the matching messages (of ${formatNumber(count)})`
    : formatCount(count, 'message');
  const where = targets.length > 1 ? formatCount(targets.length, 'task') : `task ${safeId(first.taskId)}`;
  await confirmLoss(context, {
    question: `Remove ${what} from ${where} on ${describeTarget(context)}?`,
    count,
    // The author of a pattern does not know how many tasks it matches.
    confirmationText: isPattern
      ? String(targets.length)
      : requiresTyping
        ? String(count)
        : safeId(first.taskId),
    requiresTyping,
  });
}
