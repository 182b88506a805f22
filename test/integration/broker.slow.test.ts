import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ErrorCode } from '../../src/index.ts';
import { type BrokerOptions, type RunningBroker, startBroker } from '../../src/local-broker/index.ts';
import { aliveAmong, childrenOf } from '../support/processes.ts';

const scratch = mkdtempSync(join(tmpdir(), 'mcp-taskq-test-'));
/** What this worker has started for other test files. */
const others = childrenOf(process.pid);
const running: RunningBroker[] = [];

beforeAll(() => {
  // So that only the brokers of this file put their temporary folders there.
  vi.stubEnv('TMPDIR', scratch);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await Promise.all(running.map((broker) => broker.stop()));
  rmSync(scratch, { recursive: true, force: true });
});

async function start(options: BrokerOptions = {}): Promise<RunningBroker> {
  const broker = await startBroker({ install: true, ...options });
  running.push(broker);
  return broker;
}

function ownProcesses(command: RegExp): number[] {
  return childrenOf(process.pid, command).filter((pid) => !others.includes(pid));
}

function temporaryFolders(): string[] {
  return readdirSync(scratch).filter((name) => name.startsWith('mcp-taskq-broker-'));
}

async function declareQueue(url: string, queue: string): Promise<void> {
  const connection = await connect(url);
  await (await connection.createChannel()).assertQueue(queue, { durable: true });
  await connection.close();
}

// Its kill and restart are those of test/faults/broker-kill.test.ts.
test('a private broker serves AMQP and its management API, and leaves nothing behind, however it ends', async () => {
  const progress: string[] = [];
  // Its errors do no harm: it throws the first time, and rejects the next.
  const onProgress = (line: string) => {
    progress.push(line);
    if (progress.length === 1) throw new Error('thrown');
    return Promise.reject(new Error('rejected'));
  };
  const broker = await start({ management: true, onProgress });
  await declareQueue(broker.url, 'orders');
  const response = await fetch(`${broker.apiUrl}/api/queues/%2F/orders`, {
    headers: { authorization: `Basic ${btoa('guest:guest')}` },
  });
  expect(response.status).toBe(200);
  expect(await broker.ctl('-q', 'list_queues', 'name')).toContain('orders');
  expect(progress.length).toBeGreaterThan(1);
  expect(progress.join('\n')).toContain(broker.version);
  expect(broker.version).toMatch(/^\d+\.\d+\.\d+/);
  expect(broker.url).toBe(`amqp://127.0.0.1:${broker.port}`);
  expect(temporaryFolders()).toHaveLength(1);

  const processes = ownProcesses(/epmd|beam|broker-watchdog/);
  expect(processes).toHaveLength(3);
  const [node] = ownProcesses(/beam/);
  process.kill(node as number, 'SIGKILL');
  expect(await broker.exited).toMatchObject({
    code: ErrorCode.brokerStartFailed,
    message: 'The private RabbitMQ exited unexpectedly with signal SIGKILL',
  });

  const [watchdog] = ownProcesses(/broker-watchdog/);
  process.kill(watchdog as number, 'SIGKILL');
  await expect.poll(() => aliveAmong([watchdog as number])).toEqual([]);
  await broker.stop();
  expect(aliveAmong(processes)).toEqual([]);
  expect(temporaryFolders()).toEqual([]);
});

describe('a start that fails', () => {
  const nothingIsLeft = () => {
    expect(ownProcesses(/epmd|beam|broker-watchdog/)).toEqual([]);
    expect(temporaryFolders()).toEqual([]);
  };

  test('says that the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await expect(startBroker({ port })).rejects.toMatchObject({
      code: ErrorCode.brokerStartFailed,
      message: `Port ${port} of 127.0.0.1 is in use already`,
      hint: expect.stringContaining('Choose another port'),
    });
    server.close();
    nothingIsLeft();
  });

  test.each([0, 65_536, 1.5])('refuses %d as a port', async (port) => {
    await expect(startBroker({ port })).rejects.toMatchObject({ code: ErrorCode.invalidArgument });
  });

  test('shows the end of the log', async () => {
    await expect(startBroker({ install: true, config: ['nonsense = 1'] })).rejects.toMatchObject({
      code: ErrorCode.brokerStartFailed,
      message: expect.stringMatching(/RabbitMQ did not start: it ended with status \d[\s\S]*nonsense/),
    });
    nothingIsLeft();
  });

  test('says that the server is not where it was said to be', async () => {
    const installation = { binDir: '/nonexistent', epmd: '/nonexistent/epmd' };
    await expect(startBroker({ installation })).rejects.toMatchObject({
      code: ErrorCode.brokerStartFailed,
      message: expect.stringMatching(/port mapper did not start: status 127[\s\S]*nonexistent/),
    });
    nothingIsLeft();
  });

  test('says that its files cannot be written', async () => {
    vi.stubEnv('TMPDIR', join(scratch, 'missing'));
    onTestFinished(() => void vi.stubEnv('TMPDIR', scratch));
    await expect(start()).rejects.toMatchObject({
      code: ErrorCode.brokerStartFailed,
      message: expect.stringMatching(/^A private RabbitMQ cannot write its files: ENOENT/),
    });
  });

  test('says that the node took too long', async () => {
    await expect(startBroker({ install: true, startTimeoutMs: 300 })).rejects.toMatchObject({
      code: ErrorCode.brokerStartFailed,
      message: expect.stringContaining('it was not ready after 300 ms'),
    });
    nothingIsLeft();
  });

  test('rejects with the reason of the signal that ended it', async () => {
    const stop = new AbortController();
    const started = startBroker({
      install: true,
      signal: stop.signal,
      onProgress: () => setTimeout(() => stop.abort(new Error('enough')), 500),
    });
    await expect(started).rejects.toThrow('enough');
    nothingIsLeft();
  });
});
