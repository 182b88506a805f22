import { type ChildProcess, spawn } from 'node:child_process';
import type { StoredMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { onSuspend } from '../terminal/job-control.ts';
import { standardError } from '../terminal/standard-error.ts';
import { onSuddenEnd } from '../terminal/sudden-end.ts';
import { formatDuration } from '../text/durations.ts';
import { summarize } from '../text/message-summary.ts';

/** In characters. The operating system limits the environment; the command still gets the body. */
const MAX_VARIABLE = 32 * 1024;

/** How long a command may run after Ctrl-C, and then after SIGTERM. */
const GRACE_MS = 10_000;
const KILL_MS = 5_000;

/**
 * Runs a shell command for one message, with the body on stdin and the properties in the environment; it shares our
 * output. It gets its own process group, so that Ctrl-C on a terminal does not interrupt it: it may finish within a
 * grace period.
 * @throws CommandFailure if it could not be started or did not exit with 0; the stop's reason if that ended it
 */
export async function runForMessage(
  { stop, note }: Pick<Context, 'stop' | 'note'>,
  shellCommand: string,
  message: StoredMessage,
): Promise<void> {
  const child = spawn(shellCommand, {
    shell: true,
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...ownEnvironment(), ...(await environmentOf(message, note)) },
    detached: process.platform !== 'win32',
  });
  // A command need not read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(message.body);
  const releases = [
    onSuddenEnd(() => killGroup(child, 'SIGTERM')),
    onSuspend(
      () => killGroup(child, 'SIGSTOP'),
      () => killGroup(child, 'SIGCONT'),
    ),
    endAfterGrace(child, stop.signal, note),
  ];
  const outcome = await new Promise<string | undefined>((resolve) => {
    child.once('error', ({ message: reason }) => resolve(`could not be started: ${reason}`));
    child.once('close', (status, signal) => {
      resolve(status === 0 ? undefined : signal ? `was ended by ${signal}` : `exited with ${status}`);
    });
  });
  for (const release of releases) release();
  if (outcome === undefined) return;
  // Whether it is still there is not known: nothing reports that a quorum queue has dropped it.
  const failure =
    `The command ${JSON.stringify(shellCommand)} ${outcome}. ` +
    `Its message was given back to task ${JSON.stringify(message.taskId)}; ` +
    'a quorum queue drops a message that was given back too often';
  if (!stop.signal.aborted) throw new CommandFailure(ExitCode.failed, failure);
  note(`${failure}.`);
  throw stop.signal.reason;
}

/** @returns a function that removes the listener and the timers */
function endAfterGrace(child: ChildProcess, signal: AbortSignal, note: Context['note']): () => void {
  let timer: NodeJS.Timeout | undefined;
  const terminate = () => {
    killGroup(child, 'SIGTERM');
    timer = setTimeout(() => killGroup(child, 'SIGKILL'), KILL_MS);
  };
  const onStop = () => {
    const { exitCode } = signal.reason as CommandFailure;
    // `--timeout` leaves the command no grace period.
    if (exitCode === ExitCode.timedOut) return terminate();
    timer = setTimeout(terminate, GRACE_MS);
    if (standardError().isTTY)
      note(`Waiting up to ${formatDuration(GRACE_MS)} for the command to finish; Ctrl-C again ends it.`);
  };
  if (signal.aborted) onStop();
  else signal.addEventListener('abort', onStop, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onStop);
  };
}

/** Signals the command and all processes it has started. */
function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // It has already ended.
  }
}

const OF_MESSAGE = /^MCP_TASKQ_(?:TASK_ID|REDELIVERED|MESSAGE_TYPE|METHOD|ID|HEADERS|PROPERTY_\w+)$/;

/** Without the variables of another message, where this runs in a command for that one. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OF_MESSAGE.test(name)));
}

async function environmentOf(message: StoredMessage, note: Context['note']): Promise<Record<string, string>> {
  const { propertyText } = await import('../../index.ts');
  const { propertiesToJson } = await import('../../cli-support.ts');
  const { type, method, id } = summarize(message, Number.POSITIVE_INFINITY);
  const { headers, ...properties } = message.properties;
  const variables: Record<string, string | undefined> = {
    TASK_ID: message.taskId,
    REDELIVERED: String(message.redelivered),
    MESSAGE_TYPE: type,
    METHOD: method,
    ID: id,
    HEADERS: headers && JSON.stringify(propertiesToJson({ headers }).headers),
    ...Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [
        `PROPERTY_${name.toUpperCase()}`,
        propertyText(value),
      ]),
    ),
  };
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) continue;
    // A variable cannot contain NUL.
    if (value.length <= MAX_VARIABLE && !value.includes('\0')) environment[`MCP_TASKQ_${name}`] = value;
    else note(`MCP_TASKQ_${name} is not set for a message: its value is over 32 KB or contains NUL.`);
  }
  return environment;
}
