import type { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { expect } from 'vitest';
import { ask, openReplicas, serve, test } from '../support/replicas.ts';
import { removeAfterTest } from '../support/task-removal.ts';
import { queueObserver } from '../support/tasks.ts';
import { until } from '../support/until.ts';

for (const nothing of [null, undefined]) {
  test(`a question is rejected when its task expires, for which the store returns ${nothing}`, async ({
    store,
  }) => {
    let isExpired = false;
    const expiring: InMemoryTaskStore = Object.create(store);
    expiring.getTask = async (...args) => (isExpired ? (nothing as null) : store.getTask(...args));
    const unknowing: InMemoryTaskStore = Object.create(store);
    unknowing.getTask = async () => nothing as null;
    const replicas = openReplicas();
    const [a, b, stranger] = [
      await serve(replicas, expiring),
      await serve(replicas, expiring),
      await serve(replicas, unknowing),
    ];
    b.onAsked(() => new Promise(() => {}));
    const taskId = await a.startTask([{ hold: true }]);
    removeAfterTest(taskId);
    let isOpen = true;
    const asked = ask(a, taskId).finally(() => (isOpen = false));
    const result = b.taskResult(taskId).catch((error) => error.message);
    await until(() => b.received.length === 1);
    await expect(stranger.taskResult(taskId)).rejects.toThrow('Task not found');
    expect(isOpen).toBe(true);
    isExpired = true;
    await expect(asked).rejects.toThrow('Task cancelled or completed');
    expect(await result).toContain('Task not found');
    expect(await queueObserver().size(taskId)).toBe(0);
  });
}
