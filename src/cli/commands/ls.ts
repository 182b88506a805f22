import { Command, Option } from '@commander-js/extra-typings';
import type { ListTaskQueuesOptions, TaskQueueInfo } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { type Context, withContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeWithExamples } from '../help/help-text.ts';
import { ageOption, durationOption } from '../input/durations.ts';
import { wholeNumber } from '../input/numbers.ts';
import { noteOtherVhosts, noteUnknown } from '../output/left-out.ts';
import { queuePrinter } from '../output/queue-list.ts';
import { LazyClient } from '../queues/lazy-client.ts';
import { needsAges, type QueueSelection, SORT_KEYS, selectQueues } from '../queues/queue-selection.ts';
import { awaitEach } from '../terminal/stall-notice.ts';

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
  peek?: boolean;
  exact?: true;
  names?: true;
  null?: true;
  ids?: string;
  watch?: true;
  interval: number;
}

export function lsCommand() {
  return new Command('ls')
    .description(DESCRIPTION)
    .argument('[pattern]', 'task ids to list')
    .addOption(
      new Option('--sort <key>', 'sort key; all but name in descending order (default: name)').choices(
        SORT_KEYS,
      ),
    )
    .option('--reverse', 'reverse the order')
    .option('--non-empty', 'only tasks with messages, ready or unacknowledged')
    .option('--no-consumers', 'only tasks with messages that nobody consumes')
    .option('--min <n>', 'only tasks with at least n messages ready', wholeNumber(1))
    .option('--older-than <dur>', 'only tasks whose oldest message is older', ageOption)
    .option('--idle <dur>', 'only tasks idle for at least this long', durationOption)
    .option('--limit <n>', 'list at most n tasks', wholeNumber(1))
    .option('--peek', 'look into messages for an unknown age, which ends the idle time')
    .option('--no-peek', 'look into none, also for --sort oldest and --older-than')
    .addOption(
      new Option('--exact', 'count now, which ends the idle time of all queues').conflicts(['idle', 'watch']),
    )
    .option('--names', 'print the task ids alone, one per line')
    .option('-0, --null', 'with --names: end each id with NUL, as xargs -0 reads them')
    .option('--ids <file>', 'look at the task ids in a file or - (standard input), one per line')
    .option('-w, --watch', 'show a live table until q or Ctrl-C')
    .option('--interval <dur>', 'refresh interval for --watch (default: 2s)', durationOption, 2000)
    .action((pattern, options, self) =>
      withContext(self, (context) => ls(context, pattern, options), {
        isPaged: options.watch !== true,
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
  if (options.null && !options.names) throw new CommandFailure(ExitCode.usage, '--null needs --names');
  if (options.ids === undefined)
    for (const warning of context.settings.apiWarnings) context.note(`warning: ${warning}`);
  const client = new LazyClient(context.settings);
  try {
    if (options.watch) await watch(context, client, pattern, options);
    else await print(context, client, pattern, options);
  } finally {
    await client.close();
  }
}

async function print(
  context: Context,
  client: LazyClient,
  pattern: string | undefined,
  options: LsOptions,
): Promise<void> {
  const unknown = { idle: 0, depth: 0 };
  const source = sourceFor(options);
  const looks = (options.peek ?? needsAges(options)) && source !== 'none';
  const ages = looks
    ? new (await import('../queues/look-up-ages.ts')).AgeLookups(context, client)
    : undefined;
  const pages =
    options.ids === undefined
      ? countUnknown(await list(context, client, pattern, options), options, unknown)
      : (await import('../queues/queues-by-id.ts')).queuesById(context, options.ids);
  const selected = selectQueues(pages, options, ages?.lookUp);
  const printer = queuePrinter(context, { ...options, isExact: source === 'both' });
  for await (const page of awaitEach(context, selected)) await printer.write(page);
  await printer.end();
  ages?.report();
  noteUnknown(context, unknown.idle, 'idle time');
  noteUnknown(context, unknown.depth, 'depth');
}

async function watch(
  context: Context,
  client: LazyClient,
  pattern: string | undefined,
  options: LsOptions,
): Promise<void> {
  const { watchQueues } = await import('../queues/live-list.ts');
  async function* selected(signal: AbortSignal) {
    yield* selectQueues(await list(context, client, pattern, options, signal), options, undefined);
  }
  const { interval: intervalMs, sort } = options;
  await watchQueues(context, { list: selected, intervalMs, title: pattern ?? '', sort });
}

/** The queues of the management API, with their numbers as far as they are needed. */
async function list(
  context: Context,
  client: LazyClient,
  pattern: string | undefined,
  options: LsOptions,
  signal: AbortSignal = context.stop.signal,
): Promise<AsyncIterable<TaskQueueInfo[]>> {
  const { settings } = context;
  const { listTaskQueues } = await import('../../index.ts');
  const source = sourceFor(options);
  const pages = listTaskQueues({
    ...settings.connection,
    apiUrl: settings.apiUrl,
    signal,
    // Amid a live table there is no place for it.
    ...(!options.watch && { onOtherVhosts: (count: number) => noteOtherVhosts(context, count) }),
    ...(pattern !== undefined && { glob: pattern }),
    source,
  });
  return source === 'statistics' ? withNewQueues(client, pages) : pages;
}

async function* withNewQueues(
  client: LazyClient,
  pages: AsyncIterable<TaskQueueInfo[]>,
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const { countNewQueues } = await import('../queues/new-queues.ts');
  for await (const page of pages) {
    await countNewQueues(client, page);
    yield page;
  }
}

/** The statistics, as counting ends the idle time of all queues: the time by which stuck tasks are found. */
function sourceFor(options: LsOptions): NonNullable<ListTaskQueuesOptions['source']> {
  if (options.exact) return 'both';
  const { names, sort = 'name', nonEmpty, consumers = true, min, olderThan, idle } = options;
  const isAnySelected =
    nonEmpty || !consumers || min !== undefined || olderThan !== undefined || idle !== undefined;
  return names && sort === 'name' && !isAnySelected ? 'none' : 'statistics';
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
