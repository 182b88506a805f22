import { randomUUID } from 'node:crypto';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { type WatchItem, watchTasks } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost } from '../support/vhost.ts';

const kinds = (items: WatchItem[]) => items.map(({ kind }) => kind);

/** Watches until the test is over, which closes the client. */
function watching(url: string, taskId: string): WatchItem[] {
  const items: WatchItem[] = [];
  const watch = async () => {
    for await (const item of watchTasks(openClient({ url }), [taskId], { tail: 1 })) items.push(item);
  };
  watch().catch((error) => expect(error).toMatchObject({ code: 'CLOSED' }));
  return items;
}

describe('a watch', () => {
  test('whose connection is cut off is back at once', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    await openClient().publish(task, raw('x'));
    const items = watching(proxy.url, task);
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

  test('that is refused after an interruption says so once, and goes on when it is let in again', async () => {
    const { url } = await newVhost();
    const vhost = new URL(url).pathname;
    const user = `user-${randomUUID()}`;
    const change = (password: string) => callApi('PUT', `users/${user}`, { password, tags: '' });
    await change('right');
    onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
    const all = { configure: '.*', write: '.*', read: '.*' };
    await callApi('PUT', `permissions${vhost}/${user}`, all);
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    await openClient({ url }).publish('task', raw('x'));
    const items = watching(`${proxy.url.replace('//', `//${user}:right@`)}${vhost}`, 'task');
    await until(() => items.length === 1);
    await change('another');
    proxy.reset();
    await until(() => items.length === 3);
    expect(kinds(items)).toEqual(['message', 'interrupted', 'interrupted']);
    expect(items[2]).toMatchObject({ error: { code: 'AUTHENTICATION_FAILED' } });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await change('right');
    await until(() => items.length > 3);
    expect(kinds(items).slice(3)).toEqual(['resumed']);
  });
});

test('a wait listens to events as soon as the broker can be reached, though it could not be at first', async () => {
  const { url, queueNames } = await newVhost();
  const proxy = await FaultProxy.inFrontOf(url);
  proxy.fault = { kind: 'stall' };
  const warnings: string[] = [];
  const queue = openQueue({
    url: `${proxy.url}${new URL(url).pathname}`,
    connectTimeoutMs: 2_000,
    onWarning: ({ code }) => void warnings.push(code),
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
