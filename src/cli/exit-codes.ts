import type { ErrorCode } from '../index.ts';
import { CommandFailure } from './command-failure.ts';

/** The exit statuses. `mcp-taskq help exit-codes` prints this table. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  partly: 3,
  refused: 4,
  noSuchQueue: 5,
  nothingThere: 6,
  unreachable: 7,
  declined: 8,
  timedOut: 124,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Any other one has failed. */
const BY_ERROR_CODE: Partial<Record<ErrorCode, ExitCode>> = {
  INVALID_ARGUMENT: ExitCode.usage,
  INVALID_MESSAGE: ExitCode.usage,
  QUEUE_NOT_FOUND: ExitCode.noSuchQueue,
  QUEUE_UNAVAILABLE: ExitCode.unreachable,
  ACCESS_REFUSED: ExitCode.refused,
  AUTHENTICATION_FAILED: ExitCode.refused,
  // The broker accepted the user, but refuses the vhost.
  VHOST_NOT_FOUND: ExitCode.refused,
  CONNECTION_FAILED: ExitCode.unreachable,
  CONNECTION_LOST: ExitCode.unreachable,
  TLS_FAILED: ExitCode.unreachable,
  // Not --timeout, which ends in a CommandFailure.
  NO_ANSWER: ExitCode.unreachable,
  BUSY: ExitCode.unreachable,
  WAIT_TIMEOUT: ExitCode.nothingThere,
  API_UNAVAILABLE: ExitCode.unreachable,
};

/** The exit status for an error that ended a command. */
export function getExitCode(error: unknown): number {
  if (error instanceof CommandFailure) return error.exitCode;
  if (!(error instanceof Error)) return ExitCode.failed;
  // @inquirer/core: Ctrl-C at a prompt.
  if (error.name === 'ExitPromptError') return ExitCode.interrupted;
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return ExitCode.failed;
  if (code.startsWith('commander.')) return isHelp(code) ? ExitCode.done : ExitCode.usage;
  const known = Object.hasOwn(BY_ERROR_CODE, code) ? BY_ERROR_CODE[code as ErrorCode] : undefined;
  return known ?? ExitCode.failed;
}

/** Excludes `commander.help`, which is the help shown when no command was given. */
function isHelp(code: string): boolean {
  return code === 'commander.helpDisplayed' || code === 'commander.version';
}
