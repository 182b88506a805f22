import { Command, Option } from '@commander-js/extra-typings';
import type { TaskQueueInfo } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { type Context, withContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeWithExamples } from '../help/help-text.ts';
import { durationOption } from '../input/durations.ts';
import { wholeNumber } from '../input/numbers.ts';
import { noteUnknown } from '../output/left-out.ts';
import {
  addTotals,
  type QueueTotals,
  queueTable,
  STATISTICS_NOTE,
  totalsLine,
  widthOfTasks,
} from '../output/queue-table.ts';
import { terminalWidth } from '../output/tables.ts';
import { listQueues } from '../queues/list-queues.ts';
import { type QueueSelection, SORT_KEYS, selectQueues } from '../queues/queue-selection.ts';
import { colorsFor } from '../terminal/colors.ts';
import { safeLine } from '../terminal/terminal-text.ts';

const DESCRIPTION = describeWithExamples(
  `List the task queues, with the messages that are in them now. In a pattern * is any text and ? any character.
The broker tells which queues there are only through its management plugin; with --ids it is not needed.
Counting the messages of a queue is a use of it: its idle time starts anew. --idle does not count.`,
  [
    ['mcp-taskq ls', 'all task queues'],
    ['mcp-taskq ls "build-*" --sort ready --limit 10', 'the ten with most messages'],
    ['mcp-taskq ls --non-empty --names | xargs -n 1 mcp-taskq peek', 'what is waiting everywhere'],
    ['mcp-taskq ls --watch', 'a table that stays up to date'],
    ['mcp-taskq ls --ids tasks.txt', 'the tasks in a file, over AMQP alone'],
  ],
);

interface LsOptions extends QueueSelection {
  names?: true;
  ids?: string;
  watch?: true;
  interval: number;
}

export function lsCommand() {
  return new Command('ls')
    .description(DESCRIPTION)
    .argument('[pattern]', 'task ids to list')
    .addOption(new Option('--sort <by>', 'name, or most first (default: name)').choices(SORT_KEYS))
    .option('--reverse', 'the other way round')
    .option('--non-empty', 'only with messages, ready or unacked')
    .option('--min <n>', 'only with so many messages ready', wholeNumber(1))
    .option(
      '--idle <dur>',
      'only where nothing was done for this time; counts are up to 10 s old then',
      durationOption,
    )
    .option('--limit <n>', 'end after so many', wholeNumber(1))
    .option('--names', 'print the task ids alone, a line each')
    .option('--ids <file>', 'look at the task ids in a file or - (standard input), a line each')
    .option('-w, --watch', 'show a live table until Ctrl-C')
    .option('--interval <dur>', 'of --watch (default: 2s)', durationOption, 2000)
    .action((pattern, options, self) =>
      withContext(self, (context) => ls(context, pattern, options), {
        stopsByItself: options.watch === true,
      }),
    );
}

async function ls(context: Context, pattern: string | undefined, options: LsOptions): Promise<void> {
  if (options.ids !== undefined && (pattern !== undefined || options.watch)) {
    throw new CommandFailure(ExitCode.usage, '--ids goes with neither a pattern nor --watch');
  }
  if (context.format === 'raw')
    throw new CommandFailure(ExitCode.usage, 'ls has no raw output', {
      hint: 'Use --names for the ids alone.',
    });
  if (options.ids === undefined)
    for (const warning of context.settings.apiWarnings) context.note(`warning: ${warning}`);
  const unknown = { idle: 0, depth: 0 };
  const list = () => {
    // Amid a live table there is no place for a warning.
    const from = options.watch ? { settings: context.settings } : context;
    const pages = listQueues(from, listOptions(context, pattern, options));
    return selectQueues(countUnknown(pages, options, unknown), options);
  };
  if (options.watch) {
    const { watchQueues } = await import('../queues/live-list.ts');
    return watchQueues(context, { list, intervalMs: options.interval, title: pattern ?? '' });
  }
  const pages =
    options.ids === undefined
      ? list()
      : selectQueues((await import('../queues/queues-by-id.ts')).queuesById(context, options.ids), options);
  const printer = printerFor(context, options);
  for await (const page of pages) await printer.write(page);
  await printer.end();
  noteUnknown(context, unknown.idle, 'idle time');
  noteUnknown(context, unknown.depth, 'depth');
}

/** Counts what the selection leaves out only because nobody knows. */
async function* countUnknown(
  pages: AsyncIterable<TaskQueueInfo[]>,
  { idle, nonEmpty, min }: LsOptions,
  unknown: { idle: number; depth: number },
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  for await (const page of pages) {
    for (const { ready, unacked, statistics } of page) {
      if (idle !== undefined && statistics?.idleSince === undefined) {
        // What has messages or consumers, and no idle time, is in use.
        if (!ready && !unacked && !statistics?.consumers) unknown.idle++;
      } else if ((nonEmpty || min !== undefined) && ready === undefined) unknown.depth++;
    }
    yield page;
  }
}

function listOptions(context: Context, pattern: string | undefined, options: LsOptions) {
  return {
    signal: context.stop.signal,
    ...(pattern !== undefined && { glob: pattern }),
    source: sourceFor(options),
  };
}

function sourceFor({ idle, names, sort }: LsOptions): 'counted' | 'statistics' | 'both' {
  // Counting would make every queue look busy.
  if (idle !== undefined) return 'statistics';
  // The statistics take as long again, and nothing would be done with them.
  return names && sort !== 'consumers' ? 'counted' : 'both';
}

interface Printer {
  write(queues: readonly TaskQueueInfo[]): Promise<void>;
  end(): Promise<void>;
}

function printerFor(context: Context, options: LsOptions): Printer {
  const { stdout, format } = context;
  if (options.names) return namesPrinter(context);
  if (format === 'table') return tablePrinter(context);
  let count = 0;
  return {
    async write(queues) {
      // Within JSON the escapes are the same text.
      const lines = queues.map((info) => safeLine(JSON.stringify(queueRecord(info))));
      if (format === 'jsonl') await stdout.write(lines.map((line) => `${line}\n`).join(''));
      else await stdout.write(lines.map((line) => `${count++ === 0 ? '[\n' : ',\n'}${line}`).join(''));
    },
    async end() {
      if (format === 'json') await stdout.write(count === 0 ? '[]\n' : '\n]\n');
      await stdout.flush();
    },
  };
}

/** Ids as they are: a program takes them for ids, and none has a line break in it. A terminal is spared. */
function namesPrinter({ stdout }: Context): Printer {
  const shown = process.stdout.isTTY ? safeLine : (taskId: string) => taskId;
  return {
    write: (queues) => stdout.write(queues.map(({ taskId }) => `${shown(taskId)}\n`).join('')),
    end: () => stdout.flush(),
  };
}

/** The time that cli-table3 takes for a table grows with the square of its rows. */
const TABLE_ROWS = 50;

function tablePrinter({ stdout, settings, note }: Context): Printer {
  const totals: QueueTotals = { queues: 0, ready: 0, unacked: 0, unknown: 0 };
  let hasHead = true;
  /** Of the first page: the others keep its columns. */
  let firstWidth: number | undefined;
  const print = async (queues: readonly TaskQueueInfo[], taskWidth: number) => {
    await stdout.write(
      queueTable(queues, {
        hasHead,
        width: terminalWidth(),
        taskWidth,
        colors: colorsFor(process.stdout, settings),
        now: Date.now(),
      }),
    );
    hasHead = false;
  };
  return {
    async write(queues) {
      if (queues.length === 0) return;
      firstWidth ??= widthOfTasks(queues);
      for (let index = 0; index < queues.length; index += TABLE_ROWS)
        await print(queues.slice(index, index + TABLE_ROWS), firstWidth);
      addTotals(totals, queues);
    },
    async end() {
      note(`${totalsLine(totals)}${totals.queues > 0 ? `   ${STATISTICS_NOTE}` : ''}`);
    },
  };
}

/** The documented schema; times are ISO 8601. */
function queueRecord({ taskId, ready, unacked, type, state, isCounted, statistics }: TaskQueueInfo) {
  const time = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
  return {
    task_id: taskId,
    ready: ready ?? null,
    unacked: unacked ?? null,
    counted: isCounted,
    type,
    state,
    statistics: statistics && {
      consumers: statistics.consumers,
      idle_since: time(statistics.idleSince),
      oldest_at: time(statistics.oldestAt),
    },
  };
}
