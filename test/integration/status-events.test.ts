import { inspect } from 'node:util';
import { expect, inject, test } from 'vitest';
import { type StatusEvent, TaskQueueClient, type TaskQueueOptions } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, openClient, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi } from '../support/vhost.ts';

/** A client, or another thing with the option, and what it has reported so far. */
function observed<T>(open: (options: TaskQueueOptions) => T, options: TaskQueueOptions = {}) {
  const events: StatusEvent[] = [];
  const opened = open({ ...options, onStatus: (event) => events.push(event) });
  return { opened, events, types: () => events.map(({ type }) => type) };
}

const hostOf = (url: string) => new URL(url).host;

test('a connection is reported when it is opened and closed, with its node; one that is not needed is not', async () => {
  const { opened: client, events } = observed(openClient);
  await client.depth(newTask());
  await client.close();
  const about = { connection: 'read', node: hostOf(inject('url')) };
  expect(events).toEqual([
    { type: 'connecting', ...about },
    { type: 'connected', ...about },
    { type: 'closed', ...about },
  ]);
});

test('attempts that fail are counted, at each node, without any password', async () => {
  const url = ['amqp://somebody:sesame@127.0.0.1:1', 'amqp://somebody:sesame@127.0.0.1:2'];
  const { opened: client, events } = observed(openClient, { url });
  await expect(client.depth('task')).rejects.toThrow();
  await expect(client.depth('task')).rejects.toThrow();
  const failed = (port: number, attempt: number, retryInMs: number | undefined) => [
    { type: 'connecting', connection: 'read', node: `127.0.0.1:${port}` },
    {
      type: 'connect-failed',
      connection: 'read',
      node: `127.0.0.1:${port}`,
      attempt,
      retryInMs,
      error: expect.objectContaining({ code: 'CONNECTION_FAILED' }),
    },
  ];
  expect(events).toEqual([
    ...failed(1, 1, 0),
    ...failed(2, 2, undefined),
    ...failed(1, 3, 0),
    ...failed(2, 4, undefined),
  ]);
  expect(inspect(events, { depth: 9, showHidden: true })).not.toMatch(/sesame|somebody/);
});

test('a connection that is lost is reported as such, with each attempt until it is back', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const { opened: client, events, types } = observed(openClient, { url: proxy.url });
  const task = newTask();
  await client.depth(task);
  proxy.fault = { kind: 'gone' };
  proxy.reset();
  await until(() => types().includes('lost'));
  expect(client.stats().connections).toContainEqual({
    connection: 'read',
    state: 'disconnected',
    node: hostOf(proxy.url),
  });
  expect(events.at(-1)).toMatchObject({ type: 'lost', error: { code: 'CONNECTION_LOST' } });
  const depth = client.depth(task);
  await until(() => types().filter((type) => type === 'connect-failed').length >= 2);
  proxy.fault = { kind: 'none' };
  await depth;
  const failures = events.filter((event) => event.type === 'connect-failed');
  expect(failures.map(({ attempt }) => attempt)).toEqual(failures.map((_, index) => index + 1));
  for (const { retryInMs } of failures) expect(retryInMs).toBeGreaterThan(0);
  expect(types().at(-1)).toBe('connected');
  expect(client.stats().reconnects).toBe(1);
});

test('a connection that an operator closes is lost, with what the operator said', async () => {
  const connectionName = newTask('closed-by-an-operator');
  const { opened: client, events, types } = observed(openClient, { connectionName });
  await client.connect();
  const named = async () => {
    const all = (await (await callApi('GET', 'connections')).json()) as {
      name: string;
      client_properties?: { connection_name?: string };
    }[];
    return all.find((each) => each.client_properties?.connection_name === `${connectionName} read`)?.name;
  };
  let name: string | undefined;
  await until(async () => {
    name = await named();
    return name !== undefined;
  });
  await callApi('DELETE', `connections/${encodeURIComponent(name as unknown as string)}`);
  await until(() => types().includes('lost'));
  expect(events.at(-1)).toMatchObject({
    error: { code: 'CONNECTION_LOST', message: expect.stringContaining('the broker closed the connection') },
  });
});

test('a broker that does not answer is lost with that reason', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const { opened: client, events } = observed(openClient, { url: proxy.url, operationTimeoutMs: 300 });
  await client.connect();
  proxy.fault = { kind: 'stall' };
  await expect(client.depth('task')).rejects.toMatchObject({ code: 'NO_ANSWER' });
  await until(() => events.at(-1)?.type === 'lost');
  expect(events.at(-1)).toMatchObject({ error: { code: 'NO_ANSWER' } });
});

test('waiting for messages opens a connection for events, which is closed with the queue', async () => {
  const { opened: queue, events } = observed(openQueue);
  const task = newTask();
  const waiting = queue.waitForMessage(task, { timeoutMs: 50_000 });
  await queue.enqueue(task, numbered(0));
  await waiting;
  await until(() => events.some((event) => event.type === 'connected' && event.connection === 'events'));
  await queue.close();
  const closed = events.flatMap((event) => (event.type === 'closed' ? event.connection : []));
  expect(closed.toSorted()).toEqual(['events', 'publish', 'read']);
  expect(queue.stats().connections.filter(({ state }) => state !== 'closed')).toEqual([]);
});

test('after close() nothing but closed is reported, whatever the broker does then', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const { opened: client, types } = observed(openClient, { url: proxy.url });
  await client.connect();
  const depth = client.depth(newTask());
  proxy.fault = { kind: 'stall' };
  await Promise.all([client.close({ timeoutMs: 100 }), depth.catch(() => {})]);
  expect(types()).toEqual(['connecting', 'connected', 'closed']);
});

test('a callback that throws for every event disturbs nothing', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const client = new TaskQueueClient({
    url: proxy.url,
    onStatus: () => {
      throw new Error('from onStatus');
    },
  });
  await client.depth('task');
  proxy.reset();
  await until(() => client.stats().connections.some(({ state }) => state === 'disconnected'));
  await client.depth('task');
  await client.close();
});
