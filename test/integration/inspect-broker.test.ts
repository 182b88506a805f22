import { randomUUID } from 'node:crypto';
import { expect, inject, onTestFinished, test } from 'vitest';
import { readClusterOverview } from '../../src/cli-support.ts';
import { describeTaskQueue, inspectBroker } from '../../src/index.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { callApi, newVhost } from '../support/vhost.ts';

/** The URL of a vhost of its own for a new user with these permissions on it. */
async function userMay(permissions: { configure: string; write: string; read: string }, tags = '') {
  const vhost = await newVhost();
  const name = `user-${randomUUID()}`;
  await callApi('PUT', `users/${name}`, { password: 'p', tags });
  onTestFinished(async () => void (await callApi('DELETE', `users/${name}`)));
  await callApi('PUT', `permissions/${new URL(vhost.url).pathname.slice(1)}/${name}`, permissions);
  return { ...vhost, name, url: vhost.url.replace('amqp://', `amqp://${name}:p@`) };
}

const NONE = { configure: false, write: false, read: false, publishEvents: false, watch: false };

test.each([
  [
    { configure: '.*', write: '.*', read: '.*' },
    { configure: true, write: true, read: true, publishEvents: true, watch: true },
  ],
  [{ configure: '', write: '', read: '' }, NONE],
  [
    { configure: '^mcp:queue:', write: '', read: '' },
    { ...NONE, configure: true },
  ],
  [
    { configure: '', write: '^amq\\.default$', read: '' },
    { ...NONE, write: true },
  ],
  [
    { configure: '', write: '', read: '^mcp:queue:' },
    { ...NONE, read: true },
  ],
  [
    { configure: '', write: '^mcp:events$', read: '' },
    { ...NONE, publishEvents: true },
  ],
  [
    { configure: '^mcp:watch:', write: '^mcp:watch:', read: '^mcp:(watch:|events$)' },
    { ...NONE, watch: true },
  ],
])('the permissions %j are found out, and nothing is made or stored for it', async (given, permissions) => {
  const user = await userMay(given);
  const found = await inspectBroker({ url: user.url });
  expect(found.permissions).toEqual(permissions);
  expect(found).toMatchObject({
    user: user.name,
    vhost: new URL(user.url).pathname.slice(1),
    product: 'RabbitMQ',
  });
  expect(await user.queueNames()).toEqual([]);
});

test.each([
  ['^(enqueued|dequeued|cleared)\\.', true],
  ['^(enqueued\\.one-task)?$', false],
])('a user who may read the topics %s of events may watch all tasks: %s', async (read, watch) => {
  const { url, name } = await userMay({ configure: '.*', write: '.*', read: '.*' });
  const vhost = new URL(url).pathname.slice(1);
  await callApi('PUT', `exchanges/${vhost}/mcp:events`, { type: 'topic', durable: true });
  await callApi('PUT', `topic-permissions/${vhost}/${name}`, { exchange: 'mcp:events', write: '.*', read });
  expect((await inspectBroker({ url })).permissions).toMatchObject({ watch });
});

test('the broker and its management API name the same cluster', async () => {
  const { clusterName } = await inspectBroker({ url: inject('url') });
  const overview = await readClusterOverview({ url: inject('url'), apiUrl: inject('apiUrl') });
  expect(overview.clusterName).toBe(clusterName);
  expect(overview.tags).toContain('administrator');
  expect(overview.alarms).toEqual([]);
});

test('a user with the tag "management" alone learns that there are no alarms', async () => {
  const { url } = await userMay({ configure: '', write: '', read: '' }, 'management');
  expect(await readClusterOverview({ url, apiUrl: inject('apiUrl') })).toMatchObject({
    tags: ['management'],
    alarms: [],
  });
});

test('a broker that is away, or refuses the user, is an error of its own', async () => {
  await expect(inspectBroker('amqp://127.0.0.1:1')).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  const wrong = inject('url').replace('amqp://', 'amqp://nobody:x@');
  await expect(inspectBroker(wrong)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
});

test('a queue is described by the API; one that is not there is not', async () => {
  const api = { url: inject('url'), apiUrl: inject('apiUrl') };
  const task = newTask('described');
  await openClient().publish(task, raw('{}'));
  expect(await describeTaskQueue(task, api)).toMatchObject({
    taskId: task,
    queue: `mcp:queue:${task}`,
    type: 'classic',
    arguments: {},
    policy: undefined,
    consumers: [],
  });
  expect(await describeTaskQueue(newTask('missing'), api)).toBeUndefined();
});
