import { connect } from 'amqplib';
import { expect, inject, test } from 'vitest';
import { listTaskQueues, type TaskQueueInfo } from '../../src/index.ts';
import { recordsIn, runCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost } from '../support/vhost.ts';

const MESSAGE = '{"jsonrpc":"2.0","method":"notifications/message"}';

test('--queue-type makes quorum queues, for enqueue and mv; ls shows which', async () => {
  const { url } = await newVhost();
  const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: inject('apiUrl') };
  await runCli(['enqueue', 'a', MESSAGE, '--queue-type', 'quorum'], { env });
  await runCli(['enqueue', 'a', MESSAGE], { env: { ...env, MCP_TASKQ_QUEUE_TYPE: 'quorum' } });
  expect((await runCli(['mv', 'a', 'b', '--all', '--queue-type', 'quorum'], { env })).status).toBe(0);
  const { stdout } = await runCli(['ls'], { env });
  expect(recordsIn(stdout)).toMatchObject([
    { task_id: 'a', type: 'quorum' },
    { task_id: 'b', type: 'quorum' },
  ]);
  const client = openClient({ url });
  await expect.poll(() => client.depth('b')).toMatchObject({ messages: 2 });
  const refused = await runCli(['enqueue', 'b', MESSAGE], { env });
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('--queue-type quorum');
  const mistyped = await runCli(['enqueue', 'b', MESSAGE, '--queue-type', 'mirrored'], { env });
  expect(mistyped.status).toBe(2);
  const inEnvironment = await runCli(['ls'], { env: { ...env, MCP_TASKQ_QUEUE_TYPE: 'mirrored' } });
  expect(inEnvironment.status).toBe(2);
});

test('peek refuses a quorum queue, and with --force says what 30 looks at a message do', async () => {
  const { url } = await newVhost();
  const env = { MCP_TASKQ_URL: url };
  const client = openClient({ url, queueType: 'quorum' });
  await client.publish('t', raw('a'));
  const refused = await runCli(['peek', 't'], { env });
  expect(refused).toMatchObject({ status: 1, stdout: '' });
  expect(refused.stderr).toMatch(/is a quorum queue.*\n.*--force/);
  const forced = await runCli(['peek', 't', '--force'], { env });
  expect(forced.status).toBe(0);
  expect(forced.stderr).toContain('RabbitMQ 4 counts each look towards the delivery limit');

  // What is given back is there again a moment later; RabbitMQ 4 gives it up instead after the twentieth time.
  const { rabbitmq_version } = (await (await callApi('GET', 'overview')).json()) as {
    rabbitmq_version: string;
  };
  const isCounted = !rabbitmq_version.startsWith('3.');
  for (let look = 1; look < (isCounted ? 20 : 30); look++)
    await expect.poll(() => client.peek('t')).toHaveLength(1);
  // At the end of the limit, where there is one, a last look is one too many.
  await expect.poll(async () => (await client.peek('t')).length).toBe(1);
  await expect.poll(() => inQueue(url)).toBe(isCounted ? 0 : 1);
});

test.each([
  ['its own', { 'x-delivery-limit': 0 }, 'mcp:queue:none'],
  ['a policy', {}, 'mcp:queue:from'],
])(
  'what would return messages to a queue with %s delivery limit of 0 is refused',
  async (_, own, limited) => {
    const { url } = await newVhost();
    await callApi('PUT', `policies/${new URL(url).pathname.slice(1)}/zero`, {
      pattern: `^${limited}$`,
      definition: { 'delivery-limit': 0 },
      'apply-to': 'queues',
    });
    const connection = await connect(url);
    const channel = await connection.createConfirmChannel();
    const options = { durable: true, arguments: { 'x-queue-type': 'quorum', ...own } };
    await channel.assertQueue('mcp:queue:from', options);
    for (const body of ['a', 'b']) channel.sendToQueue('mcp:queue:from', Buffer.from(body));
    await channel.waitForConfirms();
    await connection.close();
    const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: inject('apiUrl') };
    for (const args of [
      ['mv', 'from', 'to', '--all'],
      ['mv', 'from', 'to', '--all', '--dry-run'],
      ['mv', 'fro?', 'to', '-n', '1', '--yes'],
      ['cp', 'from', 'to', '-n', '1', '--force'],
      ['peek', 'from', '--force'],
    ]) {
      const { status, stderr } = await runCli(args, { env });
      expect({ args, status, stderr }).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('has a delivery limit of 0: RabbitMQ drops each message'),
      });
    }
    expect(await openClient({ url }).depth('from')).toMatchObject({ messages: 2 });
  },
);

test('clear does not mistake messages that it held itself for those of another reader', async () => {
  const { url } = await newVhost();
  const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: inject('apiUrl') };
  const client = openClient({ url, queueType: 'quorum' });
  await client.publish('t', raw('a'));
  // RabbitMQ counts a quorum queue every 5 seconds.
  await client.take('t', () => until(async () => (await counted(url))?.unacked === 1));
  const { status, stdout, stderr } = await runCli(['clear', 't', '--yes'], { env });
  expect([status, JSON.parse(stdout).removed]).toEqual([0, 0]);
  expect(stderr).not.toContain('held');
});

test('--force names the delivery limit of the queue, and refuses where it leaves no look', async () => {
  const { url } = await newVhost();
  const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: inject('apiUrl') };
  const client = openClient({ url, queueType: 'quorum' });
  await client.publish('t', raw('a'));
  const limitTo = (limit: number) =>
    callApi('PUT', `policies/${new URL(url).pathname.slice(1)}/limit`, {
      pattern: '.*',
      definition: { 'delivery-limit': limit },
      'apply-to': 'queues',
    });
  await limitTo(3);
  const forced = await runCli(['peek', 't', '--force'], { env });
  expect(forced.stderr).toContain('drops a message that exceeds it. Its limit is 3.');
  await limitTo(0);
  for (const args of [
    ['peek', 't'],
    ['cp', 't', 'to', '--all'],
    ['dequeue', 't', '--filter', 'size < 0'],
    ['mv', 't', 'to', '--all', '--filter', 'size < 0'],
    ['clear', 't', '--yes', '--older-than', '1d'],
  ]) {
    const refused = await runCli([...args, '--force'], { env });
    expect([args, refused.status]).toEqual([args, 1]);
    expect(refused.stderr).toContain('has a delivery limit of 0: RabbitMQ drops each message');
  }
  await expect.poll(() => client.depth('t')).toMatchObject({ messages: 1 });
});

test('dequeue --exec does not say that a message is there which reached the delivery limit', async () => {
  const { url } = await newVhost();
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('mcp:queue:t', {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 },
  });
  channel.sendToQueue('mcp:queue:t', Buffer.from('a'));
  await channel.waitForConfirms();
  await connection.close();
  const fail = () =>
    runCli(['dequeue', 't', '--exec', 'false'], { env: { MCP_TASKQ_URL: url }, ownProcess: true });
  for (let time = 0; time < 2; time++) {
    await expect.poll(async () => (await openClient({ url }).depth('t'))?.messages).toBe(1);
    const { status, stderr } = await fail();
    expect(status).toBe(1);
    expect(stderr).toContain('was given back to task "t"; a quorum queue drops');
    expect(stderr).not.toContain('still');
  }
  await expect.poll(async () => (await openClient({ url }).depth('t'))?.messages).toBe(0);
});

/** Ready or held, so that a message is never missing while it is on its way back. Up to 5 s old. */
async function inQueue(url: string): Promise<number | undefined> {
  const { ready, unacked = 0 } = (await counted(url)) ?? {};
  return ready === undefined ? undefined : ready + unacked;
}

/** The first queue that has been counted. */
async function counted(url: string): Promise<TaskQueueInfo | undefined> {
  for await (const [queue] of listTaskQueues({ url, apiUrl: inject('apiUrl') }))
    if (queue?.ready !== undefined) return queue;
  return undefined;
}

test.each([
  ['dequeue', '--filter', 'size < 0'],
  ['mv', 'to', '--all', '--filter', 'size < 0'],
  ['clear', '--yes', '--older-than', '1d'],
])(
  'a filter refuses a quorum queue, where each look counts, without --force: %s',
  async (command, ...rest) => {
    const { url } = await newVhost();
    const env = { MCP_TASKQ_URL: url };
    const client = openClient({ url, queueType: 'quorum' });
    await client.publish('t', raw('a'));
    const args = [command, 't', ...rest];
    const refused = await runCli(args, { env });
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/is a quorum queue.*\n.*--force/);
    const forced = await runCli([...args, '--force'], { env });
    expect(forced.stderr).toContain('RabbitMQ 4 counts each look towards the delivery limit');
    await expect.poll(() => client.depth('t')).toMatchObject({ messages: 1 });
  },
);
