import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { expect, onTestFinished, test } from 'vitest';
import { RabbitMQTaskMessageQueue } from '../../src/index.ts';
import { startPrivateBroker, untilQueuesLast } from '../support/broker.ts';
import { until } from '../support/until.ts';
import { collectWarnings } from '../support/warnings.ts';

test('a task that is cancelled while RabbitMQ is away is cancelled, with a warning, and the process lives', async () => {
  const broker = await startPrivateBroker();
  const { warnings, onStatus } = collectWarnings();
  const queue = new RabbitMQTaskMessageQueue({
    url: broker.url,
    reconnectTimeoutMs: 500,
    connectTimeoutMs: 3_000,
    onStatus,
  });
  onTestFinished(() => queue.close());
  const taskStore = new InMemoryTaskStore();
  const server = new Server(
    { name: 's', version: '1' },
    { capabilities: { logging: {}, tasks: { cancel: {} } }, taskStore, taskMessageQueue: queue },
  );
  const client = new Client({ name: 'c', version: '1' });
  onTestFinished(() => client.close());
  const [atServer, atClient] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(atServer), client.connect(atClient)]);
  const { taskId } = await taskStore.createTask({}, 1, { method: 'tools/call' });
  const params = { level: 'info', data: 'about to go' } as const;
  await server.notification({ method: 'notifications/message', params }, { relatedTask: { taskId } });

  await untilQueuesLast();
  await broker.kill();
  const { status } = await client.experimental.tasks.cancelTask(taskId);
  expect(status).toBe('cancelled');
  await until(() => warnings.some(({ code }) => code === 'CONNECTION_FAILED' || code === 'CONNECTION_LOST'));

  await broker.restart();
  // The message outlived the cancellation; whoever looks finds it.
  await expect.poll(() => queue.size(taskId).catch((error) => error.message), { timeout: 10_000 }).toBe(1);
  expect(await queue.dequeueAll(taskId)).toHaveLength(1);
}, 120_000);
