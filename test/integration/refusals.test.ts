import { connect as connectTcp, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { TaskQueueClient } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost, vhostWithUser } from '../support/vhost.ts';

const QUEUE = 'mcp:queue:task';

async function amqpChannel(url: string): Promise<Channel> {
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  return connection.createChannel();
}

const limit = (kind: 'vhost' | 'user', name: string, what: string, value: number) =>
  callApi('PUT', `${kind}-limits/${name}/${what}`, { value });

interface Refused {
  code: string;
  message: RegExp;
  hint: RegExp;
}

const REFUSALS: Record<string, [provoke: () => Promise<unknown>, expected: Refused]> = {
  'a vhost that is not there': [
    () => openClient({ url: `${inject('url')}/nowhere` }).connect(),
    { code: 'VHOST_NOT_FOUND', message: /the vhost "nowhere" does not exist$/, hint: /list_vhosts/ },
  ],
  'a vhost that the user has no access to': [
    async () => openClient({ url: (await vhostWithUser()).userUrl }).connect(),
    {
      code: 'ACCESS_REFUSED',
      message: /the user "user-.*" has no access to the vhost "test-/,
      hint: /set_permissions -p test-/,
    },
  ],
  'the limit of connections of a vhost': [
    async () => {
      const { url, vhost } = await vhostWithUser();
      await limit('vhost', vhost, 'max-connections', 0);
      await openClient({ url }).connect();
    },
    {
      code: 'LIMIT_REACHED',
      message: /the vhost has reached its limit of 0 connections/,
      hint: /set_vhost_limits -p test-/,
    },
  ],
  'the limit of connections of a user': [
    async () => {
      const { userUrl, user } = await vhostWithUser({ configure: '', write: '', read: '' });
      await limit('user', user, 'max-connections', 0);
      await openClient({ url: userUrl }).connect();
    },
    {
      code: 'LIMIT_REACHED',
      message: /the user has reached its limit of 0 connections/,
      hint: /set_user_limits user-/,
    },
  ],
  'the limit of channels of a user': [
    async () => {
      const { userUrl, user } = await vhostWithUser({ configure: '.*', write: '', read: '' });
      await limit('user', user, 'max-channels', 0);
      await openClient({ url: userUrl }).depth('task');
    },
    {
      code: 'LIMIT_REACHED',
      message: /the user has reached its limit of 0 channels/,
      hint: /set_user_limits (user-|USER)/,
    },
  ],
  'the limit of channels of a user, to a subscriber': [
    async () => {
      const { userUrl, user } = await vhostWithUser({ configure: '.*', write: '.*', read: '.*' });
      await limit('user', user, 'max-channels', 0);
      await openClient({ url: userUrl }).subscribe(['enqueued'], {
        onEvent: () => {},
        onResumed: () => {},
        onLost: () => {},
      });
    },
    {
      code: 'LIMIT_REACHED',
      message: /Cannot subscribe to task events: the user has reached its limit of 0 channels/,
      hint: /set_user_limits (user-|USER)/,
    },
  ],
  'the limit of queues of a vhost': [
    async () => {
      const { url, vhost } = await vhostWithUser();
      await limit('vhost', vhost, 'max-queues', 0);
      await openClient({ url }).publish('task', raw('x'));
    },
    {
      code: 'LIMIT_REACHED',
      message: /the vhost has reached its limit of 0 queues/,
      hint: /set_vhost_limits -p test-/,
    },
  ],
  'the limit of queues, where the name of the queue leaves no room for it': [
    async () => {
      const { url, vhost } = await vhostWithUser();
      await limit('vhost', vhost, 'max-queues', 0);
      await openClient({ url }).publish('x'.repeat(240), raw('x'));
    },
    { code: 'LIMIT_REACHED', message: /the queue limit is reached/, hint: /list_vhost_limits/ },
  ],
  'no permission to configure': [
    async () =>
      openClient({ url: (await vhostWithUser({ configure: '', write: '.*', read: '.*' })).userUrl }).publish(
        'task',
        raw('x'),
      ),
    {
      code: 'ACCESS_REFUSED',
      message: /lacks configure permission on the queue "mcp:queue:task"/,
      hint: /set_permissions -p test-\S+ user-/,
    },
  ],
  'no permission to write': [
    async () =>
      openClient({ url: (await vhostWithUser({ configure: '.*', write: '', read: '.*' })).userUrl }).publish(
        'task',
        raw('x'),
      ),
    { code: 'ACCESS_REFUSED', message: /permission on the exchange "amq.default"/, hint: /set_permissions/ },
  ],
  'no permission to read': [
    async () => {
      const { url, userUrl } = await vhostWithUser({ configure: '.*', write: '.*', read: '' });
      await openClient({ url }).publish('task', raw('x'));
      await openClient({ url: userUrl }).drain('task', () => {});
    },
    {
      code: 'ACCESS_REFUSED',
      message: /lacks read permission on the queue "mcp:queue:task"/,
      hint: /set_permissions/,
    },
  ],
  'no permission for some topics': [
    async () => {
      const { vhost, user, userUrl } = await vhostWithUser({ configure: '.*', write: '.*', read: '.*' });
      // RabbitMQ 4.3 gives permissions for an exchange that is there.
      await callApi('PUT', `exchanges/${vhost}/mcp:events`, { type: 'topic', durable: true });
      await callApi('PUT', `topic-permissions/${vhost}/${user}`, {
        exchange: 'mcp:events',
        write: '.*',
        read: '^enqueued\\.mine$',
      });
      const subscription = await openClient({ url: userUrl }).subscribe(['enqueued'], {
        onEvent: () => {},
        onResumed: () => {},
        onLost: () => {},
      });
      await subscription.follow('other');
    },
    {
      code: 'ACCESS_REFUSED',
      message: /lacks read( or write)? permission on the topic "enqueued.other"/,
      hint: /set_topic_permissions -p test-\S+ user-\S+ mcp:events WRITE READ/,
    },
  ],
  'a consumer that has the queue exclusively': [
    () => besideQueue({}, (client) => client.drain('task', () => {}), { exclusive: true }),
    { code: 'QUEUE_LOCKED', message: /another consumer reads the queue exclusively/, hint: /list_consumers/ },
  ],
  'a queue that is exclusive to another connection': [
    () => besideQueue({ exclusive: true, durable: false }, (client) => client.depth('task')),
    {
      code: 'QUEUE_LOCKED',
      message: /belongs exclusively to another connection/,
      hint: /never creates exclusive/,
    },
  ],
  'a quorum queue': [
    () =>
      besideQueue({ arguments: { 'x-queue-type': 'quorum' } }, (client) => client.publish('task', raw('x'))),
    { code: 'QUEUE_MISMATCH', message: /is a quorum queue/, hint: /Use queueType quorum/ },
  ],
  'a queue with a limit of its own': [
    () => besideQueue({ arguments: { 'x-max-length': 9 } }, (client) => client.publish('task', raw('x'))),
    { code: 'QUEUE_MISMATCH', message: /with a different x-max-length/, hint: /policy/ },
  ],
  'a queue that is not durable': [
    () => besideQueue({ durable: false }, (client) => client.publish('task', raw('x'))),
    { code: 'QUEUE_MISMATCH', message: /with a different durable/, hint: /create: false/ },
  ],
  'a password that is wrong': [
    () => openClient({ url: inject('url').replace('//', '//guest:wrong@') }).connect(),
    { code: 'AUTHENTICATION_FAILED', message: /refuses the user name or password$/, hint: /credentials/ },
  ],
  'the port of the management API': [
    () => openClient({ url: inject('apiUrl').replace('http', 'amqp') }).connect(),
    {
      code: 'CONNECTION_FAILED',
      message: /hung up during the handshake$|does not speak AMQP/,
      hint: /15672/,
    },
  ],
  'a port where nobody listens': [
    () => openClient({ url: 'amqp://127.0.0.1:1' }).connect(),
    { code: 'CONNECTION_FAILED', message: /nothing listens there$/, hint: /Is RabbitMQ running/ },
  ],
  'a server of another protocol': [
    async () =>
      openClient({
        url: await serverThatSays('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
      }).connect(),
    { code: 'CONNECTION_FAILED', message: /does not speak AMQP 0-9-1$/, hint: /AMQP port/ },
  ],
  'a server that greets first': [
    async () => openClient({ url: await serverThatSays('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n') }).connect(),
    { code: 'CONNECTION_FAILED', message: /does not speak AMQP 0-9-1$/, hint: /AMQP port/ },
  ],
  'a broker of another version of AMQP': [
    async () => openClient({ url: await serverThatSays('AMQP\0\x01\0\0') }).connect(),
    { code: 'CONNECTION_FAILED', message: /does not speak AMQP 0-9-1$|hung up/, hint: /AMQP port/ },
  ],
};

/** Beside a queue that another program has made. */
async function besideQueue(
  declaration: object,
  work: (client: TaskQueueClient) => Promise<unknown>,
  consumer?: { exclusive: boolean },
): Promise<void> {
  const { url } = await newVhost();
  const channel = await amqpChannel(url);
  await channel.assertQueue(QUEUE, { durable: true, ...declaration });
  const waiting = raw('x');
  if (consumer) {
    await channel.prefetch(1);
    await channel.consume(QUEUE, () => {}, consumer);
    for (let index = 0; index < 3; index++) channel.sendToQueue(QUEUE, waiting.body);
    await until(async () => (await channel.checkQueue(QUEUE)).messageCount === 2);
  }
  await work(openClient({ url }));
}

/** Says this and hangs up. */
async function serverThatSays(text: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(text, 'latin1');
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `amqp://127.0.0.1:${(server.address() as { port: number }).port}`;
}

describe('a refusal is reported by its cause:', () => {
  test.each(Object.entries(REFUSALS))('%s', async (_, [provoke, { code, message, hint }]) => {
    const failure = await provoke().then(
      () => undefined,
      (error) => error,
    );
    expect(failure).toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(`${failure.message} ${failure.hint}`).not.toMatch(/ConnectionOpenOk|maxFrameSize| --\w/);
  });
});

test('a limit of connections that is over as the reason is asked for passes by itself', async () => {
  const { url, vhost } = await vhostWithUser();
  let accepted = 0;
  // Of the connections, the second one asks for the reason.
  const proxy = createServer(async (client) => {
    client.on('error', () => {});
    if (++accepted === 2) await callApi('DELETE', `vhost-limits/${vhost}/max-connections`);
    const broker = connectTcp(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
    client.pipe(broker).pipe(client);
  });
  onTestFinished(() => void proxy.close());
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as { port: number };
  const client = openClient({ url: `amqp://127.0.0.1:${port}/${vhost}` });
  await limit('vhost', vhost, 'max-connections', 0);
  await client.connect();
  expect(accepted).toBe(3);
});

describe('calls for one task that wait behind a refused connection fail with it, after one attempt:', () => {
  test.each<[why: string, code: string, refuse: (url: URL) => unknown]>([
    ['a wrong password', 'AUTHENTICATION_FAILED', (url) => (url.password = 'wrong')],
    ['a missing vhost', 'VHOST_NOT_FOUND', (url) => (url.pathname = '/nowhere')],
    ['a vhost without access', 'ACCESS_REFUSED', () => {}],
  ])('%s', async (_, code, refuse) => {
    const { url: vhostUrl, userUrl } = await vhostWithUser();
    const proxy = await FaultProxy.inFrontOf(vhostUrl);
    const url = new URL(userUrl);
    url.port = new URL(proxy.url).port;
    refuse(url);
    const queue = openQueue({ url: url.href });
    const enqueues = Array.from({ length: 20 }, (_, index) => queue.enqueue('task', numbered(index)));
    const results = await Promise.allSettled(enqueues);
    expect(results).toEqual(
      Array(20).fill(expect.objectContaining({ reason: expect.objectContaining({ code }) })),
    );
    // The second one asks for the reason.
    expect(proxy.accepted).toBeLessThanOrEqual(2);
    if (code === 'ACCESS_REFUSED') return;
    const read = await Promise.allSettled(Array.from({ length: 20 }, () => queue.dequeue('task')));
    expect(read).toEqual(
      Array(20).fill(expect.objectContaining({ reason: expect.objectContaining({ code }) })),
    );
    expect(proxy.accepted).toBeLessThanOrEqual(4);
  });
});

test('a limit of channels that leaves none for events does not end a connection for each message', async () => {
  const { userUrl, user } = await vhostWithUser({ configure: '.*', write: '.*', read: '.*' });
  await limit('user', user, 'max-channels', 2);
  const warnings: string[] = [];
  let lost = 0;
  const queue = openQueue({
    url: userUrl,
    onStatus: (event) => {
      if (event.type === 'warning') warnings.push(event.error.message);
      if (event.type === 'lost') lost++;
    },
  });
  await queue.enqueue('first', numbered(0));
  await until(() => lost === 1);
  for (let n = 1; n <= 5; n++) {
    await queue.enqueue(`task-${n}`, numbered(n));
    await sleep(50);
  }
  expect(lost).toBe(1);
  expect(warnings).toEqual([
    expect.stringMatching(/the user has reached its limit of 2 channels.*Events are off/),
  ]);
});
