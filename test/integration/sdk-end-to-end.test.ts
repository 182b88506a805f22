import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stopAfterFile } from '../support/broker.ts';
import { temporaryFolder } from '../support/cli.ts';
import { FileTaskStore } from '../support/mcp-server/file-task-store.js';
import { type ServerProcess, type Step, startServer, type TestClient } from '../support/mcp-server.ts';
import { observer, openQueue, queueObserver } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const NEWEST = '@modelcontextprotocol/sdk';
const OLDEST = 'sdk-1.24';

/** `maxTaskQueueSize`; more than any test sends that is not about it. */
const MOST_QUEUED = 21;

const textOf = (result: { content?: unknown }) => (result.content as { text: string }[])[0]?.text;

describe.each([
  { transport: 'stdio', sdk: NEWEST },
  { transport: 'http', sdk: NEWEST },
  { transport: 'stdio', sdk: OLDEST },
  { transport: 'http', sdk: OLDEST },
] as const)('a server process over $transport on $sdk', { timeout: 120_000 }, ({ transport, sdk }) => {
  /** Of the server that the tests share: starting one takes most of their time. */
  let tasks: string;
  let client: TestClient;

  beforeAll(async () => {
    tasks = await mkdtemp(join(tmpdir(), 'mcp-taskq-test-'));
    stopAfterFile(() => rm(tasks, { recursive: true, force: true }));
    client = await (
      await startServer({ transport, sdk, tasks, maxQueue: MOST_QUEUED, isShared: true })
    ).connect();
  });

  beforeEach(() => {
    client.received.length = 0;
  });

  test('delivers the questions and messages of its task through tasks/result, in order, and the answers reach the task', async () => {
    const steps: Step[] = [
      { log: 'begin' },
      { progress: 1 },
      { progress: 2 },
      { elicit: 'Delete 3 files?' },
      { progress: 3 },
      { log: { half: 'done' } },
      { sample: 'Ünïcode 🗑' },
      { progress: 4 },
      { log: 'end' },
      // An answer, so that all is delivered by the end of the task: the SDK drops what is still queued then.
      { elicit: 'Really?' },
    ];
    const result = await client.runTask(steps);
    expect(client.received).toEqual(steps);
    expect(textOf(result)?.split('\n')).toEqual([
      'accept: yes to Delete 3 files?',
      'thoughts on Ünïcode 🗑',
      'accept: yes to Really?',
    ]);
  });

  test('keeps messages in RabbitMQ until the client asks, and leaves no queue when the task is over', async () => {
    const steps: Step[] = [
      ...Array.from({ length: MOST_QUEUED - 1 }, (_, progress) => ({ progress })),
      { elicit: 'Well?' },
    ];
    const taskId = await client.startTask(steps);
    const queue = openQueue();
    await until(async () => (await queue.size(taskId)) === MOST_QUEUED);
    expect(client.received).toEqual([]);
    expect(await queue.peek(taskId)).toMatchObject({
      type: 'notification',
      message: {
        method: 'notifications/progress',
        params: { progress: 0, _meta: { 'io.modelcontextprotocol/related-task': { taskId } } },
      },
    });
    expect(textOf(await client.taskResult(taskId))).toBe('accept: yes to Well?');
    expect(client.received).toEqual(steps);
    await until(async () => (await observer().depth(taskId)) === undefined);
  });

  test('removes what is queued when the client cancels the task, and ends what the task waits for', async () => {
    const taskId = await client.startTask([{ log: 1 }, { log: 2 }, { elicit: 'Anybody there?' }]);
    await until(async () => (await queueObserver().size(taskId)) === 3);
    const { status } = await client.client.experimental.tasks.cancelTask(taskId);
    expect(status).toBe('cancelled');
    await until(async () => (await observer().depth(taskId)) === undefined);
    const journal = join(tasks, `${taskId}.journal`);
    await until(async () => (await readFile(journal, 'utf8').catch(() => '')) !== '');
    expect(await readFile(journal, 'utf8')).toContain('Task cancelled or completed');
    expect(client.received).toEqual([]);
  });

  test('hands the overflow of maxTaskQueueSize to the task, and delivers what had room', async () => {
    const steps: Step[] = Array.from({ length: MOST_QUEUED + 2 }, (_, log) => ({ log }));
    const taskId = await client.startTask(steps);
    await until(async () => (await client.client.experimental.tasks.getTask(taskId)).status === 'failed');
    const result = await client.taskResult(taskId);
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('Task message queue overflow');
    expect(client.received).toEqual(steps.slice(0, MOST_QUEUED));
  });
});

describe('two server processes that share a broker', { timeout: 120_000 }, () => {
  let tasks: string;
  let servers: [ServerProcess, ServerProcess];

  beforeAll(async () => {
    tasks = await mkdtemp(join(tmpdir(), 'mcp-taskq-test-'));
    stopAfterFile(() => rm(tasks, { recursive: true, force: true }));
    servers = await Promise.all([
      startServer({ transport: 'http', tasks, isShared: true }),
      startServer({ transport: 'http', tasks, isShared: true }),
    ]);
  });

  test('deliver what the other one queued', async () => {
    const starter = await servers[0].connect();
    const steps: Step[] = Array.from({ length: 30 }, (_, index) => ({ log: index }));
    const taskId = await starter.startTask(steps);
    // What comes when the SDK has just found the queue empty, it drops if the task has ended by its next look.
    const store = new FileTaskStore(tasks);
    await until(async () => (await store.getTask(taskId))?.status === 'completed');
    const reader = await servers[1].connect();
    await reader.taskResult(taskId);
    expect(reader.received).toEqual(steps);
    expect(starter.received).toEqual([]);
  });

  test('work on many tasks at the same time, each message going to the client of its task', async () => {
    const runs = Array.from({ length: 10 }, async (_, index) => {
      const client = await (servers[index % 2] as (typeof servers)[0]).connect();
      const steps: Step[] = [
        ...[{ log: `${index} a` }, { elicit: `${index}?` }],
        ...[{ log: `${index} b` }, { elicit: `${index}!` }],
      ];
      const answers = `accept: yes to ${index}?\naccept: yes to ${index}!`;
      expect(textOf(await client.runTask(steps))).toBe(answers);
      expect(client.received).toEqual(steps);
    });
    await Promise.all(runs);
  });
});

describe.each(['stdio', 'http'] as const)(
  'a server process over %s that is killed in the middle of a task',
  { timeout: 120_000 },
  (transport) => {
    test('leaves its queued messages to the next one, which delivers all of them in order', async () => {
      const tasks = await temporaryFolder();
      const first = await startServer({ transport, tasks });
      const steps: Step[] = [{ log: 'a' }, { log: 'b' }, { log: 'c' }, { elicit: 'Go on?' }];
      const taskId = await (await first.connect()).startTask(steps);
      await until(async () => (await queueObserver().size(taskId)) === 4);
      await first.kill();
      expect(await queueObserver().size(taskId)).toBe(4);

      const client = await (await startServer({ transport, tasks })).connect();
      const result = client.taskResult(taskId);
      await until(() => client.received.length === 4);
      expect(client.received).toEqual(steps);
      // The task itself died with its process; somebody has to say so.
      await new FileTaskStore(tasks).storeTaskResult(taskId, 'failed', {
        content: [{ type: 'text', text: 'its server died' }],
        isError: true,
      });
      expect(textOf(await result)).toBe('its server died');
    });
  },
);
