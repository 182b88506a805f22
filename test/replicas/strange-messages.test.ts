import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  ElicitRequestSchema,
  type ElicitResult,
  EmptyResultSchema,
  type JSONRPCMessage,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, onTestFinished } from 'vitest';
import type { TaskQueueError } from '../../src/index.ts';
import type { ReplicaLink } from '../../src/replicas/index.ts';
import { ACCEPTED, ask, openReplicas, serve, serverOf, test } from '../support/replicas.ts';
import { numbered, observer, openClient, openQueue, queueObserver, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

test('the reply to a client’s own request that names a task goes to that client, at once', async ({
  store,
}) => {
  const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
  const taskId = await a.startTask([{ hold: true }]);
  const _meta = { 'io.modelcontextprotocol/related-task': { taskId } };
  expect(await b.client.request({ method: 'ping', params: { _meta } }, EmptyResultSchema)).toEqual({});
  const unknown = b.client.request({ method: 'no/such', params: { _meta } } as never, EmptyResultSchema);
  await expect(unknown).rejects.toThrow('Method not found');
  expect(await observer().depth(taskId)).toBeUndefined();
});

describe('in the queue of a task', () => {
  test('a response that a plain queue has put there is set aside, and answers nothing', async ({ store }) => {
    const warnings: TaskQueueError[] = [];
    const a = await serve(openReplicas(warnings), store);
    const taskId = await a.startTask([{ hold: true }]);
    const stranger = {
      jsonrpc: '2.0' as const,
      id: 0,
      result: { action: 'accept', content: { answer: 'no' } },
    };
    await openQueue().enqueue(taskId, { type: 'response', timestamp: 0, message: stranger });
    const asked = ask(a, taskId);
    const result = a.taskResult(taskId).catch(() => {});
    expect(await asked).toMatchObject({ content: { answer: 'yes to well?' } });
    expect(warnings).toMatchObject([{ code: 'MALFORMED_MESSAGE' }]);
    await until(async () => (await observer().depth(`${taskId}:malformed`))?.messages === 1);
    await openClient().clear(`${taskId}:malformed`);
    await a.client.experimental.tasks.cancelTask(taskId);
    await result;
  });

  test('a question of no replica is asked, with a warning, and its answer is nobody’s', async ({ store }) => {
    const warnings: TaskQueueError[] = [];
    const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(warnings), store)];
    const taskId = await a.startTask([{ hold: true }]);
    const params = { mode: 'form', message: 'who?', requestedSchema: { type: 'object', properties: {} } };
    const message = { jsonrpc: '2.0' as const, id: 0, method: 'elicitation/create', params };
    await openQueue().enqueue(taskId, { type: 'request', timestamp: Date.now(), message });
    b.onAsked((text) =>
      text === 'who?' ? { action: 'decline' } : { action: 'accept', content: { answer: text } },
    );
    const asked = ask(b, taskId);
    const result = b.taskResult(taskId).catch(() => {});
    expect(await asked).toEqual({ action: 'accept', content: { answer: 'well?' } });
    expect(b.received).toEqual(['who?', 'well?']);
    expect(warnings).toMatchObject([{ code: 'INVALID_MESSAGE', hint: expect.stringContaining('replicas') }]);
    await b.client.experimental.tasks.cancelTask(taskId);
    await result;
  });

  test('neither a notification that asks nor a stranger’s cancellation touches a question of the server object’s own', async ({
    store,
  }) => {
    const warnings: TaskQueueError[] = [];
    const b = await serve(openReplicas(warnings), store);
    const taskId = await b.startTask([{ hold: true }]);
    let answer = (_: ElicitResult) => {};
    let isWithdrawn = false;
    b.client.setRequestHandler(ElicitRequestSchema, ({ params }, { signal }) => {
      b.received.push(params.message);
      signal.addEventListener('abort', () => (isWithdrawn = true));
      if (params.message !== 'direct?') return ACCEPTED;
      return new Promise((resolve) => (answer = resolve));
    });
    // Its id is 0; a cancellation of that the SDK ignores.
    await b.mcp.server.ping();
    const direct = b.mcp.server.elicitInput({
      message: 'direct?',
      requestedSchema: { type: 'object', properties: {} },
    });
    await until(() => b.received.length === 1);
    const params = { message: 'innocent?', requestedSchema: { type: 'object', properties: {} } };
    for (const message of [
      { method: 'elicitation/create', id: 1, params },
      { method: 'notifications/cancelled', params: { requestId: 1 } },
      { method: 'notifications/cancelled' },
    ]) {
      const timestamp = new Date().toISOString();
      const queued = { type: 'notification', message: { jsonrpc: '2.0', ...message }, timestamp };
      await openClient().publish(taskId, raw(JSON.stringify(queued)));
    }
    await openQueue().enqueue(taskId, numbered(7));
    const result = b.taskResult(taskId).catch(() => {});
    await until(() => b.received.length === 2);
    expect(b.received).toEqual(['direct?', 7]);
    expect(isWithdrawn).toBe(false);
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('of a notification must be absent'),
      expect.stringContaining('cancels a question that no replica has asked'),
      expect.stringContaining('cancels a question that no replica has asked'),
    ]);
    answer({ action: 'decline' });
    expect(await direct).toMatchObject({ action: 'decline' });
    await openClient().clear(`${taskId}:malformed`);
    await b.client.experimental.tasks.cancelTask(taskId);
    await result;
  });

  test('what is not a message at all is set aside, and the rest is delivered', async ({ store }) => {
    const warnings: TaskQueueError[] = [];
    const a = await serve(openReplicas(warnings), store);
    const taskId = await a.startTask([{ hold: true }]);
    await openClient().publish(taskId, raw('{'));
    const params = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    const message = `{"jsonrpc":"2.0","method":"notifications/message","params":${params}}`;
    const timestamp = new Date().toISOString();
    const nested = `{"type":"notification","message":${message},"timestamp":"${timestamp}"}`;
    await openClient().publish(taskId, raw(nested));
    await openQueue().enqueue(taskId, numbered(7));
    const result = a.taskResult(taskId).catch(() => {});
    await until(() => a.received.length === 1);
    expect(a.received).toEqual([7]);
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('it is not JSON'),
      expect.stringContaining('nested more than 500 levels deep'),
    ]);
    await openClient().clear(`${taskId}:malformed`);
    await a.client.experimental.tasks.cancelTask(taskId);
    await result;
  });
});

describe('what cannot be delivered nor set aside stays in the queue', () => {
  /** A task that has something between two messages, with a limit that keeps it where it is. */
  async function obstructed(store: InMemoryTaskStore, body: string) {
    const warnings: TaskQueueError[] = [];
    const replicas = openReplicas(warnings, { maxMessageBytes: 4_000 });
    const a = await serve(replicas, store);
    const taskId = await a.startTask([{ hold: true }]);
    await openQueue().enqueue(taskId, numbered(6));
    await openClient().publish(taskId, raw(body));
    await openQueue().enqueue(taskId, numbered(7));
    onTestFinished(async () => void (await openClient().clear(taskId)));
    const left = async () => {
      await replicas.close();
      return (await openClient().peek(taskId, { limit: 9 })).map((message) => message.body.toString());
    };
    return { replicas, a, taskId, warnings, left };
  }

  const response = {
    type: 'response',
    timestamp: new Date(0).toISOString(),
    message: { jsonrpc: '2.0', id: 0, result: { text: 'x'.repeat(5_000) } },
  };

  for (const [what, body] of [
    ['what is not a message', '?'.repeat(5_000)],
    ['the response of a stranger', JSON.stringify(response)],
  ] as const) {
    test(`${what}: the others are delivered, and so is the result`, async ({ store }) => {
      const { replicas, a, taskId, warnings, left } = await obstructed(store, body);
      const result = a.taskResult(taskId);
      await until(() => a.received.length === 2);
      await openQueue().enqueue(taskId, numbered(8));
      await until(() => a.received.length === 3);
      await store.storeTaskResult(taskId, 'completed', { content: [] });
      expect(await result).toMatchObject({ content: [] });
      expect(a.received).toEqual([6, 7, 8]);
      expect(warnings).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }]);
      expect(replicas.stats().redelivered).toBe(0);
      expect(await left()).toEqual([body]);
    });
  }

  test('when the task is cancelled: the others are removed', async ({ store }) => {
    const { replicas, a, taskId, warnings, left } = await obstructed(store, '?'.repeat(5_000));
    await a.client.experimental.tasks.cancelTask(taskId);
    await until(async () => (await openClient().depth(taskId))?.messages === 1);
    await expect(a.taskResult(taskId)).rejects.toThrow();
    expect(a.received).toEqual([]);
    expect(warnings).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }]);
    expect(replicas.stats().redelivered).toBeLessThan(10);
    expect(await left()).toEqual(['?'.repeat(5_000)]);
  });
});

test('the answer to a question that a plain queue has delivered counts for nothing, there or at a replica', async ({
  store,
}) => {
  const a = await serve(openReplicas(), store);
  const plain = { taskMessageQueue: openQueue(), wrapTaskStore: (same: typeof store) => same };
  const mcp = serverOf(plain as unknown as ReplicaLink, store);
  const errors: string[] = [];
  mcp.server.onerror = ({ message }) => void errors.push(message);
  const [atServer, atClient] = InMemoryTransport.createLinkedPair();
  const sent: JSONRPCMessage[] = [];
  atClient.onmessage = (message) => {
    if ('id' in message && 'method' in message) sent.push(message);
  };
  await mcp.connect(atServer);
  const taskId = await a.startTask([{ hold: true }]);
  const giveUp = new AbortController();
  const asked = ask(a, taskId, { signal: giveUp.signal, timeout: 300_000 }).catch(() => 'given up');
  await until(async () => (await queueObserver().size(taskId)) === 1);
  await atClient.send({ jsonrpc: '2.0', id: 1, method: 'tasks/result', params: { taskId } });
  await until(() => sent.length === 1);
  const answer = { jsonrpc: '2.0', id: (sent[0] as { id: string }).id, result: ACCEPTED } as const;
  await atClient.send(answer);
  await a.sendRaw(answer);
  await until(() => errors.length === 1 && a.errors.length === 1);
  expect(errors[0]).toContain('unknown message ID');
  expect(a.errors[0]).toMatchObject({ code: 'ACCESS_REFUSED' });
  giveUp.abort();
  expect(await asked).toBe('given up');
  await store.storeTaskResult(taskId, 'completed', { content: [] });
  await mcp.close();
});

test('in the reply queue nothing strange does harm', async ({ store }) => {
  const warnings: TaskQueueError[] = [];
  const a = await serve(openReplicas(warnings), store);
  const taskId = await a.startTask([{ hold: true }]);
  const asked = ask(a, taskId);
  await until(async () => (await queueObserver().size(taskId)) === 1);
  const [question] = await openClient().peek(taskId);
  const replies = String(question?.properties.reply_to).slice('mcp:queue:'.length);
  const bodies = ['', '{', 'null', '[]', '{"serial":1}', '{"serial":"x","kind":"answer","message":{}}'];
  for (const body of bodies) await openClient().publish(replies, raw(body), { create: false });
  await until(async () => (await observer().depth(replies))?.messages === 0);
  const result = a.taskResult(taskId).catch(() => {});
  expect(await asked).toMatchObject({ action: 'accept' });
  expect(warnings).toHaveLength(5);
  await a.client.experimental.tasks.cancelTask(taskId);
  await result;
});

test('a transport that answers with JSON is refused, and the message stays', async ({ store }) => {
  const replicas = openReplicas();
  const a = await serve(replicas, store);
  const taskId = await a.startTask([{ hold: true }]);
  await openQueue().enqueue(taskId, numbered(1));
  const server = createServer(async (request, response) => {
    const link = replicas.link();
    const mcp = serverOf(link, store);
    const transport = link.wrapTransport(new StreamableHTTPServerTransport({ enableJsonResponse: true }));
    await mcp.connect(transport as Parameters<typeof mcp.connect>[0]);
    await transport.handleRequest(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tasks/result', params: { taskId } }),
  });
  const { error } = (await response.json()) as { error: { message: string } };
  expect(error.message).toContain('answers with JSON');
  await until(async () => (await queueObserver().size(taskId)) === 1);
  await a.client.experimental.tasks.cancelTask(taskId);
});

test('the wrapped transport is what it was, but for what passes through it', async ({ store }) => {
  const link = openReplicas().link();
  const given = new StreamableHTTPServerTransport({ sessionIdGenerator: () => 'the session' });
  const transport = link.wrapTransport(given);
  expect(transport).toBeInstanceOf(StreamableHTTPServerTransport);
  expect(transport.sessionId).toBeUndefined();
  expect(transport.closeSSEStream).toBeTypeOf('function');
  const closed: string[] = [];
  transport.onclose = () => void closed.push('user');
  const mcp = serverOf(link, store);
  mcp.server.onclose = () => void closed.push('server');
  await mcp.connect(transport as Parameters<typeof mcp.connect>[0]);
  expect(() => link.wrapTransport(given)).toThrow('a link of its own');
  await mcp.close();
  expect(closed).toEqual(['user', 'server']);
});

test('an error that reaches an MCP client names no host', async ({ store }) => {
  const a = await serve(openReplicas([], { url: 'amqp://127.0.0.1:1/secret-vhost' }), store);
  const taskId = await a.startTask([{ hold: true }]);
  const calls = [a.taskResult(taskId), ask(a, taskId)] as Promise<unknown>[];
  for (const outcome of await Promise.allSettled(calls)) {
    const { message } = (outcome as PromiseRejectedResult).reason;
    expect(message).toContain('the message broker cannot be reached');
    // The id may have these digits as well.
    expect(message.replace(taskId, 'ID')).not.toMatch(/127|secret|amqp/);
  }
});
