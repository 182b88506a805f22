import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CancelledNotificationSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
  type ElicitResult,
  ElicitResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, inject, onTestFinished, vi } from 'vitest';
import { listTaskQueues, type TaskQueueError } from '../../src/index.ts';
import { Replicas } from '../../src/replicas/index.ts';
import { ReplicaCore } from '../../src/replicas/replica-core.ts';
import { runCli } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { extent, noteFigures } from '../support/figures.ts';
import {
  ACCEPTED,
  ask,
  breakPipe,
  openReplicas,
  serve,
  serverOf,
  test,
  textOf,
} from '../support/replicas.ts';
import { newTask, numbered, observer, openClient, openQueue, queueObserver } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost } from '../support/vhost.ts';

/** A second; more where other tests keep the machine busy. */
const AT_ONCE_MS = extent(30_000, 1_000);
const SERVERS = extent(20, 1_000);

describe('a question that a task asks in one replica and the client answers at another one', () => {
  test('is answered, and the next one too; what was queued before the end arrives', async ({ store }) => {
    const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
    const taskId = await a.startTask([
      { log: 1 },
      { elicit: 'one?' },
      { log: 2 },
      { elicit: 'two?' },
      { log: 3 },
    ]);
    const result = await b.taskResult(taskId);
    expect(textOf(result)).toBe('accept: yes to one?\naccept: yes to two?');
    expect(b.received).toEqual([1, 'one?', 2, 'two?', 3]);
    expect(a.received).toEqual([]);
    expect([...a.errors, ...b.errors]).toEqual([]);
    await until(async () => (await observer().depth(taskId)) === undefined);
  });

  test('keeps its place, also as the first of its process, which has to wait for the reply queue', async ({
    store,
  }) => {
    const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
    const { taskId } = await store.createTask({ pollInterval: 20 }, 1, { method: 'tools/call' });
    const log = (data: number) =>
      a.mcp.server.notification(
        { method: 'notifications/message', params: { level: 'info', data } },
        { relatedTask: { taskId } },
      );
    const giveUp = new AbortController();
    const sent = [
      log(1),
      expect(ask(a, taskId)).resolves.toMatchObject({ action: 'accept' }),
      log(2),
      expect(ask(a, taskId, { signal: giveUp.signal }, 'given up?')).rejects.toThrow(),
      log(3),
    ];
    giveUp.abort();
    const wire: unknown[] = [];
    const atClient = b.client.transport as InMemoryTransport;
    const { onmessage } = atClient;
    atClient.onmessage = (message) => {
      const { method, params } = message as { method?: string; params?: { data?: number; message?: string } };
      if (method) wire.push(params?.data ?? params?.message ?? method);
      onmessage?.(message);
    };
    const result = b.taskResult(taskId);
    await Promise.all(sent);
    await until(() => wire.length === 6);
    await store.storeTaskResult(taskId, 'completed', { content: [] });
    await result;
    expect(wire).toEqual([1, 'well?', 2, 'given up?', 3, 'notifications/cancelled']);
  });

  test('is answered within the same process as well, by another server object', async ({ store }) => {
    const replicas = openReplicas();
    const [a, b] = [await serve(replicas, store), await serve(replicas, store)];
    const taskId = await a.startTask([{ elicit: 'one?' }, { elicit: 'two?' }]);
    expect(textOf(await b.taskResult(taskId))).toBe('accept: yes to one?\naccept: yes to two?');
  });

  test('does not get the answer to a question of the other replica’s own', async ({ store }) => {
    const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
    const [ofA, ofB] = await Promise.all([
      a.startTask([{ elicit: 'A?' }, { elicit: 'A!' }]),
      b.startTask([{ elicit: 'B?' }, { elicit: 'B!' }]),
    ]);
    const [resultOfA, resultOfB] = await Promise.all([b.taskResult(ofA), b.taskResult(ofB)]);
    expect(textOf(resultOfA)).toBe('accept: yes to A?\naccept: yes to A!');
    expect(textOf(resultOfB)).toBe('accept: yes to B?\naccept: yes to B!');
  });

  test('reaches the client at once, whatever the poll interval', async ({ store }) => {
    const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
    const { taskId } = await store.createTask({ pollInterval: 300_000 }, 1, { method: 'tools/call' });
    const looks = vi.spyOn(store, 'getTask');
    void b.taskResult(taskId).catch(() => {});
    // It waits then, and looks again in five minutes.
    await until(() => looks.mock.calls.length > 0);
    const begun = performance.now();
    const params = { mode: 'form', message: 'now?', requestedSchema: { type: 'object', properties: {} } };
    const asked = a.mcp.server.request(
      { method: 'elicitation/create', params } as never,
      ElicitResultSchema,
      {
        relatedTask: { taskId },
      },
    );
    expect(await asked).toMatchObject({ action: 'accept' });
    const ms = performance.now() - begun;
    noteFigures({ 'asked to answered with a poll interval of 5 minutes, ms': Math.round(ms) });
    expect(ms).toBeLessThan(AT_ONCE_MS);
    await a.client.experimental.tasks.cancelTask(taskId);
  });
});

test('what a task queues and does not await arrives before its result', async ({ store }) => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const [a, b] = [
    await serve(openReplicas([], { url: proxy.url }), store),
    await serve(openReplicas(), store),
  ];
  proxy.fault = { kind: 'delay', ms: 50 };
  const { taskId } = await store.createTask({ pollInterval: 20 }, 1, { method: 'tools/call' });
  const looks = vi.spyOn(store, 'getTask');
  const result = b.taskResult(taskId);
  await until(() => looks.mock.calls.length > 0);
  const numbers = Array.from({ length: 50 }, (_, data) => data);
  for (const data of numbers)
    void a.mcp.server.notification(
      { method: 'notifications/message', params: { level: 'info', data } },
      { relatedTask: { taskId } },
    );
  await a.link.wrapTaskStore(store).storeTaskResult(taskId, 'completed', { content: [] });
  await result;
  expect(b.received).toEqual(numbers);
  await until(async () => (await observer().depth(taskId)) === undefined);
});

describe('when the task is cancelled at another replica', () => {
  test('a question that is still queued is rejected within a second', async ({ store }) => {
    const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
    const taskId = await a.startTask([{ hold: true }]);
    const asked = ask(a, taskId);
    await until(async () => (await queueObserver().size(taskId)) === 1);
    const begun = performance.now();
    await b.client.experimental.tasks.cancelTask(taskId);
    await expect(asked).rejects.toThrow('Task cancelled or completed');
    expect(performance.now() - begun).toBeLessThan(AT_ONCE_MS);
    await until(async () => (await observer().depth(taskId)) === undefined);
  });

  test('a question that the client has not answered yet is rejected within a second', async ({ store }) => {
    const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
    b.onAsked(() => new Promise(() => {}));
    const taskId = await a.startTask([{ hold: true }]);
    const asked = ask(a, taskId);
    const result = b.taskResult(taskId).catch(() => {});
    await until(() => b.received.length === 1);
    const begun = performance.now();
    await b.client.experimental.tasks.cancelTask(taskId);
    await expect(asked).rejects.toThrow('Task cancelled or completed');
    expect(performance.now() - begun).toBeLessThan(AT_ONCE_MS);
    await result;
  });

  test('a question that was delivered through a third one is rejected too', async ({ store }) => {
    const [a, b, c] = [
      await serve(openReplicas(), store),
      await serve(openReplicas(), store),
      await serve(openReplicas(), store),
    ];
    b.onAsked(() => new Promise(() => {}));
    const taskId = await a.startTask([{ hold: true }]);
    const asked = ask(a, taskId);
    const result = b.taskResult(taskId).catch(() => {});
    await until(() => b.received.length === 1);
    await c.client.experimental.tasks.cancelTask(taskId);
    await expect(asked).rejects.toThrow('Task cancelled or completed');
    await result;
  });
});

describe('what a client sends', () => {
  test('under ids that it made up resolves nothing', async ({ store }) => {
    const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
    let seen = '';
    b.onAsked(() => new Promise(() => {}));
    const taskId = await a.startTask([{ hold: true }]);
    let outcome = 'open';
    const asked = ask(a, taskId).then(
      () => (outcome = 'answered'),
      () => (outcome = 'rejected'),
    );
    const result = b.taskResult(taskId).catch(() => {});
    await until(() => b.received.length === 1);
    const queuedBefore = b.errors.length;
    const token = randomBytes(16).toString('base64url');
    const ids: unknown[] = [0, '0', '', 1, '00', 'mcp-taskq', `mcp-taskq.${token}.${token}`, 1e9, -1];
    for (const id of [...ids, `mcp-taskq.${token}.${token}.${randomBytes(32).toString('base64url')}`]) {
      for (const server of [a, b]) {
        await server.sendRaw({ jsonrpc: '2.0', id, result: ACCEPTED });
        await server.sendRaw({ jsonrpc: '2.0', id, error: { code: 1, message: 'made up' } });
        seen += String(id);
      }
    }
    expect(seen).not.toBe('');
    expect(b.errors.length - queuedBefore).toBe(20);
    expect(outcome).toBe('open');
    await b.client.experimental.tasks.cancelTask(taskId);
    await asked;
    await result;
    expect(outcome).toBe('rejected');
  });

  test('as a request, not a notification, is answered there, and reaches nobody else', async ({ store }) => {
    const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
    const taskId = await a.startTask([{ hold: true }]);
    b.client.setRequestHandler(ElicitRequestSchema, async (_request, { _meta }) => {
      const params = { progressToken: _meta?.progressToken, progress: 1 };
      await b.sendRaw({ jsonrpc: '2.0', id: 77, method: 'notifications/progress', params });
      return ACCEPTED;
    });
    const replies = { a: [] as string[], b: [] as string[] };
    a.client.onerror = ({ message }) => void replies.a.push(message);
    b.client.onerror = ({ message }) => void replies.b.push(message);
    const result = b.taskResult(taskId).catch(() => {});
    const progress: unknown[] = [];
    const onprogress = (each: unknown) => void progress.push(each);
    expect(await ask(a, taskId, { onprogress })).toEqual(ACCEPTED);
    await until(() => replies.b.length === 1);
    expect(replies).toEqual({ a: [], b: [expect.stringContaining('unknown message ID')] });
    expect(progress).toEqual([]);
    await b.client.experimental.tasks.cancelTask(taskId);
    await result;
  });

  test('twice counts once, and from another client not at all', async ({ store }) => {
    const [a, b, c] = [
      await serve(openReplicas(), store),
      await serve(openReplicas(), store),
      await serve(openReplicas(), store),
    ];
    const sent: { id: string }[] = [];
    b.onAsked(() => new Promise(() => {}));
    const { fallbackRequestHandler } = b.client;
    expect(fallbackRequestHandler).toBeUndefined();
    const transport = b.client.transport as InMemoryTransport;
    const { onmessage } = transport;
    transport.onmessage = (message, extra) => {
      if ('method' in message && message.method === 'elicitation/create') sent.push(message as never);
      onmessage?.(message, extra);
    };
    const taskId = await a.startTask([{ hold: true }]);
    const asked = ask(a, taskId);
    const result = b.taskResult(taskId).catch(() => {});
    await until(() => sent.length === 1);
    const id = sent[0]?.id;
    const answer = (text: string) => ({
      jsonrpc: '2.0',
      id,
      result: { action: 'accept', content: { answer: text } },
    });
    await c.sendRaw(answer('another client'));
    await a.sendRaw(answer('the asker’s own client'));
    expect([a.errors.length, c.errors.length]).toEqual([1, 1]);
    await b.sendRaw(answer('first'));
    await b.sendRaw(answer('second'));
    expect(await asked).toMatchObject({ content: { answer: 'first' } });
    expect(b.errors).toHaveLength(1);
    await b.client.experimental.tasks.cancelTask(taskId);
    await result;
  });

  test.each([
    ['a promise', async () => 'alice', /must return a string or undefined, not a promise/],
    [
      'an error',
      () => {
        throw new Error('ldap://u:secret@host is down');
      },
      /^Option principal threw an error$/,
    ],
  ])('is not put to a user who is %s', async (_what, principal, message) => {
    const warnings: TaskQueueError[] = [];
    const replicas = openReplicas(warnings, { principal: principal as unknown as () => string });
    const task = newTask();
    await openQueue().enqueue(task, numbered(0));
    await expect(replicas.link().taskMessageQueue.dequeue(task)).rejects.toThrow(message);
    expect(await queueObserver().size(task)).toBe(1);
    expect(warnings.map((warning) => warning.message)).toEqual([
      expect.stringContaining('without link.wrapTransport()'),
      expect.stringMatching(message),
    ]);
  });

  test('reaches only the user who created the task, in this process or another one', async ({ store }) => {
    let user: string | undefined = 'mallory';
    const [a, b] = [
      await serve(openReplicas([], { principal: () => 'alice' }), store),
      await serve(openReplicas([], { principal: () => user }), store),
    ];
    const taskId = await a.startTask([{ log: 'private' }, { elicit: 'delete it?' }]);
    await until(async () => (await queueObserver().size(taskId)) === 2);
    const queued = await openClient().peek(taskId, { limit: 2 });
    for (const { properties } of queued) {
      expect(properties.headers).toMatchObject({
        'x-mcp-owner': expect.stringMatching(/^[\w-]{22}\.[\w-]{43}$/),
      });
    }
    for (const other of ['mallory', undefined, 'mallory']) {
      user = other;
      await expect(b.taskResult(taskId)).rejects.toThrow('belongs to another user');
    }
    expect(b.received).toEqual([]);
    user = 'alice';
    expect(textOf(await b.taskResult(taskId))).toBe('accept: yes to delete it?');
    expect(b.received).toEqual(['private', 'delete it?']);
  });

  test('as another user is refused', async ({ store }) => {
    let user = 'alice';
    const warnings: TaskQueueError[] = [];
    const [a, b] = [
      await serve(openReplicas(), store),
      await serve(openReplicas(warnings, { principal: () => user }), store),
    ];
    let release = (_: ElicitResult) => {};
    b.onAsked(() => new Promise((resolve) => (release = resolve)));
    const taskId = await a.startTask([{ hold: true }]);
    let outcome = 'open';
    const asked = ask(a, taskId).then(
      () => (outcome = 'answered'),
      () => (outcome = 'rejected'),
    );
    const result = b.taskResult(taskId).catch(() => {});
    await until(() => b.received.length === 1);
    user = 'mallory';
    release(ACCEPTED);
    await until(() => b.errors.length === 1);
    expect(outcome).toBe('open');
    await b.client.experimental.tasks.cancelTask(taskId);
    await Promise.all([asked, result]);
    expect(outcome).toBe('rejected');
  });
});

test('progress and a timeout reach across replicas', async ({ store }) => {
  const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
  const cancelled: unknown[] = [];
  b.client.setRequestHandler(ElicitRequestSchema, async (_request, { signal, _meta }) => {
    const { progressToken } = _meta ?? {};
    if (progressToken !== undefined) {
      await b.client.notification({
        method: 'notifications/progress',
        params: { progressToken, progress: 1 },
      });
      return ACCEPTED;
    }
    b.received.push('asked');
    // It may be withdrawn before it is here.
    if (!signal.aborted) await once(signal, 'abort');
    cancelled.push(signal.reason);
    return ACCEPTED;
  });
  const taskId = await a.startTask([{ hold: true }]);
  const result = b.taskResult(taskId).catch(() => {});
  const progress: unknown[] = [];
  expect(await ask(a, taskId, { onprogress: (each: unknown) => void progress.push(each) })).toEqual(ACCEPTED);
  expect(progress).toEqual([{ progress: 1 }]);
  await expect(ask(a, taskId, { timeout: 500 })).rejects.toThrow('timed out');
  await until(() => cancelled.length === 1);
  await b.client.experimental.tasks.cancelTask(taskId);
  await result;
});

test('a question that was answered is not cancelled, though the SDK gives it up afterwards', async ({
  store,
}) => {
  const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
  const taskId = await a.startTask([{ hold: true }]);
  const result = b.taskResult(taskId).catch(() => {});
  const cancelled: unknown[] = [];
  a.client.setNotificationHandler(CancelledNotificationSchema, ({ params }) => void cancelled.push(params));
  // At its timeout, too.
  const giveUp = new AbortController();
  expect(await ask(a, taskId, { signal: giveUp.signal })).toMatchObject({ action: 'accept' });
  giveUp.abort();
  await a.client.ping();
  expect(cancelled).toEqual([]);
  await b.client.experimental.tasks.cancelTask(taskId);
  await result;
});

test('progress of a task with which the client answers reaches the asker after the answer', async ({
  store,
}) => {
  const a = await serve(openReplicas(), store);
  const link = openReplicas().link();
  const [atServer, atClient] = InMemoryTransport.createLinkedPair();
  const capabilities = { elicitation: {}, tasks: { requests: { elicitation: { create: {} } } } };
  const client = new Client({ name: 'c', version: '1' }, { capabilities });
  await Promise.all([serverOf(link, store).connect(link.wrapTransport(atServer)), client.connect(atClient)]);
  onTestFinished(() => client.close());
  const tokens: unknown[] = [];
  client.setRequestHandler(ElicitRequestSchema, (_request, { _meta }) => {
    tokens.push(_meta?.progressToken);
    const at = new Date().toISOString();
    return { task: { taskId: 'own', status: 'working', ttl: null, createdAt: at, lastUpdatedAt: at } };
  });
  const taskId = await a.startTask([{ hold: true }]);
  const result = client.experimental.tasks.getTaskResult(taskId).catch(() => {});
  const progress: unknown[] = [];
  const params = { mode: 'form', message: 'well?', requestedSchema: { type: 'object', properties: {} } };
  const { task } = await a.mcp.server.request(
    { method: 'elicitation/create', params } as never,
    CreateTaskResultSchema,
    { relatedTask: { taskId }, task: {}, onprogress: (each) => void progress.push(each) },
  );
  expect(task.taskId).toBe('own');
  for (const number of [1, 2]) {
    const params = { progressToken: tokens[0] as string, progress: number };
    await client.notification({ method: 'notifications/progress', params });
  }
  await until(() => progress.length === 2);
  await client.experimental.tasks.cancelTask(taskId);
  await result;
});

test('a message is delivered once, though the server object sends a copy of it', async ({ store }) => {
  const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
  const { server } = b.mcp;
  const transport = server.transport as Transport;
  const send: Transport['send'] = (message, options) => transport.send({ ...message }, options);
  Object.assign(server, { _transport: Object.create(transport, { send: { value: send } }) });
  const taskId = await a.startTask([{ log: 'one' }, { log: 'two' }, { elicit: 'sure?' }, { hold: true }]);
  const result = b.taskResult(taskId).catch(() => {});
  await until(() => b.received.length === 3);
  await b.client.close();
  await result;
  const c = await serve(openReplicas(), store);
  const again = c.taskResult(taskId).catch(() => {});
  const last = { method: 'notifications/message', params: { level: 'info', data: 'last' } } as const;
  await a.mcp.server.notification(last, { relatedTask: { taskId } });
  await until(() => c.received.includes('last'));
  // The question may not have been known to be sent.
  expect(c.received).not.toContain('one');
  expect(c.received).not.toContain('two');
  await c.client.experimental.tasks.cancelTask(taskId);
  await again;
});

test('a message whose send fails, or whose client has gone, is there for the next one', async ({ store }) => {
  const [a, b, c] = [
    await serve(openReplicas(), store),
    await serve(openReplicas(), store),
    await serve(openReplicas(), store),
  ];
  const taskId = await a.startTask([{ elicit: 'still there?' }]);
  await until(async () => (await queueObserver().size(taskId)) === 1);
  breakPipe(b);
  void b.taskResult(taskId).catch(() => {});
  expect(textOf(await c.taskResult(taskId))).toBe('accept: yes to still there?');
  expect(c.received).toEqual(['still there?']);
});

test('many server objects share one set of connections, and deliver for one another', {
  timeout: 120_000,
}, async ({ store }) => {
  const { url } = await newVhost();
  const replicas = openReplicas([], { url });
  const servers = await Promise.all(Array.from({ length: SERVERS }, () => serve(replicas, store)));
  const taskIds = await Promise.all(
    servers.map((server, index) => server.startTask([{ elicit: `${index}?` }])),
  );
  const results = await Promise.all(
    taskIds.map((taskId, index) => servers[(index + 1) % SERVERS]?.taskResult(taskId)),
  );
  expect(results.map((result) => textOf(result as object))).toEqual(
    taskIds.map((_, index) => `accept: yes to ${index}?`),
  );
  const listed = await callApi('GET', `vhosts${new URL(url).pathname}/connections`);
  const connections = ((await listed.json()) as unknown[]).length;
  noteFigures({ 'server objects': SERVERS, connections });
  expect(connections).toBeLessThanOrEqual(6);
});

test('the reply queue is gone with its process, and is not taken for a task', async ({ store }) => {
  const replicas = openReplicas();
  const a = await serve(replicas, store);
  const taskId = await a.startTask([{ elicit: '?' }]);
  await until(async () => (await queueObserver().size(taskId)) === 1);
  const [message] = await openClient().peek(taskId);
  expect(message?.properties).toMatchObject({
    reply_to: expect.stringMatching(/^mcp:queue:replies:[\w-]{22}$/),
    headers: { 'x-mcp-asked-by': expect.stringContaining(String(process.pid)) },
  });
  const replies = String(message?.properties.reply_to).slice('mcp:queue:'.length);
  expect(await observer().depth(replies)).toEqual({ messages: 0, consumers: 1 });
  const listed: string[] = [];
  for await (const queues of listTaskQueues({ url: inject('url'), apiUrl: inject('apiUrl') })) {
    listed.push(...queues.map((queue) => queue.taskId));
  }
  expect(listed).toContain(taskId);
  expect(listed.filter((id) => id.startsWith('replies:'))).toEqual([]);
  const shown = await runCli(['peek', taskId, '-o', 'table', '-u', inject('url')]);
  expect(shown.stdout).toMatch(new RegExp(`asked by +${hostname()}:${process.pid}`));
  const watch = ['watch', taskId, '--tail', '1', '-n', '1', '-o', 'table', '-u', inject('url')];
  expect((await runCli(watch)).stdout).toContain(`from ${hostname()}:${process.pid}:`);
  await a.client.experimental.tasks.cancelTask(taskId);
  await replicas.close();
  expect(await observer().depth(replies)).toBeUndefined();
});

test.each(['short', 7 as never, undefined as never])('secret %j is refused', (secret) => {
  expect(() => new Replicas({ secret })).toThrow('secret');
});

test.each([
  ['principal', { secret: 'x'.repeat(16), principal: 'alice' }],
  ['principal', { secret: 'x'.repeat(16), principal: null }],
  ['options', undefined],
  ['options', 'amqp://localhost'],
])('a wrong %s is refused before anything is delivered: %j', (what, options) => {
  expect(() => new Replicas(options as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(what) }),
  );
});

test('a question is published again without a confirm, unless that is switched off', () => {
  const { retryUnconfirmedMs } = new ReplicaCore({ secret: 'x'.repeat(16), retryUnconfirmedMs: undefined })
    .options;
  expect(retryUnconfirmedMs).toBe(30_000);
  expect(new ReplicaCore({ secret: 'x'.repeat(16), retryUnconfirmedMs: 0 }).options.retryUnconfirmedMs).toBe(
    0,
  );
});
