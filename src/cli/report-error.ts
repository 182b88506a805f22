import { isTaskQueueError } from '../cli-shared.ts';
import { CommandFailure } from './command-failure.ts';
import { getExitCode } from './exit-codes.ts';
import { hintFor, inFlagsOf } from './hints.ts';
import { withoutCredentials } from './settings/broker-urls.ts';
import { endSoon } from './terminal/grace.ts';
import { standardError } from './terminal/standard-error.ts';
import { safeText } from './text/terminal-text.ts';
import { wrapFor } from './text/wrap.ts';

/**
 * Prints the error that ended a command: on standard output for a program that reads that, and on standard error for people.
 * @returns the exit status
 */
export async function reportError(error: unknown, verbose: boolean): Promise<number> {
  const text = describeError(error, { verbose });
  if (text !== '') {
    const { redactUrl } = await import('../index.ts');
    const redacted = (words: string) => withoutCredentials(words, redactUrl);
    if (error instanceof CommandFailure && error.report !== undefined)
      process.stdout.write(await error.report(redacted(error.message)));
    const stderr = standardError();
    stderr.write(stderr.isTTY ? wrapFor(stderr, safeText(redacted(text))) : redacted(text));
  }
  const status = getExitCode(error);
  endSoon(status);
  return status;
}

/**
 * The text for the error that ended a command: what failed, what to do, and with `--verbose` the cause chain. Empty
 * if there is nothing to report. It may contain a password from the command line.
 */
export function describeError(error: unknown, { verbose }: { verbose: boolean }): string {
  if (!(error instanceof Error)) return `error: ${String(error)}\n`;
  // What was asked for, and is printed already: the help, or the version.
  if (String((error as { code?: unknown }).code).startsWith('commander.')) return '';
  if (error.name === 'ExitPromptError') return '';
  if (error instanceof CommandFailure && error.message === '') return '';
  const hint = hintFor(error);
  const message = inFlagsOf(error.message);
  const lines = [`error: ${isExpected(error) ? message : `${error.name}: ${message}`}`];
  if (hint !== undefined) lines.push(`hint: ${hint}`);
  if (!isExpected(error)) lines.push('This is a bug in mcp-taskq; --verbose shows where it happened.');
  if (verbose) lines.push(...stacksOf(error));
  return `${lines.join('\n')}\n`;
}

/** Whether the command line or the library raised the error on purpose, or the system did: a full disk is not a bug. */
function isExpected(error: Error): boolean {
  return error instanceof CommandFailure || isTaskQueueError(error) || 'syscall' in error;
}

function stacksOf(error: Error): string[] {
  const stacks = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    stacks.push(`${stacks.length === 0 ? '' : 'caused by: '}${cause.stack}${code ? ` [code ${code}]` : ''}`);
  }
  return stacks;
}
