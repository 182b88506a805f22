import { EventEmitter, once } from 'node:events';
import type { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { InMemoryTransport } from 'sdk-1.24/inMemory.js';
import { McpServer } from 'sdk-1.24/server/mcp.js';
import { ElicitResultSchema, type JSONRPCMessage } from 'sdk-1.24/types.js';
import { expect, onTestFinished } from 'vitest';
import { openReplicas, test } from '../support/replicas.ts';
import { newTask, numbered, openQueue, queueObserver } from '../support/tasks.ts';
import { until } from '../support/until.ts';

test('with SDK 1.24, a client gets nothing of a task that the store does not know', async ({ store }) => {
  const { atClient, received } = await serveOldest(store);
  const taskId = newTask();
  const queue = openQueue();
  await queue.enqueue(taskId, numbered(1));
  await atClient.send({ jsonrpc: '2.0', id: 1, method: 'tasks/result', params: { taskId } });
  await until(() => received.some((message) => 'id' in message));
  expect(received).toMatchObject([{ id: 1, error: { message: expect.stringContaining('not found') } }]);
  expect(await queue.size(taskId)).toBe(1);
});

test('with SDK 1.24, a question stays open in a store that knows its task only in its session', async ({
  store,
}) => {
  const looks: unknown[] = [];
  const strict: InMemoryTaskStore = Object.create(store);
  strict.getTask = async (taskId, sessionId) => {
    looks.push(sessionId);
    return sessionId === 'one' ? store.getTask(taskId) : null;
  };
  const { mcp, atClient, received } = await serveOldest(strict, 'one');
  const { taskId } = await store.createTask({ pollInterval: 10 }, 1, { method: 'tools/call' });
  const asked = ask(mcp, taskId);
  await atClient.send({ jsonrpc: '2.0', id: 1, method: 'tasks/result', params: { taskId } });
  await until(() => received.length === 1);
  const looksBefore = looks.length;
  await until(() => looks.length > looksBefore + 20);
  const { id } = received[0] as { id: string };
  await atClient.send({ jsonrpc: '2.0', id, result: { action: 'decline' } });
  expect(await asked).toEqual({ action: 'decline' });
  expect(new Set(looks)).toEqual(new Set(['one']));
  await store.storeTaskResult(taskId, 'completed', { content: [] });
  await until(() => received.length === 2);
});

test('with SDK 1.24, a question whose client left at once is rejected when its task is cancelled', async ({
  store,
}) => {
  const response = Object.assign(new EventEmitter(), { headersSent: true });
  const transport = {
    onmessage: undefined as ((message: JSONRPCMessage, extra: object) => void) | undefined,
    start: async () => {},
    close: async () => {},
    // The client has an event store behind it, and leaves when it has the question.
    send: async () => void response.emit('close'),
    async handleRequest(_request: object, _response: object, message: JSONRPCMessage) {
      this.onmessage?.(message, { closeSSEStream() {} });
    },
  };
  const { mcp, link } = serverOfOldest(store);
  const wrapped = link.wrapTransport(transport);
  await mcp.connect(wrapped as unknown as InMemoryTransport);
  const { taskId } = await store.createTask({ pollInterval: 10 }, 1, { method: 'tools/call' });
  const left = once(response, 'close');
  const asked = ask(mcp, taskId);
  await until(async () => (await queueObserver().size(taskId)) === 1);
  const message = { jsonrpc: '2.0' as const, id: 1, method: 'tasks/result', params: { taskId } };
  await wrapped.handleRequest({ headers: {} }, response, message);
  await left;
  await store.updateTaskStatus(taskId, 'cancelled');
  await expect(asked).rejects.toThrow('Task cancelled or completed');
});

function ask({ server }: McpServer, taskId: string): Promise<unknown> {
  const params = { message: 'well?', requestedSchema: { type: 'object' as const, properties: {} } };
  const options = { relatedTask: { taskId } };
  const asked = server.request({ method: 'elicitation/create', params }, ElicitResultSchema, options);
  // It may fail before the test awaits it.
  asked.catch(() => {});
  return asked;
}

/** A server object of the oldest SDK. */
function serverOfOldest(store: InMemoryTaskStore) {
  const link = openReplicas().link();
  const mcp = new McpServer(
    { name: 's', version: '1' },
    {
      capabilities: { logging: {}, tasks: { cancel: {} } },
      taskStore: link.wrapTaskStore(store) as never,
      taskMessageQueue: link.taskMessageQueue,
    },
  );
  onTestFinished(() => mcp.close());
  return { mcp, link };
}

/** One with a client in memory, and what comes to it. */
async function serveOldest(store: InMemoryTaskStore, sessionId?: string) {
  const { mcp, link } = serverOfOldest(store);
  const [atServer, atClient] = InMemoryTransport.createLinkedPair();
  if (sessionId !== undefined) atServer.sessionId = sessionId;
  await mcp.connect(link.wrapTransport(atServer));
  const received: JSONRPCMessage[] = [];
  atClient.onmessage = (message) => void received.push(message);
  return { mcp, atClient, received };
}
