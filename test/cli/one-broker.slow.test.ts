import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { proxyApi } from '../support/api-proxy.ts';
import { startPrivateBroker } from '../support/broker.ts';
import { recordsIn, runCli } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { callApi, newVhost } from '../support/vhost.ts';

/** Two brokers of one name, on one host. */
let other: RunningBroker;
/** A task of both. */
const both = `task-${randomUUID()}`;
beforeAll(async () => {
  other = await startPrivateBroker({ management: true, config: ['collect_statistics_interval = 1000'] });
  for (const url of [inject('url'), other.url]) await openClient({ url }).publish(both, raw('x'));
});
afterAll(() => observer().clear(both));

const apiOfOther = () => ({ MCP_TASKQ_URL: inject('url'), MCP_TASKQ_API_URL: other.apiUrl });

describe('an explicit URL, where the environment names the API of another broker,', () => {
  const env = () => ({ MCP_TASKQ_URL: inject('url'), MCP_TASKQ_API_URL: inject('apiUrl') });
  const elsewhere = ['-u', 'amqp://127.0.0.99:1'];

  test('is not listed by that API', async () => {
    const { status, stdout, stderr } = await runCli(['ls', ...elsewhere], { env: env() });
    expect({ status, stdout }).toEqual({ status: 7, stdout: '' });
    expect(stderr).toContain('so MCP_TASKQ_API_URL is not used');
    expect(stderr).toContain('http://127.0.0.99:15672');
  });

  const using = [['prune', '--dry-run'], ['check'], ['describe', both], ['status'], ['watch']];
  test.each(using)('leaves that API out, which %s says', async (...words) => {
    const { stderr } = await runCli([...words, ...elsewhere], { env: env() });
    expect(stderr).toContain('so MCP_TASKQ_API_URL is not used. Use --api-url instead.');
  });

  const notUsing = [
    ['peek', both],
    ['watch', both],
    ['status', '--no-api'],
    ['ls', '--ids', '/dev/null'],
  ];
  test.each(notUsing)(
    'leaves that API out, without a word of it from %s %s, which does not use it',
    async (...words) => {
      const { stderr } = await runCli([...words, ...elsewhere], { env: env() });
      expect(stderr).not.toContain('MCP_TASKQ_API_URL');
    },
  );
});

test('another name of this machine is not another broker', async () => {
  const { stderr } = await runCli(['ls', '--names', '-u', inject('url').replace('127.0.0.1', 'localhost')]);
  expect(stderr).toBe('');
});

describe('an API of another broker, though both have one name,', () => {
  test.each([
    ['ls', ['ls'], 1],
    ['ls --names', ['ls', '--names'], 1],
    ['ls of a pattern', ['ls', 'task-*'], 1],
    ['ls --idle', ['ls', '--idle', '1ms'], 1],
    ['check', ['check'], 3],
    ['prune', ['prune', '--dry-run'], 1],
  ])('is not listed: %s', async (_, args, expected) => {
    const { status, stdout, stderr } = await runCli(args, { env: apiOfOther() });
    expect({ status, stderr }).toEqual({
      status: expected,
      stderr: expect.stringMatching(
        /^error: The management API at .* does not know a connection to the broker/,
      ),
    });
    expect(stdout).not.toContain('task-');
    expect(stderr).toContain('Set --api-url to the API of the broker that the URL names.');
  });

  test('describes nothing: what AMQP says is said, and why it is not all', async () => {
    const { status, stdout, stderr } = await runCli(['describe', both], { env: apiOfOther() });
    expect(status).toBe(0);
    expect(recordsIn(stdout)).toMatchObject([{ ready: 1, node: null, type: null }]);
    expect(stderr).toContain('does not know a connection to the broker');
  });

  test('suggests nothing', async () => {
    const task = `lost-${randomUUID()}`;
    const client = openClient({ url: other.url });
    await client.publish(task, raw('x'));
    const { status, stderr } = await runCli(['peek', task], { env: apiOfOther() });
    expect(status).toBe(5);
    expect(stderr).not.toContain('Did you mean');
  });

  test('is a problem for status', async () => {
    const { status, stdout, stderr } = await runCli(['status'], { env: apiOfOther() });
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, api: { same_cluster: false }, tasks: null });
    expect(stderr).toContain('does not know a connection to the broker');
  });
});

describe('a list is of the broker of the URL, as far as that can be known:', () => {
  const list = (url: string, more: object = {}) =>
    runCli(['ls', '--names', '-u', url, '--api-url', inject('apiUrl')], more);

  test('through a port that is forwarded', async () => {
    const [{ url: proxied }, task] = [await FaultProxy.inFrontOf(inject('url')), newTask()];
    await openClient().publish(task, raw('x'));
    const { status, stdout, stderr } = await list(proxied);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(task);
  });

  test('where nothing listens, that is a warning', async () => {
    const { status, stderr } = await list('amqp://127.0.0.1:1');
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /^warning: Cannot verify that the management API belongs to 127\.0\.0\.1:1, vhost \/: .* nothing listens there\.\n/,
    );
  });

  test('warns if an API on another host does not show its user any connections', async () => {
    const { url } = await newVhost();
    const user = `user-${randomUUID()}`;
    await callApi('PUT', `users/${user}`, { password: 'pw', tags: 'management' });
    onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
    const vhost = new URL(url).pathname.slice(1);
    await callApi('PUT', `permissions/${vhost}/${user}`, { configure: '', write: '', read: '.*' });
    const apiUrl = (await proxyApi({ host: '127.0.0.2' })).replace('//', `//${user}:pw@`);
    const { status, stderr } = await runCli(['ls', '-u', url, '--api-url', apiUrl]);
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringContaining('it does not show this user any connections'),
    });
    // Another name of the same host.
    const local = apiUrl.replace(/@.*/, `@localhost:${new URL(inject('apiUrl')).port}`);
    const { stderr: same } = await runCli(['ls', '-u', url, '--api-url', local]);
    expect(same).not.toContain('Cannot verify');
  });

  test('where the API alone is named, it counts alone', async () => {
    const env = { MCP_TASKQ_URL: undefined, MCP_TASKQ_API_URL: inject('apiUrl') };
    expect(await runCli(['ls', '--names'], { env })).toMatchObject({ status: 0, stderr: '' });
  });
});

test('prune deletes nothing by the list of another broker, by its name or by its connections', async () => {
  const task = newTask();
  for (const url of [inject('url'), other.url]) {
    const client = openClient({ url });
    await client.publish(task, raw('x'));
    await client.clear(task, undefined, { keepQueue: true });
  }
  const prune = (...args: string[]) => runCli(['prune', '--yes', '--idle', '0s', '--pattern', task, ...args]);
  expect(await prune('-u', other.url, '--api-url', inject('apiUrl'))).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/does not know a connection to the broker/),
  });
  await other.ctl('set_cluster_name', 'elsewhere');
  expect(await prune('-u', other.url, '--api-url', inject('apiUrl'))).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/belongs to the cluster "mcp-taskq@.*", and the broker to "elsewhere"/),
  });
  expect(await openClient({ url: other.url }).depth(task)).toMatchObject({ messages: 0 });
  const { host } = new URL(other.url);
  await expect
    .poll(() => prune('-u', other.url, '--api-url', other.apiUrl as string), {
      timeout: 60_000,
      interval: 3_000,
    })
    .toMatchObject({
      status: 0,
      stderr: expect.stringMatching(new RegExp(`1 queue deleted on ${host}, vhost /`)),
    });
  expect(await observer().depth(task)).toMatchObject({ messages: 0 });
});

test('prune says why a queue could not be deleted: refused, 4', async () => {
  const { url } = await newVhost();
  const client = openClient({ url });
  await client.publish('t', raw('x'));
  await client.clear('t', undefined, { keepQueue: true });
  const user = `user-${randomUUID()}`;
  await callApi('PUT', `users/${user}`, { password: 'pw', tags: 'monitoring' });
  onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
  const vhost = new URL(url).pathname.slice(1);
  await callApi('PUT', `permissions/${vhost}/${user}`, { configure: '', write: '', read: '' });
  const env = { MCP_TASKQ_URL: url.replace('//', `//${user}:pw@`) };
  await expect
    .poll(() => runCli(['prune', '--yes', '--idle', '1ms'], { env }), { interval: 1_000 })
    .toMatchObject({
      status: 4,
      stdout: expect.stringContaining('"outcome":"failed"'),
      stderr: expect.stringMatching(
        /error: 1 queue could not be deleted\. .* lacks configure permission .*\nhint: Grant it/,
      ),
    });
});
