import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { ExitCode } from '../../src/cli/exit-codes.ts';
import { runCli, startCli, temporaryFolder } from '../support/cli.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal } from '../support/terminal.ts';

/** The URL of the test broker with other credentials or another vhost. */
function changedUrl(change: (url: URL) => void): string {
  const url = new URL(inject('url'));
  change(url);
  return url.href;
}

async function taskWith(...bodies: string[]): Promise<string> {
  const task = newTask();
  const client = openClient();
  for (const body of bodies) await client.publish(task, raw(body));
  return task;
}

async function statusOf(args: readonly string[], ownProcess = false): Promise<number | null> {
  return (await runCli(args, { ownProcess })).status;
}

/** Sends a signal to a dequeue that has printed one message and waits for another. */
async function statusAfter(signal: NodeJS.Signals): Promise<number | null> {
  const child = startCli(['dequeue', await taskWith('{}'), '-n', '2', '--wait', '1m']);
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  child.kill(signal);
  return (await ended)[0];
}

/** One way to each, of `help exit-codes`. */
const WAYS: Record<keyof typeof ExitCode, [what: string, run: () => Promise<number | null>]> = {
  done: ['a peek', async () => statusOf(['peek', await taskWith('{}')], true)],
  failed: [
    'a full disk',
    async () => statusOf(['dequeue', await taskWith('{}'), '--out', '/dev/full', '--append'], true),
  ],
  usage: ['a mistyped option', () => statusOf(['peek', 'x', '--limti', '3'])],
  partly: [
    'a command for each message that fails on the second',
    async () => statusOf(['dequeue', await taskWith('1', '2'), '--all', '--exec', 'test "$(cat)" = 1'], true),
  ],
  refused: [
    'a vhost that is not there',
    () => statusOf(['peek', 'x', '-u', `${inject('url')}/no-such-vhost`]),
  ],
  noSuchQueue: ['a task without a queue', () => statusOf(['peek', `missing-${randomUUID()}`])],
  nothingThere: [
    'a filter that nothing matches',
    async () => statusOf(['dequeue', await taskWith('{}'), '--filter', 'size > 1000']),
  ],
  unreachable: ['a port where nobody listens', () => statusOf(['peek', 'x', '-u', 'amqp://127.0.0.1:1'])],
  declined: [
    'Enter at the question of clear',
    async () => {
      const terminal = cliOnTerminal(['clear', await taskWith('{}')]);
      await terminal.shows('(y/N)');
      terminal.type('\r');
      return terminal.ended;
    },
  ],
  timedOut: [
    '--timeout while it waits',
    () => statusOf(['dequeue', newTask(), '--wait', '1m', '--timeout', '500ms'], true),
  ],
  hungUp: ['SIGHUP', () => statusAfter('SIGHUP')],
  interrupted: ['SIGINT', () => statusAfter('SIGINT')],
  terminated: ['SIGTERM', () => statusAfter('SIGTERM')],
};

test.each(
  Object.entries(WAYS).map(([name, way]) => [ExitCode[name as keyof typeof ExitCode], ...way] as const),
)('%i: %s', async (status, _what, run) => {
  expect(await run()).toBe(status);
});

const COMMANDS = ['peek', 'dequeue', 'watch', 'clear'] as const;

describe('a broker that cannot be used', () => {
  test.each(COMMANDS)('%s ends with 7 when nobody listens', async (command) => {
    const args = [command, 'x', ...(command === 'clear' ? ['--yes'] : []), '-u', 'amqp://127.0.0.1:1'];
    const { status, stdout, stderr } = await runCli(args);
    expect({ status, stdout }).toEqual({ status: 7, stdout: '' });
    expect(stderr).toContain('amqp://127.0.0.1:1: nothing listens there');
  });

  test('a wrong password ends with 4, and is printed nowhere', async () => {
    const secret = `s3cret-${randomUUID()}`;
    const file = join(await temporaryFolder(), 'password');
    await writeFile(file, `${secret}\n`);
    const url = changedUrl((parts) => {
      parts.username = 'nobody';
      parts.password = secret;
    });
    const bare = changedUrl((parts) => {
      parts.username = 'nobody';
      parts.password = '';
    });
    for (const args of [
      ['-u', url],
      ['-u', url, '--verbose'],
      ['-u', bare, '--password-file', file, '--verbose'],
    ]) {
      const { status, stdout, stderr } = await runCli(['peek', 'x', ...args]);
      expect(status).toBe(4);
      expect(stdout + stderr).not.toContain(secret);
      expect(stderr).toContain('refuses the user name or password');
    }
  });

  test.each([
    'http://u:hidden@localhost',
    'localhost:5672',
    'amqp://u:very hidden@h:port',
    'amqp://u:hidden@h:port',
  ])('the URL %s ends with 2 and shows no password', async (url) => {
    const { status, stderr } = await runCli(['peek', 'x', '-u', url]);
    expect(status).toBe(2);
    expect(stderr).not.toContain('hidden');
  });
});

describe('time and signals', () => {
  test('--timeout ends a connection attempt that nobody answers', async () => {
    // A documentation address, which is routed nowhere, or is refused at once where there is no network.
    const { status } = await runCli(['peek', 'x', '-u', 'amqp://192.0.2.1', '--timeout', '500ms'], {
      ownProcess: true,
    });
    expect([124, 7]).toContain(status);
  });

  test('watch ends with 0 on SIGINT, on --for and on --idle', async () => {
    const task = newTask();
    await openClient().publish(task, raw('{}'));
    const child = startCli(['watch', task]);
    const ended = new Promise((resolve) => child.once('close', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect((await runCli(['watch', task, '--for', '300ms'])).status).toBe(0);
    expect((await runCli(['watch', task, '--idle', '300ms'])).status).toBe(0);
  });
});

describe('a standard input that is open and silent', () => {
  test.each([
    [['enqueue', 'x'], 2],
    [['clear', 'x'], 2],
    [['peek', `missing-${randomUUID()}`], 5],
  ])('%j does not wait for it', async (args, expected) => {
    const child = startCli(args);
    // Or the test takes too long.
    expect((await once(child, 'close'))[0]).toBe(expected);
  });
});
