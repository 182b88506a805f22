import { Command } from '@commander-js/extra-typings';
import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import type { OptionsOf } from '../input/option-values.ts';
import { layOutFacts } from '../output/facts.ts';
import { reportSink } from '../output/sinks.ts';
import { findProblems } from '../status/find-problems.ts';
import { type BrokerStatus, readStatus } from '../status/read-status.ts';
import { statusFacts, statusRecord } from '../status/status-view.ts';
import { colorsFor } from '../terminal/colors.ts';
import { standardError } from '../terminal/standard-error.ts';
import { terminalWidth } from '../terminal/terminal-width.ts';
import { durationOption } from '../text/durations.ts';
import { jsonLine } from '../text/terminal-text.ts';
import { UsageFailure } from '../usage-failure.ts';
import { withContext } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Show which broker this is, who you are there, what you may do, and whether anything is wrong. Checking
    permissions creates and changes nothing.`,
  examples: [
    ['mcp-taskq status', 'where am I?'],
    ['mcp-taskq status --no-api && ./deploy', 'in a script, without the API'],
    ['mcp-taskq status --json | jq .permissions', 'for programs'],
  ],
  statuses: '0 all is well, 1 something is wrong, 4 refused, 7 unreachable',
};

function declare() {
  return explain(new Command('status'), HELP)
    .option('--no-api', 'skip the management API: no task counts, no alarm details')
    .option('--listen <dur>', 'listen for this long, and count the events', durationOption);
}

export function statusCommand() {
  return declare().action((options, self) =>
    withContext(self, (context) => status(context, options), { usesApi: options.api }),
  );
}

async function status(context: Context, { api, listen: listenMs }: OptionsOf<typeof declare>): Promise<void> {
  const { format, settings, note, stop } = context;
  const stdout = reportSink(context.stdout);
  if (format === 'raw') throw new UsageFailure('status does not support -o raw');
  let found: BrokerStatus;
  try {
    found = await readStatus(settings, { asksApi: api, listenMs, stop });
  } catch (error) {
    // A program that reads JSON always gets a document.
    if (format !== 'table' && !stop.signal.aborted) {
      const { redactUrl } = await import('../../index.ts');
      const { message, code } = error as { message: string; code?: unknown };
      const problem = { problem: redactUrl(message), code: typeof code === 'string' ? code : null };
      await stdout.write(`${jsonLine({ ok: false, problems: [problem] })}\n`);
    }
    throw error;
  }
  const problems = findProblems(found);
  if (format === 'table') {
    const colors = colorsFor(process.stdout, settings);
    await stdout.write(layOutFacts(statusFacts(found, colors), { width: terminalWidth(), colors }));
  } else {
    await stdout.write(`${jsonLine(statusRecord(found, problems))}\n`);
  }
  const red = colorsFor(standardError(), settings).red;
  for (const { problem, hint } of problems) {
    note(`problem: ${problem}`, red);
    if (hint !== undefined) note(`hint: ${hint}`);
  }
  // A stop shortens the listening only; the exit status reports it.
  stop.signal.throwIfAborted();
  if (problems.length > 0) throw new CommandFailure(ExitCode.failed, '');
  if (format === 'table') note('All is well.');
}
