import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { RunningBroker } from '../../local-broker/index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode, getExitCode } from '../exit-codes.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { type OptionsOf, wholeNumber } from '../input/option-values.ts';
import { CONNECTION_OPTIONS, flagOf } from '../settings/global-options.ts';
import { PRIVATE_BROKER } from '../settings/private-broker.ts';
import { requireTerminal, requireYes } from '../terminal/confirmation.ts';
import { askYesOrNo, hasTerminal } from '../terminal/prompts.ts';
import { standardError } from '../terminal/standard-error.ts';
import { jsonLine } from '../text/terminal-text.ts';
import { UsageFailure } from '../usage-failure.ts';
import { withContext } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Run a private RabbitMQ on 127.0.0.1 for trials, tests and demos: an installed one, else one in Docker or
    Podman, else it offers to install RabbitMQ. Runs until Ctrl-C, or for the duration of a command, which gets MCP_TASKQ_URL (and
    MCP_TASKQ_API_URL with --management). Leaves nothing behind except the folder of --data.`,
  examples: [
    ['mcp-taskq broker --management -- bash', 'a shell to try things out'],
    ['mcp-taskq broker -- npm test', 'for one command'],
    ['mcp-taskq broker > broker.env &', 'then: export $(cat broker.env)'],
  ],
  statuses: "the command's; 128 + n after signal n, 127 if there is no such command",
  instead: 'Also: --json, --timeout <dur>, --verbose',
};

function declare() {
  return (
    explain(new Command('broker'), HELP)
      .argument('[command...]')
      .option('--port <number>', 'AMQP port (default: a free one)', wholeNumber(1, 65_535))
      .option(
        '--api-port <number>',
        'port of the management API; implies --management',
        wholeNumber(1, 65_535),
      )
      .option('--data <dir>', 'keep data and ports in this folder (default: temporary)')
      .option('--management', 'with the management API, for ls, check and prune')
      .option('--install', 'install RabbitMQ if it is missing, without asking')
      // Options after the command's name belong to that command.
      .passThroughOptions()
  );
}

type Options = OptionsOf<typeof declare>;

export function brokerCommand() {
  return declare().action((words, options, self) => {
    refuseAnotherBroker(self as CommandUnknownOpts);
    return withContext(self, (context) => runBroker(context, words, options), { purpose: 'private-broker' });
  });
}

/** Before the name of the command they may come from an alias, and are ignored. */
function refuseAnotherBroker(command: CommandUnknownOpts): void {
  const given = Object.keys(command.opts());
  const misplaced = CONNECTION_OPTIONS.find(({ name }) => name !== 'timeout' && given.includes(name));
  if (misplaced === undefined) return;
  throw new UsageFailure(
    `"broker" does not take ${flagOf(misplaced.name)}: it starts a broker of its own`,
    'To see which broker you are connected to: mcp-taskq status',
  );
}

async function runBroker(context: Context, [program, ...args]: string[], options: Options): Promise<void> {
  const begun = performance.now();
  const { startBroker } = await import('../../local-broker/index.ts');
  const { data: dataDir, port, apiPort, management, install } = options;
  const broker = await startBroker({
    dataDir,
    port,
    apiPort,
    management,
    install,
    confirmInstall: (what) => confirmInstall(context, what),
    onProgress: context.note,
    signal: context.stop.signal,
  });
  try {
    context.stop.signal.throwIfAborted();
    if (program === undefined) return await serve(context, broker);
    const { timeoutMs } = context.settings;
    // From here on, the command handles signals.
    context.stop.release();
    if (SHELLS.includes(basename(program)) && hasTerminal()) context.note(describeShell(broker));
    await runWith(broker, program, args, {
      note: context.note,
      timeoutMs: timeoutMs === undefined ? undefined : Math.max(1, timeoutMs - (performance.now() - begun)),
    });
  } finally {
    await broker.stop();
  }
}

const SHELLS: readonly string[] = ['sh', 'bash', 'dash', 'zsh', 'fish', 'ksh'];

/** Printed before a shell that looks like any other. */
function describeShell({ url, apiUrl }: RunningBroker): string {
  const api = apiUrl === undefined ? ' (without the management API: ls needs --management)' : '';
  return `In this shell mcp-taskq uses the private broker at ${url}${api}. "exit" stops it.`;
}

async function confirmInstall({ stop }: Context, what: string): Promise<boolean> {
  requireTerminal(
    'Use --install to install it, or start Docker or Podman.',
    'RabbitMQ is not installed. Installing it needs confirmation',
  );
  await requireYes(askYesOrNo({ stop }, `RabbitMQ is not installed here. ${what}?`), 'installed');
  return true;
}

/** Runs until a signal arrives or `--timeout` elapses. */
async function serve({ settings, stdout, note, stop }: Context, broker: RunningBroker): Promise<void> {
  await stdout.write(
    settings.output === 'json' || settings.output === 'jsonl'
      ? `${jsonLine(brokerRecord(broker))}\n`
      : Object.entries(addresses(broker))
          .map(([name, value]) => `${name}=${value}\n`)
          .join(''),
  );
  note('Ctrl-C stops it.');
  try {
    const error = await stop.race(broker.exited);
    if (error) throw error;
  } catch (error) {
    // Ctrl-C was announced as the way to stop it, so it is not a failure.
    if (getExitCode(error) === ExitCode.interrupted) {
      note('Stopping');
      return;
    }
    throw error;
  }
}

/** The documented schema. */
function brokerRecord({ url, apiUrl, port, apiPort, version, runtime }: RunningBroker) {
  const api = { api_url: apiUrl ?? null, api_port: apiPort ?? null };
  return { url, port, ...api, version, runtime, pid: process.pid };
}

function addresses({ url, apiUrl }: Pick<RunningBroker, 'url' | 'apiUrl'>): Record<string, string> {
  return { MCP_TASKQ_URL: url, ...(apiUrl !== undefined && { MCP_TASKQ_API_URL: apiUrl }) };
}

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Runs a command to its end. @throws CommandFailure with the status to pass on, unless that is 0 */
export async function runWith(
  broker: Pick<RunningBroker, 'url' | 'apiUrl' | 'exited'>,
  program: string,
  args: string[],
  { note, timeoutMs }: { note: Context['note']; timeoutMs: number | undefined },
): Promise<void> {
  const environment = { ...process.env };
  // These variables belong to another broker.
  delete environment.MCP_TASKQ_API_URL;
  delete environment.MCP_TASKQ_PASSWORD_FILE;
  delete environment.MCP_TASKQ_CONTEXT;
  const own = { ...addresses(broker), [PRIVATE_BROKER]: broker.url };
  const child = spawn(program, args, { stdio: 'inherit', env: { ...environment, ...own } });

  // A terminal also sends Ctrl-C and Ctrl-\ to the command, to which a second signal could mean something else.
  const isOnTerminal = process.stdin.isTTY || process.stdout.isTTY || standardError().isTTY;
  const forward = (signal: NodeJS.Signals) => {
    if (!isOnTerminal || signal === 'SIGTERM' || signal === 'SIGHUP') child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  let timedOut = false;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          child.kill('SIGTERM');
        }, timeoutMs);
  broker.exited.then((error) => error && note(`warning: ${error.message}`));
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) => reject(cannotRun(program, cause)));
      child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    });
    if (timedOut) {
      throw new CommandFailure(ExitCode.timedOut, `${program} timed out (--timeout)`);
    }
    if (status !== 0) throw new CommandFailure(status, '');
  } finally {
    clearTimeout(timer);
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}

/** The statuses are those of a shell. */
function cannotRun(program: string, cause: NodeJS.ErrnoException): CommandFailure {
  const isMissing = cause.code === 'ENOENT';
  return new CommandFailure(
    isMissing ? 127 : 126,
    isMissing ? `Command not found: ${program}` : `Cannot run ${program}: ${cause.message}`,
    { cause },
  );
}
