import { expect, inject, test } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, openClient, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';

// Two ways to the same broker stand for two nodes of a cluster: what is tested is who is asked.
async function twoNodes() {
  const [first, second] = [
    await FaultProxy.inFrontOf(inject('url')),
    await FaultProxy.inFrontOf(inject('url')),
  ];
  return { first, second, url: [first.url, second.url] };
}

test('the next node takes over when the first is gone, and stays in use when it is back', async () => {
  const { first, second, url } = await twoNodes();
  const queue = openQueue({ url, retryUnconfirmedMs: 10_000 });
  const task = newTask();
  await queue.enqueue(task, numbered(0));
  expect([first.accepted > 0, second.accepted]).toEqual([true, 0]);
  first.fault = { kind: 'gone' };
  first.reset();
  await queue.enqueue(task, numbered(1));
  expect(await queue.dequeue(task)).toEqual(numbered(0));
  const accepted = [first.accepted, second.accepted] as const;
  expect(accepted[1]).toBeGreaterThan(0);
  first.fault = { kind: 'none' };
  second.reset();
  await queue.enqueue(task, numbered(2));
  await queue.size(task);
  expect(first.accepted).toBe(accepted[0]);
  expect(second.accepted).toBeGreaterThan(accepted[1]);
});

test('a node that accepts and never answers holds up nobody longer than the connect timeout', async () => {
  const { first, second, url } = await twoNodes();
  first.fault = { kind: 'stall' };
  const queue = openQueue({ url, connectTimeoutMs: 3_000 });
  const task = newTask();
  const begun = performance.now();
  await queue.enqueue(task, numbered(0));
  // Sooner than by the default, 10 s.
  expect(performance.now() - begun).toBeLessThan(9_000);
  expect(await queue.dequeue(task)).toEqual(numbered(0));
  expect(second.accepted).toBeGreaterThan(0);
});

test('a peer that went away without a word is noticed by its heartbeats', async () => {
  const { first, second, url } = await twoNodes();
  const queue = openQueue({ url, heartbeatSeconds: 1, connectTimeoutMs: 3_000 });
  const task = newTask();
  await queue.enqueue(task, numbered(0));
  first.fault = { kind: 'stall' };
  const begun = performance.now();
  await expect(queue.enqueue(task, numbered(1))).rejects.toMatchObject({ code: 'PUBLISH_UNCONFIRMED' });
  // Far sooner than the 30 s for which a confirm is waited.
  expect(performance.now() - begun).toBeLessThan(20_000);
  await queue.enqueue(task, numbered(2));
  expect(second.accepted).toBeGreaterThan(0);
  expect(await queue.size(task)).toBe(2);
});

test('a client that was connected waits for the broker with each of its connections, also a first one', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const queue = openQueue({ url: proxy.url, connectTimeoutMs: 3_000, closeTimeoutMs: 300 });
  const task = newTask();
  await queue.enqueue(task, numbered(0));
  proxy.fault = { kind: 'stall' };
  const { accepted } = proxy;
  const reading = queue.size(task);
  await until(() => proxy.accepted > accepted + 1);
  proxy.fault = { kind: 'none' };
  expect(await reading).toBe(1);
});

test('an error names the node that was asked for first when none can be reached', async () => {
  const url = ['amqp://127.0.0.1:1', 'amqp://127.0.0.1:2'];
  await expect(openClient({ url }).depth('task')).rejects.toMatchObject({
    code: 'CONNECTION_FAILED',
    message: expect.stringContaining('127.0.0.1:1'),
  });
});
