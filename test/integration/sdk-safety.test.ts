import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolResultSchema,
  type ElicitRequest,
  ElicitRequestSchema,
  ElicitResultSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { startServer } from '../support/mcp-server.ts';
import { newTask, numbered, observer, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { collectWarnings } from '../support/warnings.ts';

const ROUNDS = extent(6, 100);

type Queue = NonNullable<NonNullable<ConstructorParameters<typeof Server>[1]>['taskMessageQueue']>;

/** A stock server over this queue, and a client that counts what it is asked. */
async function link(taskMessageQueue: Queue) {
  const taskStore = new InMemoryTaskStore();
  onTestFinished(() => taskStore.cleanup());
  const server = new Server(
    { name: 's', version: '1' },
    { capabilities: { logging: {}, tasks: { cancel: {} } }, taskStore, taskMessageQueue },
  );
  server.onerror = () => {};
  const client = new Client({ name: 'c', version: '1' }, { capabilities: { elicitation: { form: {} } } });
  const asked: string[] = [];
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return { action: 'accept', content: {} };
  });
  const [atServer, atClient] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(atServer), client.connect(atClient)]);
  onTestFinished(() => client.close());
  const ask = (taskId: string, message: string) => {
    const params = { mode: 'form', message, requestedSchema: { type: 'object', properties: {} } };
    const request = { method: 'elicitation/create', params } as ElicitRequest;
    return server.request(request, ElicitResultSchema, { relatedTask: { taskId } });
  };
  return { taskStore, server, client, asked, ask };
}

describe('a task that asks twice, is cancelled, and whose result the client asks for then', () => {
  test.each([
    ['the SDK’s queue in memory', () => new InMemoryTaskMessageQueue()],
    ['ours', () => openQueue()],
  ])('with %s asks nothing, has no open question, and leaves nothing', async (_name, open) => {
    const queue = open();
    const { taskStore, client, asked, ask } = await link(queue);
    let open_ = 0;
    const taskIds: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { taskId } = await taskStore.createTask({ pollInterval: 10 }, round, { method: 'tools/call' });
      taskIds.push(taskId);
      for (const message of ['one?', 'two?']) {
        open_++;
        ask(taskId, message)
          .catch(() => {})
          .finally(() => open_--);
      }
      await client.experimental.tasks.cancelTask(taskId);
      await client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema).catch(() => {});
    }
    await until(() => open_ === 0);
    expect(asked).toEqual([]);
    const depths = await Promise.all(taskIds.map((taskId) => observer().depth(taskId)));
    expect(depths.filter((depth) => depth !== undefined)).toEqual([]);
    noteFigures({ rounds: ROUNDS, 'questions delivered': 0, 'open requests': 0, 'queues left': 0 });
  });

  test('over HTTP does neither', { timeout: 120_000 }, async () => {
    const tasks = await temporaryFolder();
    const client = await (await startServer({ transport: 'http', tasks })).connect();
    for (let round = 0; round < ROUNDS; round++) {
      const taskId = await client.startTask([{ both: ['one?', 'two?'] }]);
      await client.client.experimental.tasks.cancelTask(taskId);
      await client.taskResult(taskId).catch(() => {});
      const journal = () => readFile(`${tasks}/${taskId}.journal`, 'utf8').catch(() => '');
      await until(async () => (await journal()) !== '');
      await until(async () => (await observer().depth(taskId)) === undefined);
    }
    expect(client.received).toEqual([]);
    noteFigures({ rounds: ROUNDS, 'questions delivered': 0, 'open requests': 0, 'queues left': 0 });
  });
});

const FINISHES = extent(1, 20);

test.each([
  ['the SDK’s queue in memory', () => new InMemoryTaskMessageQueue()],
  ['ours', () => openQueue()],
])('with %s, what a task queues and does not await arrives before its result', async (_name, open) => {
  const queue = open();
  const { taskStore, server, client } = await link(queue);
  const logged: unknown[] = [];
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    logged.push(params.data);
  });
  const { taskId } = await taskStore.createTask({ pollInterval: 10 }, 1, { method: 'tools/call' });
  const dequeue = queue.dequeue.bind(queue);
  vi.spyOn(queue, 'dequeue').mockImplementationOnce((...args) => {
    const end = () => {
      for (const data of [1, 2, 3])
        void server.notification(
          { method: 'notifications/message', params: { level: 'info', data } },
          { relatedTask: { taskId } },
        );
      void taskStore.storeTaskResult(taskId, 'completed', { content: [] });
    };
    // While RabbitMQ is asked, as that has to connect first.
    void setImmediate().then(end);
    return dequeue(...args);
  });
  await client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
  expect(logged).toEqual([1, 2, 3]);
  await until(async () => (await observer().depth(taskId)) === undefined);
});

test.each(['@modelcontextprotocol/sdk', 'sdk-1.24'])(
  'a stdio server on %s whose client leaves with its result ends with status 0, silently, and leaves no queue',
  { timeout: 120_000 },
  async (sdk) => {
    for (let round = 0; round < FINISHES; round++) {
      const [tasks, endsIn] = [await temporaryFolder(), await temporaryFolder()];
      const client = await (await startServer({ transport: 'stdio', sdk, tasks, endsIn })).connect();
      const taskId = await client.startTask([{ log: 1 }, { elicit: 'well?' }]);
      await client.taskResult(taskId);
      await client.client.close();
      const status = () => readFile(`${endsIn}/status`, 'utf8').catch(() => '');
      await until(async () => (await status()) !== '');
      expect([await status(), await readFile(`${endsIn}/stderr`, 'utf8')]).toEqual(['0\n', '']);
      expect(await observer().depth(taskId)).toBeUndefined();
    }
    noteFigures({ rounds: FINISHES, 'queues left': 0, 'status 0': FINISHES });
  },
);

describe('close', () => {
  test('lets what is under way finish, and what waits for it, and refuses what comes later', async () => {
    const task = newTask();
    const queue = openQueue();
    await queue.enqueue(task, numbered(0));
    const added = Array.from({ length: 50 }, (_, index) => queue.enqueue(task, numbered(index + 1)));
    const all = queue.dequeueAll(task);
    const last = queue.enqueue(task, numbered(99));
    const closing = queue.close();
    await expect(queue.enqueue(task, numbered(100))).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(queue.dequeueAll(task)).rejects.toMatchObject({ code: 'CLOSED' });
    await Promise.all([...added, last, closing]);
    expect(await all).toHaveLength(51);
    expect(await openQueue().dequeueAll(task)).toEqual([numbered(99)]);
  });

  test('gives up what the broker does not answer, by its deadline', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    const queue = openQueue({ url: proxy.url, closeTimeoutMs: 300 });
    await queue.enqueue(task, numbered(0));
    proxy.fault = { kind: 'stall' };
    const all = queue.dequeueAll(task).catch(({ code }) => code);
    const begun = performance.now();
    await queue.close();
    // Far sooner than the 30 s for which an answer is waited.
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(await all).toMatch(/CLOSED|CONNECTION_LOST/);
    proxy.fault = { kind: 'none' };
  });
});

describe('the SDK’s own clearing, whose promise nobody awaits,', () => {
  async function cancel(queue: ReturnType<typeof openQueue>, taskIdOf = (id: string) => id) {
    const { taskStore, client } = await link({
      enqueue: (id, ...rest) => queue.enqueue(taskIdOf(id), ...rest),
      dequeue: (id, session) => queue.dequeue(taskIdOf(id), session),
      // Not in the SDK's own turn.
      dequeueAll: async (id, session) => {
        await setImmediate();
        return queue.dequeueAll(taskIdOf(id), session);
      },
    });
    const { taskId } = await taskStore.createTask({}, 1, { method: 'tools/call' });
    const { status } = await client.experimental.tasks.cancelTask(taskId);
    expect(status).toBe('cancelled');
    return taskId;
  }

  test('warns, and does not end the process, when the broker is away', async () => {
    const { warnings, onStatus } = collectWarnings();
    await cancel(openQueue({ url: 'amqp://127.0.0.1:1', onStatus }));
    await until(() => warnings.length === 1);
    expect(warnings).toMatchObject([{ code: 'CONNECTION_FAILED' }]);
    expect(warnings[0]?.message).not.toContain('127.0.0.1');
  });

  test('warns when a malformed message has to stay', async () => {
    const { warnings, onStatus } = collectWarnings();
    const task = newTask();
    await openClient().publish(task, raw('{'));
    await cancel(openQueue({ onMalformed: 'throw', onStatus }), () => task);
    await until(() => warnings.length === 1);
    expect(warnings).toMatchObject([{ code: 'MALFORMED_MESSAGE' }]);
  });

  test('warns when the queue is closed already', async () => {
    const { warnings, onStatus } = collectWarnings();
    const queue = openQueue({ onStatus });
    await queue.close();
    await cancel(queue);
    await until(() => warnings.length === 1);
    expect(warnings).toMatchObject([{ code: 'CLOSED' }]);
  });

  test('is known by its session id, even an undefined one: everybody else gets the rejection', async () => {
    const { warnings, onStatus } = collectWarnings();
    const queue = openQueue({ url: 'amqp://127.0.0.1:1', onStatus });
    await expect(queue.dequeueAll('task')).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
    await expect(queue.clear('task')).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(warnings).toEqual([]);
    expect(await queue.dequeueAll('task', undefined)).toEqual([]);
    expect(warnings).toMatchObject([{ code: 'CONNECTION_FAILED' }]);
  });
});

describe('nobody is harmed', () => {
  test('by a rejection that nobody awaits', async () => {
    const queue = openQueue({ url: 'amqp://127.0.0.1:1' });
    // An unhandled rejection fails the test run.
    void queue.enqueue('task', numbered(0));
    void queue.dequeueAll('task');
    await expect(queue.size('task')).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('from onStatus');
      },
    ],
    ['rejects', () => Promise.reject(new Error('from onStatus'))],
  ])('by an onStatus that %s', async (_what, onStatus) => {
    const task = newTask();
    await openClient().publish(task, raw('{'));
    const queue = openQueue({ onStatus: onStatus as () => void });
    await queue.enqueue(task, numbered(0));
    expect(await queue.dequeue(task)).toEqual(numbered(0));
  });
});

test('an error that reaches an MCP client names no host, and its cause does', async () => {
  const queue = openQueue({ url: 'amqp://127.0.0.1:1/secret-vhost' });
  const { taskStore, client } = await link(queue);
  const { taskId } = await taskStore.createTask({}, 1, { method: 'tools/call' });
  const failure = await client.experimental.tasks
    .getTaskResult(taskId, CallToolResultSchema)
    .catch((error) => error);
  expect(failure.message).toContain('the message broker cannot be reached');
  expect(failure.message).not.toMatch(/127|secret|amqp|:1\b/);
  const calls = [
    queue.enqueue(taskId, numbered(0)),
    queue.dequeue(taskId),
    queue.dequeueAll(taskId),
    queue.clear(taskId),
    queue.peek(taskId),
    queue.size(taskId),
    queue.isEmpty(taskId),
    queue.waitForMessage(taskId),
  ];
  for (const outcome of await Promise.allSettled(calls)) {
    const error = (outcome as PromiseRejectedResult).reason;
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', hint: expect.any(String) });
    expect(error.message).not.toMatch(/127|secret|amqp/);
    expect(error.cause.message).toContain('127.0.0.1:1');
  }
});
