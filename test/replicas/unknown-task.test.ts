import { InMemoryTransport } from 'sdk-1.24/inMemory.js';
import { McpServer } from 'sdk-1.24/server/mcp.js';
import type { JSONRPCMessage } from 'sdk-1.24/types.js';
import { expect, onTestFinished } from 'vitest';
import { openReplicas, test } from '../support/replicas.ts';
import { newTask, numbered, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';

test('with SDK 1.24, a client gets nothing of a task that the store does not know', async ({ store }) => {
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
  const [atServer, atClient] = InMemoryTransport.createLinkedPair();
  await mcp.connect(link.wrapTransport(atServer));
  const received: JSONRPCMessage[] = [];
  atClient.onmessage = (message) => void received.push(message);
  const taskId = newTask();
  const queue = openQueue();
  await queue.enqueue(taskId, numbered(1));
  await atClient.send({ jsonrpc: '2.0', id: 1, method: 'tasks/result', params: { taskId } });
  await until(() => received.some((message) => 'id' in message));
  expect(received).toMatchObject([{ id: 1, error: { message: expect.stringContaining('not found') } }]);
  expect(await queue.size(taskId)).toBe(1);
});
