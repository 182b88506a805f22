import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { runWith } from '../../src/cli/commands/broker.ts';
import { findFreePort } from '../../src/local-broker/free-ports.ts';
import { BIN, runCli, temporaryFilesIn } from '../support/cli.ts';
import { aliveAmong, childrenOf } from '../support/processes.ts';
import { openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal } from '../support/terminal.ts';

const MOST_MS = 250_000;

/** Where the brokers of a test put their temporary folders. */
let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'mcp-taskq-test-'));
});

afterEach(() => {
  // Every test ends its broker, each in another way: nothing may be left of it.
  expect(readdirSync(scratch)).toEqual([]);
  rmSync(scratch, { recursive: true, force: true });
});

interface Running {
  pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when this is in the output. */
  printed(text: string | RegExp): Promise<void>;
  /** Standard output so far. */
  output(): string;
  ended: Promise<{ status: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>;
}

/** `mcp-taskq broker`, with nothing on its standard input. */
function broker(...args: string[]): Running {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(
    process.execPath,
    [BIN, 'broker', ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...temporaryFilesIn(scratch), MCP_TASKQ_API_URL: 'http://another.invalid' },
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    texts.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    texts.stderr += chunk;
  });
  return {
    pid: child.pid as number,
    kill: (signal) => child.kill(signal),
    printed: (text) =>
      expect.poll(() => texts.stdout + texts.stderr, { timeout: MOST_MS, interval: 10 }).toMatch(text),
    output: () => texts.stdout,
    // A command that outlives the broker may still hold the pipes.
    ended: once(child, 'exit').then(([status, signal]) => ({ status, signal, ...texts })),
  };
}

/** For what runs beside the broker, whatever that is. */
const STAND_IN = {
  url: 'amqp://broker.invalid',
  apiUrl: undefined,
  exited: new Promise<undefined>(() => {}),
};

test('runs the command with the address of the broker, forwards signals to it, and leaves no broker when killed', async () => {
  const configuration = mkdtempSync(join(tmpdir(), 'mcp-taskq-test-'));
  onTestFinished(() => rmSync(configuration, { recursive: true, force: true }));
  const handlers = `
    process.on('SIGINT', () => console.log('heard SIGINT'));
    process.on('SIGTERM', () => console.log('heard SIGTERM'));
    setInterval(() => {}, 1000);
    console.log('started', process.pid);`;
  const script = `
    echo "$MCP_TASKQ_URL \${MCP_TASKQ_API_URL-undefined} $5 $6"
    export XDG_CONFIG_HOME="$1"
    "$2" "$3" context set prod -u amqp://prod && "$2" "$3" context use prod
    "$2" "$3" ls
    echo "status $?"
    exec "$2" --eval "$4"`;
  const args = ['sh', '-c', script, 'sh', configuration, process.execPath, BIN, handlers, '--port', 'x'];
  const running = broker('--install', '--', ...args);
  await running.printed(/started \d+/);
  expect(running.output()).toMatch(/^amqp:\/\/127\.0\.0\.1:\d+ undefined --port x\n/);
  expect(running.output()).toContain('status 7\n');
  const command = Number(/started (\d+)/.exec(running.output())?.[1]);
  onTestFinished(() => void process.kill(command, 'SIGKILL'));

  // The command decides what they mean.
  running.kill('SIGINT');
  await running.printed('heard SIGINT');
  running.kill('SIGTERM');
  await running.printed('heard SIGTERM');
  const processes = childrenOf(running.pid).filter((pid) => pid !== command);
  expect(processes).toHaveLength(3);
  running.kill('SIGKILL');
  const { signal, stderr } = await running.ended;
  expect(signal).toBe('SIGKILL');
  expect(stderr).toMatch(/RabbitMQ \S+ is ready/);
  expect(stderr).toContain('start the broker with "mcp-taskq broker --management"');
  expect(stderr).not.toContain('context prod is not used');
  await expect.poll(() => aliveAmong(processes)).toEqual([]);
  await expect.poll(() => readdirSync(scratch)).toEqual([]);
  expect(aliveAmong([command])).toEqual([command]);
});

test('before a shell it says where one is; with --management that knows the API; it ends with the status of the shell', async () => {
  const args = ['broker', '--install', '--management', '--', 'sh'];
  const terminal = cliOnTerminal(args, temporaryFilesIn(scratch), 80);
  await terminal.shows(/In this shell mcp-taskq uses the private broker at amqp:..127\.0\.0\.1:\d+/, MOST_MS);
  terminal.type('echo "api: $MCP_TASKQ_API_URL"\r');
  await terminal.shows(/api: http:\/\/127\.0\.0\.1:\d+/);
  terminal.type('exit 9\r');
  expect(await terminal.ended).toBe(9);
});

test('a signal that ends the command counts as 128 and its number', async () => {
  const ended = runWith(STAND_IN, 'sh', ['-c', 'kill -9 $$'], { note: () => {}, timeoutMs: undefined });
  await expect(ended).rejects.toMatchObject({ exitCode: 137 });
});

test('says that there is no such command', async () => {
  const ended = runWith(STAND_IN, 'no-such-command', [], { note: () => {}, timeoutMs: undefined });
  await expect(ended).rejects.toMatchObject({
    exitCode: 127,
    message: expect.stringContaining('Command not found: no-such-command'),
  });
});

test('ends a command that takes longer than --timeout', async () => {
  const ended = runWith(STAND_IN, 'sleep', ['600'], { note: () => {}, timeoutMs: 200 });
  await expect(ended).rejects.toMatchObject({
    exitCode: 124,
    message: 'sleep timed out (--timeout)',
  });
  expect(childrenOf(process.pid, /^sleep 600/)).toEqual([]);
});

test('ends with 124 and leaves nothing when --timeout elapses while it starts', async () => {
  const { status, stderr } = await broker('--install', '--timeout', '1s', '--', 'sleep', '600').ended;
  expect(stderr).toContain('did not end within 1s');
  expect(status).toBe(124);
});

test('without a command prints its address and runs until a signal; with the same --data it has its ports and messages again', async () => {
  const data = mkdtempSync(join(tmpdir(), 'mcp-taskq-test-'));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const inFolder = ['--install', '--data', data];
  const apiPort = await findFreePort();
  const first = broker(...inFolder, '--api-port', `${apiPort}`);
  await first.printed(/^MCP_TASKQ_URL=.*\nMCP_TASKQ_API_URL=.*\n/m);
  const printed = /^MCP_TASKQ_URL=(.*)\nMCP_TASKQ_API_URL=http:\/\/127\.0\.0\.1:(\d+)\n$/;
  const [, url, printedApiPort] = printed.exec(first.output()) ?? [];
  expect(printedApiPort).toBe(`${apiPort}`);
  const client = openClient({ url: url as string });
  await client.publish('kept', raw('x'));
  expect(await broker(...inFolder).ended).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('in use by another broker'),
  });
  const processes = childrenOf(first.pid);
  expect(processes).toHaveLength(3);
  await client.close();
  first.kill('SIGTERM');
  expect((await first.ended).status).toBe(143);
  expect(aliveAmong(processes)).toEqual([]);

  const second = broker(...inFolder, '-o', 'json', '--management');
  await second.printed(/"url"/);
  expect(JSON.parse(second.output())).toMatchObject({ pid: second.pid, url, api_port: apiPort });
  const again = openClient({ url: url as string });
  expect((await again.depth('kept'))?.messages).toBe(1);
  await again.close();
  second.kill('SIGINT');
  expect((await second.ended).status).toBe(0);
});

test('ends with 130 and leaves nothing when interrupted while it starts', async () => {
  const running = broker('--install');
  await running.printed('Starting RabbitMQ');
  running.kill('SIGINT');
  expect(await running.ended).toMatchObject({ status: 130, stdout: '' });
});

test('refuses a port that is taken (1) and one that is none (2)', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  expect(await broker('--port', `${port}`).ended).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`Port ${port} of 127.0.0.1 is in use already`),
  });
  expect(await broker('--port', '70000').ended).toMatchObject({ status: 2 });
  expect(await broker('--port', 'x').ended).toMatchObject({ status: 2 });
});

test('refuses options that name another broker (2), except before its name, where an alias puts them', async () => {
  for (const args of [['--url', 'amqp://localhost'], ['--context=prod'], ['--prefix', 'x:']]) {
    expect(await broker(...args).ended).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/"broker" does not take --\w+: it starts a broker of its own/),
    });
  }
  const { stderr } = await runCli(['--url', 'amqp://localhost', 'broker', '--port', '70000']);
  expect(stderr).toMatch(/70000/);
});
