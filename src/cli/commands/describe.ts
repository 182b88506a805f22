import { Command } from '@commander-js/extra-typings';
import { CommandFailure } from '../command-failure.ts';
import { type ClientContext, withClient } from '../context.ts';
import { nextSteps } from '../describe/next-steps.ts';
import { readTask } from '../describe/read-task.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeWithExamples } from '../help/help-text.ts';
import { fitStderr } from '../output/facts.ts';
import { terminalWidth } from '../output/tables.ts';
import { taskRecord, viewTask } from '../output/task-view.ts';
import { colorsFor } from '../terminal/colors.ts';
import { safeLine } from '../terminal/terminal-text.ts';

const DESCRIPTION = describeWithExamples(
  `Say what is in the queue of a task and who reads it: counts, the oldest and the newest message, messages by type and
  method, consumers, policy, type, node and idle time, and what to do next. It looks at up to 1,000 of the oldest
  messages, as peek does, where that is safe; that ends the idle time of the queue, and with --no-peek nothing is
  touched. Without the management API it says less.`,
  [
    ['mcp-taskq describe 786512e2', 'what is the matter with this task?'],
    ['mcp-taskq describe 786512e2 --no-peek', 'by the statistics alone, up to 10 s old'],
    ['mcp-taskq describe 786512e2 --json | jq .by_type', 'for programs'],
  ],
);

interface DescribeOptions {
  peek: boolean;
}

export function describeCommand() {
  return new Command('describe')
    .description(DESCRIPTION)
    .argument('<task_id>')
    .option('--no-peek', 'look at no message')
    .action((taskId, options, self) => withClient(self, (context) => describe(context, taskId, options)));
}

async function describe(context: ClientContext, taskId: string, { peek }: DescribeOptions): Promise<void> {
  const { format, stdout, settings, note } = context;
  if (format === 'raw') throw new CommandFailure(ExitCode.usage, 'describe has no raw output');
  const report = await readTask(context, taskId, { looks: peek });
  const now = Date.now();
  const steps = nextSteps(report, now);
  if (format === 'table') {
    const colors = colorsFor(process.stdout, settings);
    await stdout.write(viewTask(report, steps, { width: terminalWidth(), colors, now }));
  } else {
    await stdout.write(`${safeLine(JSON.stringify(taskRecord(report, steps)))}\n`);
  }
  for (const sentence of report.missing) note(fitStderr(sentence));
}
