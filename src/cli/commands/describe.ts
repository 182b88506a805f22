import { Command } from '@commander-js/extra-typings';
import { isTaskQueueError } from '../../cli-shared.ts';
import type { ClientContext } from '../context.ts';
import { nextSteps } from '../describe/next-steps.ts';
import { readTask, type TaskReport } from '../describe/read-task.ts';
import { taskRecord, viewTask } from '../describe/task-view.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import type { OptionsOf } from '../input/option-values.ts';
import { countEvents } from '../reading/count-events.ts';
import { colorsFor } from '../terminal/colors.ts';
import { terminalWidth } from '../terminal/terminal-width.ts';
import { durationOption } from '../text/durations.ts';
import { jsonLine } from '../text/terminal-text.ts';
import { UsageFailure } from '../usage-failure.ts';
import { withClient } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Show what is in the queue of a task and who reads it: counts, oldest and newest message, messages by type and
    method, consumers, policy, node and idle time, and what to do next. Like peek, it looks at up to 1,000 messages where
    that is safe, which resets the idle time; --no-peek skips this, and takes counts that are up to 10 s old. Without the
    management API it shows less.`,
  examples: [
    ['mcp-taskq describe 786512e2', 'what is wrong here?'],
    ['mcp-taskq describe 786512e2 --listen 10s', 'does anything move?'],
    ['mcp-taskq describe 786512e2 --json | jq .by_type', 'for programs'],
  ],
  statuses: '5 no such task queue',
};

function declare() {
  return explain(new Command('describe'), HELP)
    .argument('<task_id>')
    .option('--no-peek', 'do not look at messages')
    .option('--listen <dur>', 'also listen for this long and count events', durationOption);
}

export function describeCommand() {
  return declare().action((taskId, options, self) =>
    withClient(self, (context) => describe(context, taskId, options), { usesApi: true }),
  );
}

async function describe(
  context: ClientContext,
  taskId: string,
  { peek, listen }: OptionsOf<typeof declare>,
): Promise<void> {
  const { format, stdout, settings, note, stop } = context;
  if (format === 'raw') throw new UsageFailure('describe does not support -o raw');
  const report = await stop.race(readTask(context, taskId, { looks: peek }));
  // Before the listening, as the ages are those of what was read.
  const now = Date.now();
  if (listen !== undefined) await listenTo(context, report, listen, peek);
  const steps = nextSteps(report, now);
  if (format === 'table') {
    const colors = colorsFor(process.stdout, settings);
    await stdout.write(viewTask(report, steps, { width: terminalWidth(), colors, now }));
  } else {
    await stdout.write(`${jsonLine(taskRecord(report, steps))}\n`);
  }
  for (const sentence of report.missing) note(sentence);
  // A stop shortens the listening only; the exit status reports it.
  stop.signal.throwIfAborted();
}

/** A failure leaves the rest of the report as it is. */
async function listenTo(
  { client, settings, stop }: ClientContext,
  report: TaskReport,
  ms: number,
  peek: boolean,
): Promise<void> {
  const depth = async () => (peek ? (await client.depth(report.taskId))?.messages : undefined);
  try {
    report.heard = await countEvents(settings, ms, { taskId: report.taskId, stop, depth });
  } catch (error) {
    if (!isTaskQueueError(error) && !stop.signal.aborted) throw error;
    const why = isTaskQueueError(error) ? `${error.message}.` : 'It was stopped before it could listen.';
    report.missing = [...report.missing, `Events were not counted. ${why}`];
  }
}
