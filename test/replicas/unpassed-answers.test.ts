import { expect } from 'vitest';
import type { TaskQueueError } from '../../src/index.ts';
import { ask, openReplicas, serve, test } from '../support/replicas.ts';
import { queueObserver } from '../support/tasks.ts';
import { until } from '../support/until.ts';

test('the asker learns at once of an answer that is too large for the way back', async ({ store }) => {
  const warnings: TaskQueueError[] = [];
  const a = await serve(openReplicas(), store);
  const b = await serve(openReplicas(warnings, { maxMessageBytes: 2_000 }), store);
  const taskId = await a.startTask([{ hold: true }]);
  b.onAsked(() => ({ action: 'accept', content: { answer: 'x'.repeat(5_000) } }));
  const asked = ask(a, taskId);
  const result = b.taskResult(taskId).catch(() => {});
  await expect(asked).rejects.toThrow('The answer is too large to be passed on');
  expect(warnings).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }]);
  await a.client.experimental.tasks.cancelTask(taskId);
  await result;
});

test('a server object whose handlers throw keeps nothing from the others', async ({ store }) => {
  const warnings: TaskQueueError[] = [];
  const replicas = openReplicas(warnings);
  const [a, b, c] = [
    await serve(replicas, store),
    await serve(replicas, store),
    await serve(replicas, store),
  ];
  const taskId = await a.startTask([{ hold: true }]);
  const notTold = ask(a, taskId).catch(() => {});
  await until(async () => (await queueObserver().size(taskId)) === 1);
  const asked = ask(b, taskId);
  await until(async () => (await queueObserver().size(taskId)) === 2);
  (a.mcp.server.transport as { onmessage?: unknown }).onmessage = () => {
    throw null;
  };
  await c.client.experimental.tasks.cancelTask(taskId);
  await expect(asked).rejects.toThrow('Task cancelled or completed');
  expect(warnings).toEqual([]);
  await a.mcp.close();
  await notTold;
});
