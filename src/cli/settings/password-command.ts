import { spawnSync } from 'node:child_process';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';

/** Long enough to unlock a password store by hand. */
const TIMEOUT_MS = 60_000;

/**
 * Returns the first line that a shell command prints. The command may prompt on the terminal, and its stderr is
 * shown.
 * @throws CommandFailure (usage) that names the command, never its output
 */
export function runPasswordCommand(command: string, contextName: string): string {
  const { status, signal, error, stdout } = spawnSync(command, {
    shell: true,
    stdio: ['inherit', 'pipe', 'inherit'],
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  const [password = ''] = (stdout ?? '').split(/\r?\n/, 1);
  const failure =
    error !== undefined
      ? `could not be run: ${(error as NodeJS.ErrnoException).code === 'ETIMEDOUT' ? 'no answer within a minute' : error.message}`
      : signal !== null
        ? `was ended by ${signal}`
        : status !== 0
          ? `exited with ${status}`
          : password === ''
            ? 'printed nothing'
            : undefined;
  if (failure === undefined) return password;
  throw new CommandFailure(
    ExitCode.usage,
    `The password command of context ${contextName} ${failure}: ${command}`,
    {
      hint: `It must print the password as its first line. Change it with "mcp-taskq context set ${contextName} --password-command …".`,
    },
  );
}
