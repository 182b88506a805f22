import { setImmediate } from 'node:timers/promises';
import { expect, inject, test } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { extent } from '../support/figures.ts';
import { newTask, numbered, observer, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

// RabbitMQ confirms, and loses, what arrives in the instant in which a queue is deleted. It happens in one of some
// hundred bursts, so there are many, of which `npm test` tries some.
const BURSTS = extent(15, 200);

test('clearing a task beside bursts of enqueues on one queue object loses nothing that was confirmed', async () => {
  const queue = openQueue();
  const task = newTask();
  const count = 50;
  for (let round = 0; round < BURSTS; round++) {
    const taken = [];
    const burst = Array.from({ length: count }, (_, index) => queue.enqueue(task, numbered(index)));
    const adding = Promise.all(burst);
    for (let clears = 0; clears < 5; clears++) taken.push(...(await queue.dequeueAll(task)));
    await adding;
    taken.push(...(await queue.dequeueAll(task)));
    expect(taken.map(({ timestamp }) => timestamp - numbered(0).timestamp)).toEqual(
      Array.from({ length: count }, (_, index) => index),
    );
  }
  expect(await observer().depth(task)).toBeUndefined();
});

test('a message that reaches a forgotten queue while another process deletes it is in a queue when it is confirmed', async () => {
  const cleaner = openClient();
  // As if its last message were long ago.
  const publisher = openClient({ redeclareAfterMs: 1 });
  const [task, rounds] = [newTask(), extent(30, 200)];
  let deleted = 0;
  // Until a deletion has won at least once.
  for (let round = 0; round < rounds || deleted === 0; round++) {
    await publisher.publish(task, raw('before'));
    await cleaner.drain(task, () => {});
    const deleting = cleaner.deleteIfUnused(task);
    // Meets it at another moment each time; a timer would not be fine enough.
    for (const until = performance.now() + Math.random(); performance.now() < until; ) await setImmediate();
    await publisher.publish(task, raw('revived'));
    if (await deleting) deleted++;
    expect(await cleaner.depth(task), `round ${round}`).toEqual({ messages: 1, consumers: 0 });
    await cleaner.drain(task, () => {});
  }
});

test('a deletion that finds no connection keeps no message from being published', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const client = openClient({ url: proxy.url, events: 'off', reconnectTimeoutMs: 600_000 });
  const task = newTask();
  await client.publish(task, raw('"a"'));
  proxy.fault = { kind: 'gone' };
  const accepted = proxy.accepted;
  const deletion = expect(client.deleteIfUnused(task)).rejects.toMatchObject({ code: 'CLOSED' });
  await until(() => proxy.accepted > accepted);
  await client.publish(task, raw('"b"'));
  await client.close();
  await deletion;
});
