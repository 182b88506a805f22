import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import {
  listTaskQueues,
  pruneTaskQueues,
  type RabbitMQTaskMessageQueue,
  type StatusEvent,
  type TaskQueueClient,
  watchTasks,
} from '../../src/index.ts';
import { runCli } from '../support/cli.ts';
import { numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost } from '../support/vhost.ts';

const page = readFileSync(new URL('../../src/cli/help/topics/permissions.md', import.meta.url), 'utf8');

/** The permissions that `help permissions` names for a user who does this. */
function permissionsIn(who: string) {
  const row = page.split('\n').find((line) => line.startsWith(`| ${who}`));
  const [, , configure, write, read, tags] = row?.split(/(?<!\\)\|/) ?? [];
  const regex = (cell?: string) => (cell ?? '').trim().replaceAll('`', '').replaceAll('\\|', '|');
  return { configure: regex(configure), write: regex(write), read: regex(read), tags: regex(tags) };
}

/** A vhost with a user who has these permissions, and URLs for that user and for the administrator. */
async function userWith({ tags, ...permissions }: ReturnType<typeof permissionsIn>) {
  const { url: adminUrl } = await newVhost();
  const vhost = new URL(adminUrl).pathname.slice(1);
  const user = `user-${randomUUID()}`;
  await callApi('PUT', `users/${user}`, { password: 'pw', tags });
  onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
  await callApi('PUT', `permissions/${vhost}/${user}`, permissions);
  const withUser = (url: string) => url.replace(/\/\/(.*@)?/, `//${user}:pw@`);
  const warnings: string[] = [];
  return {
    adminUrl,
    url: withUser(adminUrl),
    apiUrl: withUser(inject('apiUrl')),
    warnings,
    onStatus: (event: StatusEvent) => {
      if (event.type === 'warning') warnings.push(event.error.message);
    },
  };
}

const refused = { code: 'ACCESS_REFUSED' };

test('a publisher that loses its permission meanwhile says so, and not that the connection is lost', async () => {
  const { adminUrl, url } = await userWith({ configure: '.*', write: '.*', read: '.*', tags: '' });
  const client = openClient({ url, events: 'off' });
  await client.publish('task', raw('a'));
  const { username } = new URL(url);
  const permissions = { configure: '.*', write: 'no-exchange', read: '.*' };
  await callApi('PUT', `permissions/${new URL(adminUrl).pathname.slice(1)}/${username}`, permissions);
  const refusal = until(async () => {
    // RabbitMQ remembers the permission for an open channel, until that has been idle for a while.
    await sleep(2_000);
    await client.publish('task', raw('b'));
    return false;
  });
  await expect(refusal).rejects.toMatchObject(refused);
});

/** What is there already cannot be looked at, which a watch says and is no failure; what comes is seen. */
async function expectEventsAlone(
  client: TaskQueueClient,
  publisher: RabbitMQTaskMessageQueue,
  reason: RegExp,
) {
  const items = watchTasks(client, ['task'], { tail: 1 });
  expect((await items.next()).value).toMatchObject({ kind: 'gap', reason: expect.stringMatching(reason) });
  const next = items.next();
  await publisher.enqueue('task', numbered(1));
  expect((await next).value).toMatchObject({ kind: 'message', source: 'live' });
  await items.return(undefined);
}

describe('with the permissions that `help permissions` names, a user who', () => {
  test('enqueues can do that, with events, and read nothing', async () => {
    const { url, adminUrl, warnings, onStatus } = await userWith(permissionsIn('only enqueues'));
    const queue = openQueue({ url, onStatus });
    const seen: string[] = [];
    const watcher = openClient({ url: adminUrl });
    const subscription = await watcher.subscribe(['enqueued'], {
      onEvent: ({ taskId }) => void seen.push(taskId),
      onLost: () => {},
      onResumed: () => {},
    });
    await subscription.follow();
    await queue.enqueue('task', numbered(1));
    await queue.enqueue('task', numbered(2), undefined, 10);
    await until(() => seen.length === 2);
    await expect(queue.dequeue('task')).rejects.toMatchObject(refused);
    await expect(queue.peek('task')).rejects.toMatchObject(refused);
    await expect(queue.dequeueAll('task')).rejects.toMatchObject(refused);
    expect(await openQueue({ url: adminUrl }).size('task')).toBe(2);
    expect(warnings).toEqual([]);
  });

  test('dequeues, peeks, drains and clears can do that, and enqueue nothing', async () => {
    const { url, adminUrl, warnings, onStatus } = await userWith(permissionsIn('only dequeues'));
    const admin = openQueue({ url: adminUrl });
    for (let index = 0; index < 4; index++) await admin.enqueue('task', numbered(index));
    const queue = openQueue({ url, onStatus });
    expect(await queue.peek('task')).toEqual(numbered(0));
    expect(await queue.dequeue('task')).toEqual(numbered(0));
    expect(await openClient({ url }).drain('task', () => {}, { limit: 1 })).toBe(1);
    expect((await runCli(['peek', 'task', '-u', url])).status).toBe(0);
    expect(await queue.dequeueAll('task')).toEqual([numbered(2), numbered(3)]);
    expect(await openClient({ url: adminUrl }).depth('task')).toBeUndefined();
    await expect(queue.enqueue('task', numbered(1))).rejects.toMatchObject(refused);
    expect(warnings).toEqual([]);
  });

  test('watches sees what is enqueued, and takes and adds nothing', async () => {
    const { url, adminUrl } = await userWith(permissionsIn('only watches'));
    const admin = openQueue({ url: adminUrl });
    await admin.enqueue('task', numbered(0));
    const client = openClient({ url });
    // Before RabbitMQ 4.3 the depth is no secret.
    await expectEventsAlone(client, admin, /configure(, write or read)? permission/);
    await expect(client.take('task', () => {})).rejects.toMatchObject(refused);
    await expect(client.publish('task', raw('{}'))).rejects.toMatchObject(refused);
    expect(await admin.size('task')).toBe(2);
  });

  test('enqueues and watches sees what is enqueued, also where the queue is not to be read', async () => {
    const [one, other] = [permissionsIn('only enqueues'), permissionsIn('only watches')];
    const join = (name: 'configure' | 'write' | 'read') => `${one[name]}|${other[name]}`;
    const both = { configure: join('configure'), write: join('write'), read: other.read, tags: '' };
    const { url } = await userWith(both);
    const queue = openQueue({ url });
    await queue.enqueue('task', numbered(0));
    await expectEventsAlone(openClient({ url }), queue, /needs read permission/);
  });

  test('serves can do all that it needs', async () => {
    const { url, warnings, onStatus } = await userWith(permissionsIn('an MCP server'));
    const queue = openQueue({ url, onStatus });
    const waiting = queue.waitForMessage('task', { timeoutMs: 50_000 });
    await queue.enqueue('task', numbered(0), undefined, 10);
    await waiting;
    expect(await queue.dequeue('task')).toEqual(numbered(0));
    expect(await queue.dequeueAll('task')).toEqual([]);
    expect(warnings).toEqual([]);
  });

  test('lists sees the queues, and not into them', async () => {
    const { url, apiUrl, adminUrl } = await userWith(permissionsIn('only lists'));
    await openQueue({ url: adminUrl }).enqueue('task', numbered(0));
    const tasks = [];
    for await (const page of listTaskQueues({ url, apiUrl })) tasks.push(...page.map(({ taskId }) => taskId));
    expect(tasks).toEqual(['task']);
    await expect(openQueue({ url }).peek('task')).rejects.toMatchObject(refused);
  });

  test('prunes deletes an empty queue, and neither reads nor enqueues', async () => {
    const { url, adminUrl } = await userWith(permissionsIn('only prunes'));
    const admin = openQueue({ url: adminUrl });
    await admin.enqueue('full', numbered(0));
    await admin.enqueue('empty', numbered(0));
    await admin.dequeue('empty');
    const client = openClient({ url });
    const outcomes = [];
    for await (const { outcome } of pruneTaskQueues(client, ['empty', 'full'])) outcomes.push(outcome);
    expect(outcomes).toEqual(['deleted', 'kept']);
    await expect(client.take('full', () => {})).rejects.toMatchObject(refused);
    await expect(client.publish('full', raw('{}'))).rejects.toMatchObject(refused);
  });
});

describe('without permission to configure queues', () => {
  const permissions = {
    configure: '^mcp:events$',
    write: '^(amq\\.default|mcp:events)$',
    read: '^mcp:queue:',
    tags: '',
  };

  // More than a batch is removed with the queue where that can be.
  test.each([1, 1_200])(
    'dequeueAll of %i returns what it has removed, and warns that the queue stays',
    async (count) => {
      const { url, adminUrl, warnings, onStatus } = await userWith(permissions);
      const admin = openQueue({ url: adminUrl });
      const messages = Array.from({ length: count }, (_, index) => numbered(index));
      await Promise.all(messages.map((message) => admin.enqueue('task', message)));
      expect(await openQueue({ url, onStatus }).dequeueAll('task')).toEqual(messages);
      expect(warnings).toEqual([expect.stringContaining('Cannot delete the queue of task "task"')]);
      expect(await openClient({ url: adminUrl }).depth('task')).toMatchObject({ messages: 0 });
    },
  );

  test('enqueue --no-create works, and peek with --force; without it says why not', async () => {
    const { url, adminUrl } = await userWith(permissions);
    await openQueue({ url: adminUrl }).enqueue('task', numbered(0));
    const message = '{"jsonrpc":"2.0","method":"x"}';
    expect(await runCli(['enqueue', 'task', message, '--no-create', '-u', url])).toMatchObject({ status: 0 });
    expect(await runCli(['enqueue', 'task', message, '-u', url])).toMatchObject({ status: 4 });
    const { status, stderr } = await runCli(['peek', 'task', '-u', url]);
    expect(status).toBe(4);
    expect(stderr).toContain('--force');
    expect(await runCli(['peek', 'task', '-n', '9', '--force', '-u', url])).toMatchObject({ status: 0 });
  });
});

test('without permission to publish, each of many messages is refused, and none called uncertain', async () => {
  const { url, adminUrl } = await userWith({ configure: '.*', write: '^mcp:', read: '.*', tags: '' });
  const queue = openQueue({ url });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) => queue.enqueue('task', numbered(index))),
  );
  const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code);
  expect(new Set(codes)).toEqual(new Set(['ACCESS_REFUSED']));
  expect(await openQueue({ url: adminUrl }).size('task')).toBe(0);
});

test('events that were refused are sent again a minute after they are permitted, with numbers that show the gap', async () => {
  const none = { configure: '^mcp:queue:', write: '^amq.default$', read: '^mcp:queue:' };
  const { url, adminUrl, warnings, onStatus } = await userWith({ ...none, tags: '' });
  const queue = openQueue({ url, onStatus });
  const admin = openClient({ url: adminUrl });
  await queue.enqueue('task', numbered(0));
  await until(() => warnings.length === 1);
  const seen: unknown[] = [];
  await (
    await admin.subscribe(['enqueued'], {
      onEvent: ({ sequence }) => void seen.push(sequence),
      onLost: () => {},
      onResumed: () => {},
    })
  ).follow('task');
  const all = { configure: '.*', write: '.*', read: '.*' };
  await callApi('PUT', `permissions${new URL(adminUrl).pathname}/${new URL(url).username}`, all);
  await queue.enqueue('task', numbered(1));
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
  onTestFinished(() => void vi.restoreAllMocks());
  await queue.enqueue('task', numbered(2));
  await until(() => seen.length > 0);
  expect({ seen, warnings }).toEqual({ seen: [3], warnings: [expect.stringContaining('Events are off')] });
});
