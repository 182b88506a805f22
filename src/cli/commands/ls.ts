import { Command, Option } from '@commander-js/extra-typings';
import type { ListTaskQueuesOptions, TaskQueueInfo } from '../../index.ts';
import type { ClientContext, Context } from '../context.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { notBlank, type OptionsOf, wholeNumber } from '../input/option-values.ts';
import { noteUnknown } from '../output/left-out.ts';
import { queuePrinter } from '../output/queue-list.ts';
import { listQueues } from '../queues/list-queues.ts';
import { LeftOut, needsAges, SORT_KEYS, selectQueues } from '../queues/queue-selection.ts';
import { awaitEach } from '../terminal/stall-notice.ts';
import { ageOption, durationOption } from '../text/durations.ts';
import { UsageFailure } from '../usage-failure.ts';
import { withContext } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `List task queues with the number of messages in them. In a pattern, * matches any text and ? any character.
    Needs the management plugin of RabbitMQ, except with --ids. Reads RabbitMQ's statistics (up to 10 s old), which does
    not reset idle times; --exact counts the messages now.`,
  examples: [
    ['mcp-taskq ls', 'all task queues'],
    ['mcp-taskq ls "build-*" --sort ready --limit 10', 'the ten deepest'],
    ['mcp-taskq ls --watch', 'a live table'],
  ],
};

function declare() {
  return explain(new Command('ls'), HELP)
    .argument('[pattern]', '', notBlank)
    .optionsGroup('Which queues:')
    .option('--non-empty', 'only queues with messages, ready or unacknowledged')
    .option('--no-consumers', 'only queues with messages but no consumer')
    .option('--min <n>', 'only queues with at least n messages ready', wholeNumber(1))
    .option('--older-than <dur>', 'only queues whose oldest message is older than this', ageOption)
    .option('--idle <dur>', 'only queues idle for at least this long', ageOption)
    .option('--ids <file>', 'read task ids from a file, one per line; - for stdin', notBlank)
    .option('--limit <n>', 'at most n queues', wholeNumber(1))
    .optionsGroup('How to list them:')
    .addOption(
      new Option(
        '--sort <key>',
        'name, ready, unacked, consumers, oldest or idle; all but name in descending order',
      ).choices(SORT_KEYS),
    )
    .option('--reverse', 'reverse the order')
    .option('--peek', 'peek where the age is unknown (resets idle times)')
    .option('--no-peek', 'never peek, even for --sort oldest or --older-than')
    .addOption(new Option('--exact', 'count now, which resets idle times').conflicts(['idle', 'watch']))
    .addOption(new Option('--names', 'only the task ids, one per line').conflicts('watch'))
    .option('-0, --null', 'with --names: end each id with NUL')
    .option('-w, --watch', 'a live table, until q or Ctrl-C')
    .option('--interval <dur>', 'refresh interval for --watch (default: 2s)', durationOption, 2000);
}

type LsOptions = OptionsOf<typeof declare>;

export function lsCommand() {
  return declare().action((pattern, options, self) =>
    withContext(
      self,
      (context) => {
        const running = ls(context, pattern, options);
        return options.watch ? running : context.stop.race(running);
      },
      { isPaged: options.watch !== true, usesApi: options.ids === undefined },
    ),
  );
}

async function ls(context: Context, pattern: string | undefined, options: LsOptions): Promise<void> {
  if (options.ids !== undefined && (pattern !== undefined || options.watch)) {
    throw new UsageFailure('--ids cannot be combined with a pattern or --watch');
  }
  if (options.ids !== undefined && historyFor(options) !== undefined) {
    throw new UsageFailure(
      '--ids cannot be combined with --idle or --sort idle',
      'It counts over AMQP, and only the management API has idle times.',
    );
  }
  if (context.format === 'raw' && !options.names)
    throw new UsageFailure('ls does not support -o raw', 'Use --names for the ids alone.');
  for (const option of ['watch', 'names'] as const)
    if (options[option] && ['json', 'jsonl'].includes(context.settings.output))
      throw new UsageFailure(`--${option} cannot be used with -o ${context.settings.output}`);
  if (options.null && !options.names) throw new UsageFailure('--null needs --names');
  const { TaskQueueClient } = await import('../../index.ts');
  // Connects only where it is needed.
  const client = new TaskQueueClient(context.settings.connection);
  try {
    const run = options.watch ? watch : print;
    await run({ ...context, client }, pattern, options);
  } finally {
    // Nothing the client still does is worth waiting for.
    await client.close({ timeoutMs: 500 });
  }
}

async function print(context: ClientContext, pattern: string | undefined, options: LsOptions): Promise<void> {
  const source = sourceFor(options);
  const looks = (options.peek ?? needsAges(options)) && source !== 'none';
  const ages = looks ? new (await import('../queues/look-up-ages.ts')).AgeLookups(context) : undefined;
  const pages =
    options.ids === undefined
      ? await list(context, pattern, options)
      : (await import('../queues/queues-by-id.ts')).queuesById(context, options.ids);
  const leftOut = new LeftOut();
  const selected = selectQueues(pages, options, {
    lookUp: ages?.lookUp,
    leftOut,
    // Only where the count is shown, and not if each queue costs a request.
    countsBeyondLimit: context.format === 'table' && !options.names && options.ids === undefined,
  });
  const isExact = source === 'both';
  const printer = await queuePrinter(context, {
    ...options,
    showsIdle: historyFor(options) !== undefined,
    hasLooked: looks,
    isExact,
  });
  for await (const page of awaitEach(context, selected)) await printer.write(page);
  await printer.end(leftOut.beyondLimit);
  ages?.report();
  const { unknown } = leftOut;
  noteUnknown(context, unknown.idle, 'idle time');
  noteUnknown(context, unknown.depth, 'depth');
  noteUnknown(context, unknown.age, 'age of its messages');
}

async function watch(context: ClientContext, pattern: string | undefined, options: LsOptions): Promise<void> {
  const { watchQueues } = await import('../queues/live-list.ts');
  async function* selected(signal: AbortSignal, leftOut: LeftOut) {
    const pages = await list(context, pattern, options, signal);
    yield* selectQueues(pages, options, { leftOut, countsBeyondLimit: true });
  }
  const { interval: intervalMs, sort } = options;
  const showsIdle = historyFor(options) !== undefined;
  await watchQueues(context, { list: selected, intervalMs, title: pattern ?? '', sort, showsIdle });
}

/** The queues from the management API, with the numbers that are needed. */
async function list(
  context: ClientContext,
  pattern: string | undefined,
  options: LsOptions,
  signal: AbortSignal = context.stop.signal,
): Promise<AsyncIterable<TaskQueueInfo[]>> {
  const source = sourceFor(options);
  // A live table has no place for warnings.
  const from = options.watch ? { settings: context.settings } : context;
  const pages = listQueues(from, {
    signal,
    source,
    historyMs: historyFor(options) ?? 0,
    ...(pattern !== undefined && { glob: pattern }),
  });
  if (source !== 'statistics') return pages;
  const { withNewQueues } = await import('../queues/new-queues.ts');
  return withNewQueues(context.client, pages);
}

/** The statistics: counting would reset the idle time of all queues, by which stuck tasks are found. */
function sourceFor(options: LsOptions): NonNullable<ListTaskQueuesOptions['source']> {
  if (options.exact) return 'both';
  const { names, sort = 'name', nonEmpty, consumers = true, min, olderThan, idle } = options;
  const isAnySelected =
    nonEmpty || !consumers || min !== undefined || olderThan !== undefined || idle !== undefined;
  return names && sort === 'name' && !isAnySelected ? 'none' : 'statistics';
}

/** As far back as RabbitMQ keeps its counters. */
const HOUR_MS = 3_600_000;

/** Only where idle times decide: it doubles the time of a list. */
function historyFor({ idle, sort }: LsOptions): number | undefined {
  return idle ?? (sort === 'idle' ? HOUR_MS : undefined);
}
