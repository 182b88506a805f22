import { expect, inject, test } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const NOTHING = { messages: 0, bytes: 0 };

test('a new client has three idle connections and has counted nothing', () => {
  const idle = { state: 'idle', node: undefined };
  expect(openClient().stats()).toEqual({
    connections: [
      { connection: 'publish', ...idle },
      { connection: 'read', ...idle },
      { connection: 'delete', ...idle },
    ],
    inFlight: NOTHING,
    waiting: NOTHING,
    confirmed: 0,
    returned: 0,
    redelivered: 0,
    reconnects: 0,
  });
});

test('confirms are counted, and messages that came back because their queue was gone', async () => {
  const client = openClient();
  const task = newTask();
  await Promise.all(['a', 'b', 'c'].map((text) => client.publish(task, raw(text))));
  expect(client.stats()).toMatchObject({ confirmed: 3, returned: 0, inFlight: NOTHING, waiting: NOTHING });
  await openClient().clear(task);
  await client.publish(task, raw('d'));
  expect(client.stats()).toMatchObject({ confirmed: 4, returned: 1 });
});

test('messages that somebody has seen before are counted when they are read, however that is', async () => {
  const client = openClient();
  const task = newTask();
  for (const text of ['a', 'b', 'c']) await client.publish(task, raw(text));
  const redelivered = () => client.stats().redelivered;
  await client.peek(task, { limit: 3 });
  expect(redelivered()).toBe(0);
  await client.dequeue(task, () => {});
  expect(redelivered()).toBe(1);
  await client.peek(task);
  expect(redelivered()).toBe(2);
  await client.drain(task, () => {});
  expect(redelivered()).toBe(4);
});

test('what is sent and not answered is in flight, and what cannot be sent waits', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const queue = openQueue({ url: proxy.url });
  const task = newTask();
  await queue.enqueue(task, numbered(0));
  proxy.fault = { kind: 'mute' };
  const sent = [1, 2, 3].map((index) => queue.enqueue(task, numbered(index)));
  await until(() => queue.stats().inFlight.messages === 3);
  const { inFlight, waiting } = queue.stats();
  expect(waiting).toEqual(NOTHING);
  expect(inFlight.bytes).toBeGreaterThan(3 * 150);
  // One that creates its queue, and one that follows a call of another kind.
  const created = queue.enqueue(newTask(), numbered(4));
  const read = queue.dequeue(task);
  const behind = queue.enqueue(task, numbered(5));
  await until(() => queue.stats().waiting.messages === 2);
  expect(queue.stats()).toMatchObject({ inFlight });
  expect(queue.stats().waiting.bytes).toBeGreaterThan(2 * 150);
  proxy.reset();
  proxy.fault = { kind: 'none' };
  await Promise.allSettled([...sent, created, read, behind]);
  expect(queue.stats()).toMatchObject({ inFlight: NOTHING, waiting: NOTHING });
});
