import { describe, expect, test } from 'vitest';
import { CommandFailure } from '../../src/cli/command-failure.ts';
import { getExitCode } from '../../src/cli/exit-codes.ts';
import { describeError } from '../../src/cli/report-error.ts';
import { ErrorCode, TaskQueueError } from '../../src/index.ts';

function named(name: string, code?: string): Error {
  return Object.assign(new Error('x'), { name, ...(code && { code }) });
}

describe('the exit status', () => {
  test.each([
    [ErrorCode.invalidArgument, 2],
    [ErrorCode.invalidMessage, 2],
    [ErrorCode.queueNotFound, 5],
    [ErrorCode.authenticationFailed, 4],
    [ErrorCode.accessRefused, 4],
    [ErrorCode.vhostNotFound, 4],
    [ErrorCode.connectionFailed, 7],
    [ErrorCode.connectionLost, 7],
    [ErrorCode.tlsFailed, 7],
    [ErrorCode.apiUnavailable, 7],
    [ErrorCode.queueOverflow, 1],
    [ErrorCode.publishUnconfirmed, 1],
  ])('of %s is %i', (code, status) => {
    expect(getExitCode(new TaskQueueError(code, 'x'))).toBe(status);
  });

  test('is known for every error of the library', () => {
    for (const code of Object.values(ErrorCode)) {
      expect([1, 2, 4, 5, 6, 7]).toContain(getExitCode(new TaskQueueError(code, 'x')));
    }
  });

  test.each([
    ['a failure that names it', new CommandFailure(6, 'x'), 6],
    ['Ctrl-C at a prompt', named('ExitPromptError'), 130],
    ['a mistyped option', named('CommanderError', 'commander.unknownOption'), 2],
    ['no command at all', named('CommanderError', 'commander.help'), 2],
    ['help that was asked for', named('CommanderError', 'commander.helpDisplayed'), 0],
    ['the version', named('CommanderError', 'commander.version'), 0],
    ['a system error', named('Error', 'ENOENT'), 1],
    ['a bug', new TypeError('x'), 1],
    ['something thrown that is no error', 'x', 1],
    ['an error named like a property of objects', named('Error', 'constructor'), 1],
  ])('of %s', (_what, error, status) => {
    expect(getExitCode(error)).toBe(status);
  });
});

describe('what is printed of an error', () => {
  test('is what failed and what to do', () => {
    const error = new TaskQueueError(ErrorCode.noAnswer, 'It took too long', { hint: 'Try again.' });
    expect(describeError(error, { verbose: false })).toBe(
      'error: It took too long\nhint: Try again. "mcp-taskq status" shows what works.\n',
    );
  });

  test('is everything beneath it with --verbose', () => {
    const cause = Object.assign(new Error('below'), { code: 'ECONNREFUSED' });
    const text = describeError(new TaskQueueError(ErrorCode.noAnswer, 'above', { cause }), { verbose: true });
    expect(text).toMatch(/error: above\n[\s\S]*caused by: Error: below\n[\s\S]*\[code ECONNREFUSED\]/);
  });

  test('admits a bug', () => {
    expect(describeError(new TypeError('x is not a function'), { verbose: false })).toContain(
      'This is a bug',
    );
  });

  test('does not call a failure of the system a bug', () => {
    const error = Object.assign(new Error('EIO: i/o error, fstat'), { code: 'EIO', syscall: 'fstat' });
    expect(describeError(error, { verbose: false })).toBe('error: EIO: i/o error, fstat\n');
  });

  test('is nothing for what needs no words', () => {
    for (const error of [new CommandFailure(130, ''), named('ExitPromptError')]) {
      expect(describeError(error, { verbose: true })).toBe('');
    }
  });
});
