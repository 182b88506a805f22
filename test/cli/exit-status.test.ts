import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import { runCli, startCli, temporaryFolder } from '../support/cli.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';

/** The URL of the test broker with other credentials or another vhost. */
function changedUrl(change: (url: URL) => void): string {
  const url = new URL(inject('url'));
  change(url);
  return url.href;
}

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

  test('a missing vhost ends with 4', async () => {
    const url = changedUrl((parts) => {
      parts.pathname = '/no-such-vhost';
    });
    const { status, stderr } = await runCli(['peek', 'x', '-u', url]);
    expect(status).toBe(4);
    expect(stderr).toContain('vhost');
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
  test('--timeout ends a command with 124', async () => {
    const { status, stderr } = await runCli(['dequeue', newTask(), '--wait', '1m', '--timeout', '500ms']);
    expect(status).toBe(124);
    expect(stderr).toContain('within 500ms (--timeout)');
  });

  test('--timeout ends a connection attempt that nobody answers', async () => {
    // A documentation address, which is routed nowhere, or is refused at once where there is no network.
    const { status } = await runCli(['peek', 'x', '-u', 'amqp://192.0.2.1', '--timeout', '500ms']);
    expect([124, 7]).toContain(status);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends a waiting dequeue with %i', async (signal, expected) => {
    const task = newTask();
    await openClient().publish(task, raw('{}'));
    const child = startCli(['dequeue', task, '-n', '2', '--wait', '1m']);
    const ended = new Promise((resolve) => child.once('close', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill(signal);
    expect(await ended).toBe(expected);
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
    const ended = new Promise((resolve) => child.once('close', resolve));
    expect(await Promise.race([ended, sleep(20_000, 'it waits', { ref: false })])).toBe(expected);
  });
});

describe('bad input', () => {
  test.each([
    ['', 'empty'],
    ['x'.repeat(246), 'at most 255'],
    ['a\nb', 'control character'],
  ])('the task id %j is refused with 2', async (task, reason) => {
    for (const args of [
      ['peek', task],
      ['enqueue', task, '{"jsonrpc":"2.0","method":"m"}'],
    ]) {
      const { status, stderr } = await runCli(args);
      expect(status).toBe(2);
      expect(stderr).toContain(reason);
    }
  });

  test('an unknown option is refused with 2', async () => {
    const { status, stderr } = await runCli(['peek', 'x', '--limti', '3']);
    expect(status).toBe(2);
    expect(stderr).toContain('Did you mean --limit?');
  });

  test('a message over 16 MiB is refused before anything is sent', async () => {
    const task = newTask();
    const message = JSON.stringify({
      jsonrpc: '2.0',
      method: 'm',
      params: { x: 'x'.repeat(16 * 1024 * 1024) },
    });
    const { status, stderr } = await runCli(['enqueue', task, '--from', '-'], { input: `${message}\n` });
    expect(status).toBe(2);
    expect(stderr).toMatch(/line 1: its body has \d+ bytes/);
    expect(await openClient().depth(task)).toBeUndefined();
  });
});
