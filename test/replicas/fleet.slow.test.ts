import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { beforeAll, describe, expect, test } from 'vitest';
import type { QueuedRequest } from '../../src/index.ts';
import { stopAfterFile } from '../support/broker.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { FileTaskStore } from '../support/mcp-server/file-task-store.js';
import {
  type HttpServerProcess,
  type ServerOptions,
  startHttpServer,
  startServer,
  type TestClient,
} from '../support/mcp-server.ts';
import { connectRouted } from '../support/routed-client.ts';
import { observer, openQueue, queueObserver } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const TASKS = extent(8, 200);
/** Small numbers, as the SDK's own ids, beside others that somebody may try. */
const MADE_UP_IDS = extent(10, 58);
/** A second; more where other tests keep the machine busy. A question that is not rejected is given up after five minutes. */
const AT_ONCE_MS = extent(30_000, 1_000);
const SECRET = 'what only the replicas of this fleet know';
const NEWEST = '@modelcontextprotocol/sdk';
const OLDEST = 'sdk-1.24';

const textOf = (result: { content?: unknown }) => (result.content as { text: string }[])[0]?.text;

/** Processes that know the same tasks. The tests of an SDK share three of them: starting one takes a second. */
interface Fleet {
  /** What each of its processes is started with. */
  options: Omit<ServerOptions, 'transport'>;
  processes: [HttpServerProcess, HttpServerProcess, HttpServerProcess];
}

const fleets: { [sdk: string]: Fleet } = {};

async function startFleet(sdk: string): Promise<Fleet> {
  const tasks = await mkdtemp(join(tmpdir(), 'mcp-taskq-test-'));
  stopAfterFile(() => rm(tasks, { recursive: true, force: true }));
  const options = { replicas: SECRET, sdk, tasks, isShared: true };
  const start = () => startHttpServer(options);
  return { options, processes: await Promise.all([start(), start(), start()]) };
}

beforeAll(async () => {
  for (const sdk of [NEWEST, OLDEST]) fleets[sdk] = await startFleet(sdk);
});

const fleetOf = (sdk: string) => fleets[sdk] as Fleet;

/** Starts tasks that ask twice each, all at once, and compares what comes out of each with what it asked. */
async function askInAll(starter: TestClient, deliverer: TestClient, count = TASKS) {
  const delays: number[] = [];
  const run = async (index: number) => {
    const [one, two] = [`${index}?`, `${index}!`];
    const taskId = await starter.startTask([{ elicit: one }, { elicit: two }]);
    const result = await deliverer.taskResult(taskId);
    expect(textOf(result)).toBe(`accept: yes to ${one}\naccept: yes to ${two}`);
    const { answeredAt } = result._meta as unknown as { answeredAt: number[] };
    delays.push((answeredAt[0] as number) - (deliverer.answeredAt.get(one) as number));
  };
  await Promise.all(Array.from({ length: count }, (_, index) => run(index)));
  const asked = deliverer.received.map((step) => JSON.stringify(step)).toSorted();
  // Each once.
  expect(new Set(asked).size).toBe(2 * count);
  expect(asked).toHaveLength(2 * count);
  return delays.toSorted((a, b) => a - b)[Math.floor(count / 2)] as number;
}

describe.each([NEWEST, OLDEST])('a fleet on %s', (sdk) => {
  test('without sessions: asker, deliverer and receiver of the answer are three processes', {
    timeout: 120_000,
  }, async () => {
    const [asker, deliverer, receiver] = fleetOf(sdk).processes;
    const client = await connectRouted((method) => {
      if (method === undefined) return receiver.stateless;
      return method === 'tasks/result' ? deliverer.stateless : asker.stateless;
    });
    const median = await askInAll(client, client);
    noteFigures({ sdk, tasks: TASKS, 'lost or mixed up': 0, 'answer to asker, ms': median });
  });

  test('with sessions: one process asks, a session of another one delivers and receives', {
    timeout: 120_000,
  }, async () => {
    const [asker, deliverer] = fleetOf(sdk).processes;
    const median = await askInAll(await asker.connect(), await deliverer.connect());
    noteFigures({ sdk, tasks: TASKS, 'lost or mixed up': 0, 'answer to asker, ms': median });
  });

  test('delivers over stdio what was asked over HTTP', { timeout: 120_000 }, async () => {
    const { options, processes } = fleetOf(sdk);
    const [asker] = processes;
    const deliverer = await startServer({ ...options, transport: 'stdio' });
    const median = await askInAll(await asker.stateless.connect(), await deliverer.connect());
    noteFigures({ sdk, tasks: TASKS, 'lost or mixed up': 0, 'answer to asker, ms': median });
  });
});

describe('a deliverer that is killed between taking a question and sending it', () => {
  test.each(['http', 'stateless'] as const)(
    '(%s) leaves it to the next one',
    { timeout: 120_000 },
    async (transport) => {
      const { options, processes } = fleetOf(NEWEST);
      const [one, two] = processes;
      const [asker, heir] = transport === 'http' ? [one, two] : [one.stateless, two.stateless];
      const victim = await startServer({ ...options, transport, stall: 'unsent' });
      const [starter, lost, reader] = [await asker.connect(), await victim.connect(), await heir.connect()];
      const taskId = await starter.startTask([{ elicit: 'one?' }, { elicit: 'two?' }]);
      await until(async () => (await queueObserver().size(taskId)) === 1);
      lost.taskResult(taskId).catch(() => {});
      // It has the question, and holds it.
      await until(async () => (await queueObserver().size(taskId)) === 0);
      const result = reader.taskResult(taskId);
      await victim.kill();
      expect(textOf(await result)).toBe('accept: yes to one?\naccept: yes to two?');
      expect(reader.received).toEqual([{ elicit: 'one?' }, { elicit: 'two?' }]);
      expect(lost.received).toEqual([]);
    },
  );
});

test('a client that drops the stream of its tasks/result loses no question', {
  timeout: 120_000,
}, async () => {
  const [server] = fleetOf(NEWEST).processes;
  const client = await server.connect();
  const taskId = await client.startTask([{ hold: true }]);
  const leave = new AbortController();
  // As a client that dies: the stream ends, and nothing is cancelled.
  const { sessionId } = client.client.transport as StreamableHTTPClientTransport;
  await fetch(server.url, {
    method: 'POST',
    signal: leave.signal,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': sessionId as string,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 'gone', method: 'tasks/result', params: { taskId } }),
  });
  leave.abort();
  await openQueue().enqueue(taskId, {
    type: 'notification',
    timestamp: Date.now(),
    message: { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'kept' } },
  });
  const result = client.taskResult(taskId).catch(() => {});
  await until(() => client.received.length === 1);
  expect(client.received).toEqual([{ log: 'kept' }]);
  await client.client.experimental.tasks.cancelTask(taskId);
  await result;
});

test('when a task is cancelled at another process, its question is rejected within a second', {
  timeout: 120_000,
}, async () => {
  const { options, processes } = fleetOf(NEWEST);
  const { tasks } = options;
  const [asker, other] = processes;
  const [starter, canceller] = [await asker.stateless.connect(), await other.stateless.connect()];
  // Its connections are open then.
  const before = await starter.startTask([{ elicit: 'first?' }]);
  await canceller.client.experimental.tasks.cancelTask(before);
  const taskId = await starter.startTask([{ elicit: 'still there?' }]);
  await until(async () => (await queueObserver().size(taskId)) === 1);
  const begun = performance.now();
  await canceller.client.experimental.tasks.cancelTask(taskId);
  const journal = `${tasks}/${taskId}.journal`;
  await until(async () => (await readFile(journal, 'utf8').catch(() => '')) !== '');
  const ms = performance.now() - begun;
  noteFigures({ 'cancel to rejection, ms': Math.round(ms) });
  expect(ms).toBeLessThan(AT_ONCE_MS);
  expect(await readFile(journal, 'utf8')).toContain('Task cancelled or completed');
  expect((await new FileTaskStore(tasks).getTask(taskId)).status).toBe('cancelled');
  await until(async () => (await observer().depth(taskId)) === undefined);
});

test('a client with ids that it makes up resolves nothing at any of three processes', {
  timeout: 120_000,
}, async () => {
  const { processes } = fleetOf(NEWEST);
  const client = await processes[0].stateless.connect();
  const taskId = await client.startTask([{ elicit: 'well?' }]);
  await until(async () => (await queueObserver().size(taskId)) === 1);
  const { message } = (await openQueue().peek(taskId)) as QueuedRequest;
  const address = String(message.id);
  const guesses = [0, '0', '', ' ', '0x0', address, `${address}.${'A'.repeat(43)}`, `${address}.`];
  const ids = [...guesses, ...Array.from({ length: MADE_UP_IDS }, (_, index) => index + 1)];
  for (const { stateless } of processes) {
    await Promise.all(
      ids.map((id) =>
        fetch(stateless.url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
            'mcp-protocol-version': '2025-11-25',
          },
          body: JSON.stringify({
            jsonrpc: '2.0',
            id,
            result: { action: 'accept', content: { answer: 'x' } },
          }),
        }),
      ),
    );
  }
  const result = await client.taskResult(taskId);
  expect(textOf(result)).toBe('accept: yes to well?');
  noteFigures({ 'made-up ids': ids.length * processes.length, resolved: 0 });
});
