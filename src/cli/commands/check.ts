import { Command, Option } from '@commander-js/extra-typings';
import { CHECK_FORMATS, type CheckFormat, reportCheck, reportUnknown } from '../check/check-report.ts';
import { CheckStatus, evaluate, type Thresholds } from '../check/evaluate.ts';
import { surveyTasks } from '../check/survey-tasks.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { hintFor } from '../hints.ts';
import { notBlank, type OptionsOf, wholeNumber } from '../input/option-values.ts';
import { reportSink } from '../output/sinks.ts';
import { outputSettings } from '../settings/settings.ts';
import { colorsFor } from '../terminal/colors.ts';
import { ageOption, exactDuration } from '../text/durations.ts';
import { UsageFailure } from '../usage-failure.ts';
import { withClient } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Check the task queues for a monitoring system. Reads RabbitMQ's statistics (up to 10 s old), which does not
    reset idle times; counts if statistics are off. With --age-…, it also peeks at the oldest message of each task whose
    publisher sets no AMQP timestamp. With --no-peek, the age of those tasks is unknown.`,
  examples: [
    ['mcp-taskq check --age-warn 5m --age-critical 1h', 'stuck tasks'],
    ['mcp-taskq check "build-*" --depth-critical 1000', 'only some tasks'],
    ['mcp-taskq check --format prometheus > taskq.prom', 'for node_exporter'],
  ],
  statuses: '0 ok, 1 warning, 2 critical, 3 unknown (including usage errors and an unreachable broker)',
};

function declare() {
  return explain(new Command('check'), HELP)
    .argument('[pattern]', '', notBlank)
    .optionsGroup('Thresholds:')
    .option('--depth-warn <n>', 'messages ready in one task: warning', wholeNumber(1))
    .option('--depth-critical <n>', 'the same: critical', wholeNumber(1))
    .option('--age-warn <dur>', 'age of the oldest message of a task: warning', ageOption)
    .option('--age-critical <dur>', 'the same: critical', ageOption)
    .option('--unconsumed-warn <n>', 'tasks with messages but no consumer: warning', wholeNumber(1))
    .option('--unconsumed-critical <n>', 'the same: critical', wholeNumber(1))
    .optionsGroup('How to check:')
    .option('--no-peek', 'do not look at messages')
    .addOption(
      new Option('--format <format>', 'text, json or prometheus (default: text; json with -o json)').choices(
        CHECK_FORMATS,
      ),
    );
}

type CheckOptions = OptionsOf<typeof declare>;

export function checkCommand() {
  return declare().action(async (pattern, options, self) => {
    const isJson = ['json', 'jsonl'].includes(outputSettings(self).asked);
    const format = options.format ?? (isJson ? 'json' : 'text');
    try {
      const run = (context: ClientContext) => context.stop.race(check(context, pattern, options, format));
      await withClient(self, run, { usesApi: true });
    } catch (error) {
      throw unknownFailure(error, format, pattern);
    }
  });
}

async function check(
  context: ClientContext,
  pattern: string | undefined,
  options: CheckOptions,
  format: CheckFormat,
): Promise<void> {
  const { settings, stdout, stop } = context;
  const thresholds = thresholdsOf(options);
  const { warn, critical } = thresholds.age;
  const looks = options.peek && (warn !== undefined || critical !== undefined);
  const survey = await surveyTasks(context, { glob: pattern, looks });
  const found = evaluate(survey, thresholds, Date.now());
  // After a stop, a result has already been reported.
  stop.signal.throwIfAborted();
  const colors = colorsFor(process.stdout, settings);
  await reportSink(stdout).write(reportCheck(format, found, { thresholds, pattern, colors }));
  if (found.status !== CheckStatus.ok) throw new CommandFailure(found.status, '');
}

function thresholdsOf(options: CheckOptions): Thresholds {
  const { depthWarn, depthCritical, ageWarn, ageCritical, unconsumedWarn, unconsumedCritical } = options;
  return {
    depth: threshold('depth', depthWarn, depthCritical),
    age: threshold('age', ageWarn, ageCritical, exactDuration),
    unconsumed: threshold('unconsumed', unconsumedWarn, unconsumedCritical),
  };
}

function threshold(
  name: string,
  warn: number | undefined,
  critical: number | undefined,
  show: (value: number) => string = String,
) {
  if (warn !== undefined && critical !== undefined && warn > critical) {
    throw new UsageFailure(
      `--${name}-warn ${show(warn)} is above --${name}-critical ${show(critical)}, so it would never apply`,
    );
  }
  return { warn, critical };
}

/**
 * What a wrong command line ends with, in the format that it names. A monitoring system would read the status of usage
 * errors, 2, as critical, and shows standard output.
 */
export function unknownUsage({ message, hint, cause }: UsageFailure): CommandFailure {
  const words = process.argv.flatMap((word) => word.split('='));
  const format = CHECK_FORMATS.find((each) => words.includes(each)) ?? 'text';
  const report = (text: string) => reportUnknown(format, text, undefined);
  return new CommandFailure(CheckStatus.unknown, message, { hint, cause, report });
}

/** Reports on stdout for the monitoring system, and on stderr for people. A signal keeps its own status. */
function unknownFailure(error: unknown, format: CheckFormat, pattern: string | undefined): unknown {
  const status = error instanceof CommandFailure ? error.exitCode : undefined;
  const isResult = error instanceof CommandFailure && error.message === '';
  if (isResult || status === ExitCode.interrupted || status === ExitCode.terminated) return error;
  const { name, message } = error as Error;
  const isExpected = status !== undefined || 'code' in (error as object);
  const said = isExpected ? message : `${name}: ${message}`;
  return new CommandFailure(CheckStatus.unknown, said, {
    cause: error,
    report: (text) => reportUnknown(format, text, pattern),
    hint: isExpected
      ? hintFor(error as Error)
      : 'This is a bug in mcp-taskq; --verbose shows where it happened.',
  });
}
