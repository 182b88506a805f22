import { Command } from '@commander-js/extra-typings';
import type { WatchItem } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode, getExitCode } from '../exit-codes.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { type OptionsOf, wholeNumber } from '../input/option-values.ts';
import { filterFlag, selectionOf } from '../input/select-messages.ts';
import { createMessageWriter, type MessageWriter } from '../output/message-writer.ts';
import { type TaskItem, watchLine } from '../output/watch-lines.ts';
import { noteMissingQueue } from '../queues/missing-queue.ts';
import { requireSameBroker } from '../settings/same-broker.ts';
import { colorsFor } from '../terminal/colors.ts';
import { awaitAnswer } from '../terminal/stall-notice.ts';
import { standardError } from '../terminal/standard-error.ts';
import { terminalWidth } from '../terminal/terminal-width.ts';
import { durationOption, formatDuration } from '../text/durations.ts';
import { formatCount } from '../text/sizes.ts';
import { jsonLine, safeLine } from '../text/terminal-text.ts';
import { withClient } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Follow messages as they are queued: for named tasks, tasks that match a pattern, or all tasks. Removes
    nothing; any number of watchers can follow a task. Survives a restart of the broker. Ctrl-C ends it.
    Its limits: help watching.`,
  examples: [
    ['mcp-taskq watch 786512e2', 'follow a task'],
    ["mcp-taskq watch 'job-*' --events", 'matching tasks, with removals'],
    ['mcp-taskq watch 786512e2 --tail 0 -n 1 -o raw', 'the next message'],
  ],
  statuses: '0 also after Ctrl-C',
};

/** What is there is shown without being asked for, of tasks that were named. */
const DEFAULT_TAIL = 10;

function declare() {
  return explain(new Command('watch'), HELP)
    .argument('[task_id...]')
    .optionsGroup('What to show:')
    .option(
      '--tail <n>',
      'first show the last n messages already queued (default: 10 for named tasks, else 0)',
      wholeNumber(0),
    )
    .option('--events', 'also show removals')
    .option('--no-peek', 'never peek: show only messages announced by events')
    .addOption(filterFlag('only matching messages'))
    .optionsGroup('When to end:')
    .option('-n, --limit <n>', 'after n messages', wholeNumber(1))
    .option('--for <dur>', 'after this time', durationOption)
    .option('--idle <dur>', 'after this time without a message', durationOption);
}

type WatchOptions = OptionsOf<typeof declare>;

export function watchCommand() {
  return declare().action((taskIds, options, self) =>
    withClient(self, (context) => watch(context, taskIds, options), { usesApi: taskIds.length === 0 }),
  );
}

async function watch(context: ClientContext, taskIds: string[], options: WatchOptions): Promise<void> {
  const { client, stop, note, settings } = context;
  const { watchTasks } = await import('../../index.ts');
  const select = await selectionOf(options);
  await stop.race(awaitAnswer(context, client.connect()));
  const isPattern = taskIds.some((taskId) => /[*?]/.test(taskId));
  const named = isPattern ? [] : taskIds;
  // A mistyped id would be watched forever. Looked up in parallel, so as not to delay the watch.
  for (const taskId of named) noteMissingQueue(context, taskId).catch(() => {});
  if (named.length === 0) {
    const warning = await stop.race(requireSameBroker(context.settings, stop.signal));
    if (warning !== undefined) note(`warning: ${warning}`);
  }
  const ending = endings(options, stop.signal);
  const isTerminal = process.stdout.isTTY === true;
  const messages = createMessageWriter({
    ...context,
    sink: context.stdout,
    inFull: false,
    isTerminal,
  });
  const show = printer(context, messages, named.length !== 1);
  const { limit = Number.POSITIVE_INFINITY, events: removals = false, peek } = options;
  const { tail = named.length > 0 ? DEFAULT_TAIL : 0 } = options;
  let seen = 0;
  let missed = 0;
  try {
    if (standardError().isTTY) note(`Watching ${whatIsWatched(taskIds, isPattern)}. Ctrl-C ends it.`);
    const api = { ...settings.connection, apiUrl: settings.apiUrl };
    const watched = {
      signal: ending.signal,
      tail,
      removals,
      peek,
      api,
      ...(isPattern && { globs: taskIds }),
    };
    for await (const item of watchTasks(client, named, watched)) {
      if (item.kind === 'gap' || item.kind === 'interrupted' || item.kind === 'resumed') {
        if (item.kind === 'gap') missed += item.missed ?? 0;
        note(noteOf(item), colorsFor(standardError(), settings).yellow);
        continue;
      }
      if (select && isMessage(item) && !(item.kind === 'message' && select(item.message))) continue;
      ending.restartIdle();
      await show(item);
      if (isMessage(item)) seen++;
      if (seen >= limit) break;
    }
    await messages.end();
    select?.tally.report(context);
  } finally {
    ending.release();
    const notShown = missed === 0 ? '' : `, ${formatCount(missed, 'message')} not shown`;
    if (standardError().isTTY) note(`${formatCount(seen, 'message')}${notShown}`);
  }
  // Ctrl-C is the normal end of a watch.
  if (stop.signal.aborted && getExitCode(stop.signal.reason) !== ExitCode.interrupted)
    throw stop.signal.reason;
}

/** No filter matches a large one, as its body is not at hand. */
function isMessage({ kind }: WatchItem): boolean {
  return kind === 'message' || kind === 'large-message';
}

/** Lines on a terminal; elsewhere records, and one JSON object for each event that is not a message. */
function printer(context: ClientContext, messages: MessageWriter, showTask: boolean) {
  const { format, stdout, settings, note } = context;
  return async (item: TaskItem): Promise<void> => {
    if (format === 'table') {
      const colors = colorsFor(process.stdout, settings);
      const line = watchLine(item, { width: terminalWidth(), colors, showTask, now: Date.now() });
      await stdout.write(line);
    } else if (item.kind === 'message') {
      await messages.write([item.message]);
    } else if (format === 'jsonl') {
      await stdout.write(`${await eventRecord(item)}\n`);
    } else {
      // Neither one JSON document nor bodies alone have a place for it.
      note(await eventRecord(item));
    }
  };
}

async function eventRecord(item: Exclude<TaskItem, { kind: 'message' }>): Promise<string> {
  const { taskId: task_id } = item;
  const at = new Date(item.at).toISOString();
  if (item.kind === 'large-message') {
    const { propertiesToJson } = await import('../../cli-support.ts');
    return jsonLine({
      event: 'enqueued',
      at,
      task_id,
      body_bytes: item.bodyBytes,
      properties: propertiesToJson(item.properties),
    });
  }
  const message_id = item.kind === 'dequeued' ? item.messageId : undefined;
  return jsonLine({ event: item.kind, at, task_id, count: item.count, message_id });
}

function noteOf(item: Extract<WatchItem, { kind: 'gap' | 'interrupted' | 'resumed' }>): string {
  switch (item.kind) {
    case 'gap':
      return `gap${item.taskId === undefined ? '' : ` in ${item.taskId}`}: ${item.reason}`;
    case 'interrupted':
      return `${item.error.message}; waiting for the broker`;
    case 'resumed':
      return `resumed after ${formatDuration(item.afterMs)}: messages removed in the meantime were missed`;
  }
}

function whatIsWatched(taskIds: readonly string[], isPattern: boolean): string {
  if (taskIds.length === 0) return 'all tasks';
  if (isPattern) return `tasks that match ${taskIds.map((glob) => safeLine(glob)).join(' or ')}`;
  return taskIds.length === 1 ? `task ${taskIds[0]}` : `${taskIds.length} tasks`;
}

/** Aborts when the command is stopped, after `--for`, or when nothing has arrived for `--idle`. */
function endings({ for: forMs, idle: idleMs }: WatchOptions, stopped: AbortSignal) {
  const controller = new AbortController();
  const end = () => controller.abort();
  const total = forMs === undefined ? undefined : setTimeout(end, forMs);
  const idle = idleMs === undefined ? undefined : setTimeout(end, idleMs);
  return {
    signal: AbortSignal.any([stopped, controller.signal]),
    restartIdle: () => void idle?.refresh(),
    release: () => {
      clearTimeout(total);
      clearTimeout(idle);
    },
  };
}
