import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { connect } from 'amqplib';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { runWith } from '../../src/cli/commands/broker.ts';
import { findFreePort } from '../../src/local-broker/free-ports.ts';
import { BIN, temporaryFilesIn } from '../support/cli.ts';
import { aliveAmong, childrenOf } from '../support/processes.ts';
import { cliOnTerminal } from '../support/terminal.ts';

// Every test starts a broker, which takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 120_000 });

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
    printed: (text) => expect.poll(() => texts.stdout + texts.stderr, { timeout: 60_000 }).toMatch(text),
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

test('tells the command where the broker is, passes its output and status on, and speaks of nothing outside', async () => {
  const configuration = mkdtempSync(join(tmpdir(), 'mcp-taskq-test-'));
  onTestFinished(() => rmSync(configuration, { recursive: true, force: true }));
  const script = `
    echo "$MCP_TASKQ_URL \${MCP_TASKQ_API_URL-undefined} $4 $5"
    export XDG_CONFIG_HOME="$1"
    "$2" "$3" context set prod -u amqp://prod && "$2" "$3" context use prod
    "$2" "$3" ls`;
  const args = ['sh', '-c', script, 'sh', configuration, process.execPath, BIN, '--port', 'x'];
  const { status, stdout, stderr } = await broker('--install', '--', ...args).ended;
  expect(stdout).toMatch(/^amqp:\/\/127\.0\.0\.1:\d+ undefined --port x\n/);
  expect(stderr).toMatch(/RabbitMQ \S+ is ready/);
  expect(stderr).toContain('start the broker with "mcp-taskq broker --management"');
  expect(stderr).not.toContain('context prod is not used');
  // That of ls.
  expect(status).toBe(7);
});

test('before a shell it says where one is; with --management that knows the API; a signal counts as 128 and its number', async () => {
  const args = ['broker', '--install', '--management', '--', 'sh'];
  const terminal = cliOnTerminal(args, temporaryFilesIn(scratch), 80);
  await terminal.shows(/In this shell mcp-taskq uses the private broker at amqp:..127\.0\.0\.1:\d+/, 60_000);
  terminal.type('echo "api: $MCP_TASKQ_API_URL"\r');
  await terminal.shows(/api: http:\/\/127\.0\.0\.1:\d+/);
  terminal.type('kill -9 $$\r');
  expect(await terminal.ended).toBe(137);
});

test('says that there is no such command', async () => {
  const ended = runWith(STAND_IN, 'no-such-command', [], { note: () => {}, timeoutMs: undefined });
  await expect(ended).rejects.toMatchObject({
    exitCode: 127,
    message: expect.stringContaining('Command not found: no-such-command'),
  });
});

test('forwards signals to the command, which decides what they mean; killed itself, it leaves no broker', async () => {
  const script = `
    process.on('SIGINT', () => console.log('heard SIGINT'));
    process.on('SIGTERM', () => console.log('heard SIGTERM'));
    setInterval(() => {}, 1000);
    console.log('started', process.pid);`;
  const running = broker('--install', '--', process.execPath, '--eval', script);
  await running.printed(/started \d+/);
  const command = Number(/started (\d+)/.exec(running.output())?.[1]);
  onTestFinished(() => void process.kill(command, 'SIGKILL'));
  running.kill('SIGINT');
  await running.printed('heard SIGINT');
  running.kill('SIGTERM');
  await running.printed('heard SIGTERM');
  const processes = childrenOf(running.pid).filter((pid) => pid !== command);
  expect(processes).toHaveLength(3);
  running.kill('SIGKILL');
  expect((await running.ended).signal).toBe('SIGKILL');
  await expect.poll(() => aliveAmong(processes), { timeout: 10_000 }).toEqual([]);
  await expect.poll(() => readdirSync(scratch), { timeout: 10_000 }).toEqual([]);
  expect(aliveAmong([command])).toEqual([command]);
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

test('without a command prints its address and runs until SIGTERM, then ends with 143', async () => {
  const running = broker('--install');
  await running.printed(/^MCP_TASKQ_URL=.*\n/m);
  const [, url] = /^MCP_TASKQ_URL=(.*)\n$/.exec(running.output()) ?? [];
  const connection = await connect(url as string);
  connection.on('error', () => {});
  const processes = childrenOf(running.pid);
  expect(processes).toHaveLength(3);
  running.kill('SIGTERM');
  expect((await running.ended).status).toBe(143);
  expect(aliveAmong(processes)).toEqual([]);
});

test('with the same --data it has the same ports again, and says it all as JSON; SIGINT ends it with 0', async () => {
  const data = mkdtempSync(join(tmpdir(), 'mcp-taskq-test-'));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const start = async (...args: string[]) => {
    const running = broker('--install', '--data', data, '-o', 'json', ...args);
    await running.printed(/"url"/);
    const found = JSON.parse(running.output());
    expect(found.pid).toBe(running.pid);
    const processes = childrenOf(running.pid);
    expect(processes).toHaveLength(3);
    running.kill('SIGINT');
    expect((await running.ended).status).toBe(0);
    expect(aliveAmong(processes)).toEqual([]);
    return found;
  };
  const apiPort = await findFreePort();
  const first = await start('--api-port', `${apiPort}`);
  expect(first).toMatchObject({ api_port: apiPort, api_url: `http://127.0.0.1:${apiPort}` });
  expect(await start('--management')).toMatchObject({ port: first.port, api_port: apiPort });
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
