import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { TaskQueueOptions, WatchItem, WatchTasksOptions } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost } from '../support/vhost.ts';
import { publishForeign, texts, watching } from '../support/watching.ts';

const kinds = (items: WatchItem[]) => items.map(({ kind }) => kind);

const missedIn = (items: WatchItem[]) => items.flatMap((item) => (item.kind === 'gap' ? [item.missed] : []));

/** A vhost with a user who may do anything there, for now. */
async function ownUser() {
  const { url, queueNames } = await newVhost();
  const user = `user-${randomUUID()}`;
  const change = (password: string) => callApi('PUT', `users/${user}`, { password, tags: '' });
  const allow = ({ read }: { read: string }) =>
    callApi('PUT', `permissions${new URL(url).pathname}/${user}`, { configure: '.*', write: '.*', read });
  await change('right');
  onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
  await allow({ read: '.*' });
  return { url, user, change, allow, queueNames };
}

/** The watch of a task that has shown two messages and lost its connection, and what it goes through. */
async function interruptedWatch(options?: WatchTasksOptions) {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const task = newTask();
  const client = openClient();
  await client.publish(task, raw('a'));
  const items = watching(openClient({ url: proxy.url }), [task], options);
  await until(() => items.length === 1);
  await client.publish(task, raw('b'));
  await until(() => items.length === 2);
  proxy.fault = { kind: 'gone' };
  proxy.reset();
  await until(() => kinds(items).includes('interrupted'));
  return { proxy, task, client, items };
}

describe('a watch', () => {
  test('whose connection is cut off is back at once', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    await openClient().publish(task, raw('x'));
    const items = watching(openClient({ url: proxy.url }), [task]);
    await until(() => items.length === 1);
    for (let count = 1; count <= 5; count++) {
      proxy.reset();
      await until(() => items.length === 1 + 2 * count);
    }
    const gaps = items.flatMap((item) => (item.kind === 'resumed' ? [item.afterMs] : []));
    expect(gaps).toHaveLength(5);
    // It tries each second where it fails; a machine may be slow, but not each time.
    expect(Math.min(...gaps)).toBeLessThan(1_000);
  });

  test('shows what came meanwhile and is there, also if there is no more than before', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    const client = openClient();
    for (const text of ['a', 'b', 'c']) await client.publish(task, raw(text));
    const items = watching(openClient({ url: proxy.url }), [task], { tail: 3 });
    await until(() => items.length === 3);
    proxy.fault = { kind: 'gone' };
    proxy.reset();
    await until(() => kinds(items).includes('interrupted'));
    await client.drain(task, () => {});
    await client.publish(task, raw('d'));
    proxy.fault = { kind: 'none' };
    await until(() => kinds(items).includes('resumed'));
    // An event tells of this one, sooner than anything of the one before it.
    await client.publish(task, raw('e'));
    await until(() => kinds(items).filter((kind) => kind === 'message').length === 5);
    expect(texts(items).filter((text) => text.length === 1)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('counts exactly what came and went meanwhile, with the next message of its publisher', async () => {
    const { proxy, task, client, items } = await interruptedWatch();
    for (const text of ['c', 'd', 'e', 'f'])
      await client.publish(task, { ...raw(text), properties: { message_id: text } });
    // All but the last.
    await client.drain(task, () => {}, { limit: 5 });
    proxy.fault = { kind: 'none' };
    await until(() => kinds(items).includes('resumed'));
    await client.publish(task, { ...raw('g'), properties: { message_id: 'g' } });
    await until(() => missedIn(items).length > 0 && texts(items).includes('g'));
    expect(texts(items).filter((text) => text.length === 1)).toEqual(['a', 'b', 'f', 'g']);
    expect(missedIn(items)).toEqual([3]);
  });

  test('counts what came meanwhile once, where it cannot look at the queue', async () => {
    const { proxy, task, client, items } = await interruptedWatch({ tail: 1, peek: false });
    for (const text of ['c', 'd']) await client.publish(task, raw(text));
    proxy.fault = { kind: 'none' };
    // It counts on one connection, and hears events on another one.
    await until(() => missedIn(items).length === 2 && kinds(items).includes('resumed'));
    await client.publish(task, raw('e'));
    await until(() => texts(items).includes('e'));
    expect(missedIn(items)).toEqual([1, 2]);
  });

  test('of many tasks shows once what came while they are looked at again', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const tasks = Array.from({ length: 33 }, (_, index) => newTask(`task-${index}`));
    const [task = ''] = tasks;
    const client = openClient();
    await client.publish(task, { body: raw('a').body });
    const items = watching(openClient({ url: proxy.url }), tasks);
    await until(() => items.length === 1);
    proxy.reset();
    await until(() => kinds(items).includes('resumed'));
    await client.drain(task, () => {});
    await client.publish(task, { body: raw('b').body });
    await until(() => texts(items).includes('b'));
    // The looks take a third of a second, and what is shown twice came right after them.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(texts(items)).toEqual(['a', 'interrupted', 'resumed', 'b']);
  });

  test('that is refused its queue makes no more of them than one at a time', async () => {
    const { url, user, allow, queueNames } = await ownUser();
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    await openClient({ url }).publish('task', raw('x'));
    const own = `${proxy.url.replace('//', `//${user}:right@`)}${new URL(url).pathname}`;
    const lost: string[] = [];
    const onStatus: TaskQueueOptions['onStatus'] = (event) =>
      event.type === 'lost' && event.connection === 'events' && lost.push(event.error.message);
    const items = watching(openClient({ url: own, onStatus }), ['task']);
    await until(() => items.length === 1);
    // It may make its queue, and not read from it.
    await allow({ read: '^mcp:(queue:|events$)' });
    proxy.reset();
    await until(() => items.length === 3);
    expect(items[2]).toMatchObject({ error: { code: 'ACCESS_REFUSED' } });
    const most = { queues: 0 };
    // It tries once a second.
    for (const giveUpAt = Date.now() + 4_000; Date.now() < giveUpAt; await sleep(100)) {
      const own = (await queueNames()).filter((name) => name.startsWith('mcp:watch:'));
      most.queues = Math.max(most.queues, own.length);
    }
    expect(most.queues).toBeLessThanOrEqual(1);
    // What it said of the cut comes first.
    expect(lost.length).toBeGreaterThan(1);
    expect(lost.slice(1).filter((each) => !each.includes('lacks read permission'))).toEqual([]);
    await allow({ read: '.*' });
    await until(() => items.length > 3);
    expect(kinds(items).slice(3)).toEqual(['resumed']);
  });

  test('that had no access to the vhost for a while sees messages without an event again', async () => {
    const { url, user, allow } = await ownUser();
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    await openClient({ url }).publish('task', raw('x'));
    const own = `${proxy.url.replace('//', `//${user}:right@`)}${new URL(url).pathname}`;
    const items = watching(openClient({ url: own }), ['task']);
    await until(() => items.length === 1);
    await callApi('DELETE', `permissions${new URL(url).pathname}/${user}`);
    proxy.reset();
    await until(() => kinds(items).includes('gap'));
    await allow({ read: '.*' });
    await until(() => kinds(items).includes('resumed'));
    await publishForeign('task', ['y'], url);
    await until(() => texts(items).includes('y'));
  });

  test('that is refused after an interruption says so once, and goes on when it is let in again', async () => {
    const { url, user, change } = await ownUser();
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    await openClient({ url }).publish('task', raw('x'));
    const own = `${proxy.url.replace('//', `//${user}:right@`)}${new URL(url).pathname}`;
    const items = watching(openClient({ url: own }), ['task']);
    await until(() => items.length === 1);
    await change('another');
    proxy.reset();
    await until(() => items.length === 3);
    expect(kinds(items)).toEqual(['message', 'interrupted', 'interrupted']);
    expect(items[2]).toMatchObject({ error: { code: 'AUTHENTICATION_FAILED' } });
    const { accepted } = proxy;
    await until(() => proxy.accepted >= accepted + 2);
    await change('right');
    await until(() => items.length > 3);
    expect(kinds(items).slice(3)).toEqual(['resumed']);
  });
});

test('a subscription to many tasks stays and comes back, where all of them take longer than one answer may', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  // Slower than bindings are renewed, too.
  proxy.fault = { kind: 'delay', ms: 150 };
  const client = openClient({ url: proxy.url, operationTimeoutMs: 5_000 });
  const lost: Error[] = [];
  let resumed = 0;
  const subscription = await client.subscribe(['enqueued'], {
    onEvent: () => {},
    onLost: (error) => lost.push(error),
    onResumed: () => void resumed++,
  });
  await Promise.all(Array.from({ length: 25 }, () => subscription.follow(newTask())));
  expect(lost).toEqual([]);
  proxy.reset();
  await until(() => resumed === 1);
  expect(lost).toHaveLength(1);
});

test('a subscription that is interrupted again while its listener catches up gets events afterwards', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const task = newTask();
  const seen: string[] = [];
  const subscription = await openClient({ url: proxy.url }).subscribe(['enqueued'], {
    onEvent: () => void seen.push('event'),
    onLost: () => void seen.push('lost'),
    onResumed: async () => {
      seen.push('resumed');
      if (seen.length > 2) return;
      proxy.reset();
      await until(() => seen.length > 2);
    },
  });
  await subscription.follow(task);
  proxy.reset();
  await until(() => seen.filter((each) => each === 'resumed').length === 2);
  await openClient().publish(task, raw('x'));
  await until(() => seen.includes('event'));
  expect(seen).toEqual(['lost', 'resumed', 'lost', 'resumed', 'event']);
});

test('a subscription of which a task is refused goes on with the others', async () => {
  const { url, user } = await ownUser();
  const { host, pathname } = new URL(url);
  const allowed = { exchange: 'mcp:events', write: '.*', read: '^enqueued\\.a$' };
  const seen: string[] = [];
  const lost: string[] = [];
  const own = openClient({
    url: `amqp://${user}:right@${host}${pathname}`,
    onStatus: (event) => event.type === 'lost' && lost.push(event.error.message),
  });
  const subscription = await own.subscribe(['enqueued'], {
    onEvent: ({ taskId }) => void seen.push(taskId),
    onLost: ({ code }) => void seen.push(code),
    onResumed: () => void seen.push('resumed'),
  });
  // Now there is the exchange.
  await callApi('PUT', `topic-permissions${pathname}/${user}`, allowed);
  await subscription.follow('a');
  await expect(subscription.follow('b')).rejects.toMatchObject({ code: 'ACCESS_REFUSED' });
  await until(() => seen.includes('resumed'));
  await openClient({ url }).publish('a', raw('x'));
  await until(() => seen.includes('a'));
  expect(seen).toEqual(['ACCESS_REFUSED', 'resumed', 'a']);
  expect(lost).toEqual([]);
});

test('a wait listens to events as soon as the broker can be reached, though it could not be at first', async () => {
  const { url, queueNames } = await newVhost();
  const proxy = await FaultProxy.inFrontOf(url);
  proxy.fault = { kind: 'stall' };
  const warnings: string[] = [];
  const queue = openQueue({
    url: `${proxy.url}${new URL(url).pathname}`,
    connectTimeoutMs: 4_000,
    onStatus: (event) => event.type === 'warning' && warnings.push(event.error.code),
  });
  await expect(queue.waitForMessage('task')).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  await until(() => warnings.length > 0);
  proxy.fault = { kind: 'none' };
  const waiting = queue.waitForMessage('task');
  await expect.poll(queueNames).toEqual([expect.stringMatching(/^mcp:watch:/)]);
  await openQueue({ url }).enqueue('task', numbered(1));
  await waiting;
  expect(warnings).toEqual(['CONNECTION_FAILED']);
});
