import { expect, inject, onTestFinished, test } from 'vitest';
import { findIdleTaskQueues, listTaskQueues, type TaskQueueClient, watchTasks } from '../../src/index.ts';
import { numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { callApi, newVhost } from '../support/vhost.ts';

interface Permissions {
  configure: string;
  write: string;
  read: string;
}

/** What the README says that each needs, and no more. */
const ENQUEUES = { configure: '^mcp:(queue:|events$)', write: '^(amq\\.default|mcp:events)$', read: '^$' };
const DEQUEUES = { configure: '^mcp:(queue:|events$)', write: '^mcp:events$', read: '^mcp:queue:' };
const WATCHES = {
  configure: '^mcp:(queue:|watch:|events$)',
  write: '^mcp:watch:',
  read: '^mcp:(queue:|watch:|events$)',
};
const SERVES = {
  configure: '^mcp:(queue:|watch:|events$)',
  write: '^(amq\\.default|mcp:watch:.*|mcp:events)$',
  read: '^mcp:(queue:|watch:|events$)',
};
const LISTS = { configure: '^$', write: '^$', read: '^$' };

async function addUser(url: string, permissions: Permissions, tags = ''): Promise<string> {
  const vhost = new URL(url).pathname.slice(1);
  const user = `user-${crypto.randomUUID()}`;
  await callApi('PUT', `users/${user}`, { password: 'pw', tags });
  onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
  await callApi('PUT', `permissions/${vhost}/${user}`, permissions);
  return url.replace('://', `://${user}:pw@`);
}

async function refuses(work: Promise<unknown>): Promise<void> {
  await expect(work).rejects.toMatchObject({ code: 'ACCESS_REFUSED' });
}

test('who enqueues can do that, tells events, and reads nothing', async () => {
  const { url } = await newVhost();
  const warnings: unknown[] = [];
  const mine = await addUser(url, ENQUEUES);
  const client = openClient({ url: mine, onWarning: (warning) => warnings.push(warning) });
  const seen = firstMessage(openClient({ url }));
  await expect
    .poll(async () => {
      await client.publish('t', raw('a'));
      return Promise.race([seen, 'nothing yet']);
    })
    .toBe('a');
  await refuses(client.take('t', () => {}));
  await refuses(client.peek('t'));
  expect(warnings).toEqual([]);
});

test('who dequeues can do that, and delete queues, but not enqueue', async () => {
  const { url } = await newVhost();
  const warnings: unknown[] = [];
  await openClient({ url }).publish('t', raw('a'));
  await openClient({ url }).publish('t', raw('b'));
  const mine = await addUser(url, DEQUEUES);
  const client = openClient({ url: mine, onWarning: (warning) => warnings.push(warning) });
  expect(await client.take('t', ({ body }) => body.toString())).toBe('a');
  expect(await client.clear('t')).toBe(1);
  expect(await client.depth('t')).toBeUndefined();
  await refuses(client.publish('t', raw('c')));
  expect(warnings).toEqual([]);
});

test('who watches sees all messages, and neither adds nor removes any', async () => {
  const { url } = await newVhost();
  const publisher = openClient({ url });
  const client = openClient({ url: await addUser(url, WATCHES), events: 'off' });
  const seen = firstMessage(client);
  await expect
    .poll(async () => {
      await publisher.publish('t', raw('a'));
      return Promise.race([seen, 'nothing yet']);
    })
    .toBe('a');
  expect(await client.peek('t')).toHaveLength(1);
  await refuses(client.publish('t', raw('b')));
});

test('an MCP server can do all that the library does', async () => {
  const { url } = await newVhost();
  const warnings: unknown[] = [];
  const mine = await addUser(url, SERVES);
  const queue = openQueue({ url: mine, onWarning: (warning) => warnings.push(warning) });
  const waiting = queue.waitForMessage('t', { timeoutMs: 10_000 });
  await queue.enqueue('t', numbered(1));
  await waiting;
  expect(await queue.peek('t')).toEqual(numbered(1));
  expect(await queue.dequeueAll('t')).toEqual([numbered(1)]);
  expect(warnings).toEqual([]);
});

test('who lists needs the tag "management" and access to the vhost, and can touch no queue', async () => {
  const { url } = await newVhost();
  await openClient({ url }).publish('t', raw('a'));
  const mine = await addUser(url, LISTS, 'management');
  const found = [];
  for await (const page of listTaskQueues({ url: mine, apiUrl: inject('apiUrl').replace(/\/\/.*@/, '//') }))
    found.push(...page.map(({ taskId }) => taskId));
  expect(found).toEqual(['t']);
  await refuses(openClient({ url: mine }).take('t', () => {}));
  const untagged = await addUser(url, LISTS);
  await refuses(
    findIdleTaskQueues({ url: untagged, apiUrl: inject('apiUrl').replace(/\/\/.*@/, '//') }).next(),
  );
});

async function firstMessage(client: TaskQueueClient): Promise<string> {
  for await (const item of watchTasks(client, ['t']))
    if (item.kind === 'message') return item.message.body.toString();
  return 'the watch ended';
}
