import { spawnSync } from 'node:child_process';
import { timeoutFailure } from '../terminal/stop.ts';
import { UsageFailure } from '../usage-failure.ts';

/** Long enough to unlock a password store by hand. */
const MOST_MS = 60_000;

/**
 * Returns the first line that a shell command prints. The command may prompt on the terminal, and its stderr is
 * shown.
 * @param timeoutMs of the whole command line; Node does nothing else while this runs
 * @throws CommandFailure (usage, or timed out) that names the command, never its output
 */
export function runPasswordCommand(
  command: string,
  contextName: string,
  timeoutMs: number = Number.POSITIVE_INFINITY,
): string {
  const { status, signal, error, stdout } = spawnSync(command, {
    shell: true,
    stdio: ['inherit', 'pipe', 'inherit'],
    encoding: 'utf8',
    timeout: Math.min(timeoutMs, MOST_MS),
  });
  const isTooLate = (error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT';
  if (isTooLate && timeoutMs <= MOST_MS) throw timeoutFailure(timeoutMs);
  const [password = ''] = (stdout ?? '').split(/\r?\n/, 1);
  const failure =
    error !== undefined
      ? `could not be run: ${isTooLate ? 'no answer within a minute' : error.message}`
      : signal !== null
        ? `was ended by ${signal}`
        : status !== 0
          ? `exited with ${status}`
          : password === ''
            ? 'printed nothing'
            : undefined;
  if (failure === undefined) return password;
  throw new UsageFailure(
    `The password command of context ${contextName} ${failure}: ${command}`,
    `It must print the password as its first line. Change it with "mcp-taskq context set ${contextName} --password-command …".`,
  );
}
