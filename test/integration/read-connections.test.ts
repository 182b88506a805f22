import { randomUUID } from 'node:crypto';
import { expect, inject, onTestFinished, test } from 'vitest';
import type { TaskQueueClient } from '../../src/index.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi } from '../support/vhost.ts';

/** More than may wait for a handler, and less than the broker sends ahead. */
const LARGE = 'x'.repeat(1024 * 1024);
const COUNT = 24;

/** Much less than the deadline of a request, with which this is measured. */
const SOON_MS = 30_000;
const DEADLINE_MS = 150_000;

async function largeTask(client: TaskQueueClient): Promise<string> {
  const task = newTask();
  await Promise.all(Array.from({ length: COUNT }, () => client.publish(task, raw(LARGE))));
  return task;
}

/** Every way to read, each with a result of its own. */
async function readEverything(client: TaskQueueClient) {
  const task = newTask();
  for (const text of ['0', '1', '2', '3', '4']) await client.publish(task, raw(text));
  const bodies: string[] = [];
  const note = (messages: { body: Buffer }[]) =>
    void bodies.push(...messages.map(({ body }) => String(body)));
  note(await client.peek(task));
  await client.browse(task, note);
  await client.take(task, (message) => note([message]));
  note([(await client.dequeue(task)) as { body: Buffer }]);
  await client.drain(task, note, { limit: 1 });
  await client.waitForMessage(task, { timeoutMs: SOON_MS });
  const depth = await client.depth(task);
  const kind = await client.queueKind(task);
  await client.clear(task, note);
  return { bodies: bodies.join(''), depth: depth?.messages, kind: kind?.kind };
}

const READ = { bodies: '0001234', depth: 2, kind: 'classic' };

const reading = (client: TaskQueueClient) =>
  client.stats().connections.filter(({ connection }) => connection === 'read');

test(
  'a handler that has its hands full may read anything with the same client',
  async () => {
    const client = openClient({ operationTimeoutMs: DEADLINE_MS });
    const found: unknown[] = [];
    const read = async () => {
      if (found.length < 4) found.push(await readEverything(client));
    };
    const task = await largeTask(client);
    const begun = Date.now();
    await client.browse(task, read, { limit: COUNT });
    // One drain inside another, too.
    await client.drain(task, async () => {
      if (found.length < 3) await client.drain(await largeTask(client), read);
    });
    expect(Date.now() - begun).toBeLessThan(SOON_MS);
    expect(found).toEqual([READ, READ, READ, READ]);
    await client.close();
    expect(new Set(client.stats().connections.map(({ state }) => state))).toEqual(new Set(['closed']));
  },
  2 * DEADLINE_MS,
);

test('what keeps no connection busy shares one', async () => {
  const queue = openQueue();
  const client = openClient();
  const tasks = Array.from({ length: 20 }, () => newTask());
  await Promise.all(tasks.map((task) => queue.enqueue(task, numbered(1))));
  await Promise.all(tasks.map((task) => client.take(task, () => client.peek(task))));
  await Promise.all(tasks.map((task) => queue.enqueue(task, numbered(2))));
  expect(await Promise.all(tasks.map((task) => queue.dequeueAll(task)))).toEqual(
    tasks.map(() => [numbered(2)]),
  );
  await client.drain(tasks[0] as string, () => {});
  await client.drain(tasks[1] as string, () => {});
  for (const each of [queue, client])
    expect(each.stats().connections.filter(({ connection }) => connection === 'read')).toHaveLength(1);
});

/** A client whose user may have this many connections. */
async function limitedClient(
  connections: number,
): Promise<{ client: TaskQueueClient; lift(): Promise<unknown> }> {
  const user = `limited-${randomUUID()}`;
  await callApi('PUT', `users/${user}`, { password: 'x', tags: '' });
  onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
  await callApi('PUT', `permissions/%2F/${user}`, { configure: '.*', write: '.*', read: '.*' });
  await callApi('PUT', `user-limits/${user}/max-connections`, { value: connections });
  const url = new URL(inject('url'));
  Object.assign(url, { username: user, password: 'x' });
  const lift = () => callApi('DELETE', `user-limits/${user}/max-connections`);
  return { client: openClient({ url: url.href }), lift };
}

test('a further connection is closed when it is not used', async () => {
  const client = openClient();
  const task = newTask();
  await client.publish(task, raw('0'));
  let meanwhile = 0;
  await client.drain(task, async () => {
    await client.peek(task);
    meanwhile = reading(client).length;
  });
  expect(meanwhile).toBe(2);
  await until(() => reading(client).length === 1);
  expect(await client.depth(task)).toMatchObject({ messages: 0 });
});

test('a further connection makes room for one that is needed', async () => {
  const { client } = await limitedClient(2);
  const [full, other] = [newTask(), newTask()];
  const filler = openClient();
  await filler.publish(full, raw('full'));
  await client.drain(full, async () => {
    expect(await client.peek(other)).toEqual([]);
    await client.publish(other, raw('other'));
  });
  expect(await filler.depth(other)).toMatchObject({ messages: 1 });
});

test('where no more connections are allowed, a handler reads on the one there is', async () => {
  const { client, lift } = await limitedClient(1);
  const [full, other] = [newTask(), newTask()];
  const filler = openClient();
  await filler.publish(other, raw('other'));
  for (let index = 0; index < 3; index++) await filler.publish(full, raw('full'));
  const seen: string[] = [];
  await client.drain(full, async () => {
    for (const { body } of await client.peek(other)) seen.push(String(body));
    seen.push(String((await client.depth(other))?.messages));
  });
  // The three may come in several batches.
  expect([...new Set(seen)]).toEqual(['other', '1']);
  const connected = () => reading(client).filter(({ state }) => state === 'connected');
  expect(connected()).toHaveLength(1);
  // The limit may have been a passing one.
  await lift();
  await filler.publish(full, raw('full'));
  await client.drain(full, () =>
    until(async () => {
      await client.peek(other);
      return connected().length === 2;
    }, 30_000),
  );
});
