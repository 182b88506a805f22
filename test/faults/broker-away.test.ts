import { expect, inject, test } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, openQueue } from '../support/tasks.ts';

const MESSAGE = { type: 'notification', timestamp: 1, message: { jsonrpc: '2.0', method: 'm' } } as const;

test('calls for one task fail together when the broker does not come back, and the next one is tried', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const queue = openQueue({ url: proxy.url, reconnectTimeoutMs: 2_500 });
  const task = newTask();
  await queue.enqueue(task, MESSAGE);
  await queue.size(task);
  proxy.fault = { kind: 'gone' };
  proxy.reset();
  const begun = performance.now();
  const results = await Promise.allSettled([
    ...Array.from({ length: 4 }, () => queue.dequeue(task)),
    ...Array.from({ length: 4 }, () => queue.enqueue(task, MESSAGE)),
    ...Array.from({ length: 2 }, () => queue.clear(task)),
    queue.peek(task),
    ...Array.from({ length: 4 }, () => queue.enqueue(task, MESSAGE)),
  ]);
  // One wait for the connection, not fifteen, which would take 37 s.
  expect(performance.now() - begun).toBeLessThan(12_000);
  // What the loss itself met says so; whatever waited behind that could not connect.
  for (const result of results) {
    expect(result).toMatchObject({ reason: { code: expect.stringMatching(/^CONNECTION_(FAILED|LOST)$/) } });
  }
  proxy.fault = { kind: 'none' };
  await queue.enqueue(task, MESSAGE);
  expect(await queue.size(task)).toBe(2);
});

test('a call gives up in time though all nodes accept connections and do not answer', async () => {
  const [proxy, other] = [
    await FaultProxy.inFrontOf(inject('url')),
    await FaultProxy.inFrontOf(inject('url')),
  ];
  const queue = openQueue({ url: [proxy.url, other.url], reconnectTimeoutMs: 2_500 });
  const task = newTask();
  await queue.enqueue(task, MESSAGE);
  await queue.size(task);
  for (const each of [proxy, other]) each.fault = { kind: 'stall' };
  proxy.reset();
  const begun = performance.now();
  await expect(queue.size(task)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  // Each node alone could take the 10 s of the connect timeout.
  expect(performance.now() - begun).toBeLessThan(9_000);
});
