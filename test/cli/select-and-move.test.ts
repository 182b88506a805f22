import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { describe, expect, inject, test } from 'vitest';
import { describeTaskQueue } from '../../src/index.ts';
import { recordsIn, runCli, temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost } from '../support/vhost.ts';

/** Requests with even numbers, notifications with odd ones; the older the lower. */
async function mixedTask(count: number): Promise<string> {
  const client = openClient();
  const task = newTask();
  for (let n = 0; n < count; n++) {
    const message = { jsonrpc: '2.0', method: 'm', params: { n }, ...(n % 2 === 0 && { id: n }) };
    const timestamp = new Date(Date.now() - (count - n) * 3_600_000).toISOString();
    const body = JSON.stringify({ type: n % 2 === 0 ? 'request' : 'notification', message, timestamp });
    await client.publish(task, raw(body));
  }
  return task;
}

const numbersOf = (output: string) => recordsIn(output).map(({ body }) => body.message.params.n);

async function numbersIn(task: string): Promise<number[]> {
  const messages = await openClient().peek(task, { limit: 1000 });
  return messages.map(({ body }) => JSON.parse(body.toString()).message.params.n);
}

describe('--filter', () => {
  test.each([
    ['clear', 'params.n == 19'],
    ['mv', 'params.n == 20'],
  ])('%s says that its connection was lost before a message matched', async (command, filter) => {
    const task = await mixedTask(0);
    const client = openClient();
    const message = (n: number) => ({
      jsonrpc: '2.0',
      method: 'm',
      params: { n, padding: 'x'.repeat(10_000) },
    });
    for (let n = 0; n < 20; n++) await client.publish(task, raw(JSON.stringify({ message: message(n) })));
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    proxy.fault = { kind: 'hold', afterBytes: 100_000 };
    const args = command === 'mv' ? [newTask(), '-n', '1'] : ['--yes'];
    const running = runCli([command, task, ...args, '--filter', filter, '-u', proxy.url]);
    await until(() => proxy.isHolding);
    // It looks at those that have come.
    await sleep(1_000);
    proxy.fault = { kind: 'none' };
    proxy.reset();
    const { status, stderr } = await running;
    expect({ status, stderr }).toEqual({
      status: 7,
      stderr: expect.stringContaining('connection to the broker was lost'),
    });
    expect(stderr).not.toContain('looked at');
    expect(await numbersIn(task)).toHaveLength(20);
  });

  test('peek prints what matches', async () => {
    const task = await mixedTask(6);
    const { stdout } = await runCli(['peek', task, '-n', '2', '--filter', 'type == "notification"']);
    expect(numbersOf(stdout)).toEqual([1, 3]);
    expect(await numbersIn(task)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('dequeue takes what matches; the rest stays in its order', async () => {
    const task = await mixedTask(6);
    const { status, stdout } = await runCli(['dequeue', task, '--all', '--filter', 'type == "request"']);
    expect(status).toBe(0);
    expect(numbersOf(stdout)).toEqual([0, 2, 4]);
    expect(await numbersIn(task)).toEqual([1, 3, 5]);
  });

  test('dequeue stops at its limit, and answers 6 when nothing matches', async () => {
    const task = await mixedTask(6);
    const { stdout } = await runCli(['dequeue', task, '--filter', 'params.n > 2']);
    expect(numbersOf(stdout)).toEqual([3]);
    const none = await runCli(['dequeue', task, '--filter', 'params.n > 20']);
    expect(none.status).toBe(6);
    expect(none.stderr).toContain(`None of the 5 messages of task "${task}" matches the filter`);
    expect(await numbersIn(task)).toEqual([0, 1, 2, 4, 5]);
  });

  test('an expression that cannot be used changes nothing', async () => {
    const task = await mixedTask(2);
    const { status, stderr } = await runCli(['dequeue', task, '--all', '--filter', 'type = "request"']);
    expect(status).toBe(2);
    expect(stderr).toContain('The filter cannot be used');
    expect(await numbersIn(task)).toEqual([0, 1]);
  });

  test('clear removes what matches or is old, and keeps a queue that is not empty', async () => {
    const task = await mixedTask(6);
    expect(
      (await runCli(['clear', task, '--yes', '--filter', 'type == "request"', '--older-than', '3h'])).status,
    ).toBe(0);
    expect(await numbersIn(task)).toEqual([1, 3, 4, 5]);
  });
});

describe('mv', () => {
  test('moves messages in order, bytes and properties unchanged', async () => {
    const client = openClient();
    const [from, to] = [newTask('from'), newTask('to')];
    const message = {
      body: Buffer.from([0xff, 0x00]),
      properties: { delivery_mode: 2, priority: 3, headers: { a: 1 } },
    };
    await client.publish(from, message);
    await client.publish(from, raw('{"n": 1.0}'));
    const { status, stdout } = await runCli(['mv', from, to, '--all']);
    expect({ status, ...JSON.parse(stdout) }).toEqual({ status: 0, from, to, moved: 2 });
    expect(await client.peek(to, { limit: 9 })).toMatchObject([message, raw('{"n": 1.0}')]);
    expect(await client.depth(from)).toMatchObject({ messages: 0 });
  });

  test('moves what matches, up to a limit', async () => {
    const [from, to] = [await mixedTask(6), newTask('to')];
    expect((await runCli(['mv', from, to, '-n', '2', '--filter', 'type == "request"'])).status).toBe(0);
    expect(await numbersIn(to)).toEqual([0, 2]);
    expect(await numbersIn(from)).toEqual([1, 3, 4, 5]);
  });

  test('keeps in the source what the target does not take', async () => {
    const from = await mixedTask(3);
    const to = newTask('to');
    const connection = await connect(inject('url'));
    await (await connection.createChannel()).assertQueue(`mcp:queue:${to}`, {
      durable: true,
      arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    });
    const { status, stderr } = await runCli(['mv', from, to, '--all']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/error: .*x-max-length/);
    expect(await numbersIn(from)).toEqual([0, 1, 2]);
    await (await connection.createChannel()).deleteQueue(`mcp:queue:${to}`);
    await connection.close();
  });

  test.each([
    [['a', 'a', '--all'], 2],
    [['a', 'b'], 2],
    [['a', 'b', '--all', '-n', '1'], 2],
    [['no-such-task', 'b', '--all'], 5],
  ])('%j ends with %i', async (args, expected) => {
    expect((await runCli(['mv', ...args])).status).toBe(expected);
  });
});

describe('a quorum queue', () => {
  test('is not peeked at without --force, and can be drained', async () => {
    const task = newTask('quorum');
    const connection = await connect(inject('url'));
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(`mcp:queue:${task}`, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum' },
    });
    channel.sendToQueue(`mcp:queue:${task}`, Buffer.from('{"n":1}'), { persistent: true });
    await channel.waitForConfirms();
    const refused = await runCli(['peek', task]);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('quorum') });
    const counted = await runCli(['dequeue', task, '--dry-run']);
    expect(counted).toMatchObject({ status: 0, stdout: '', stderr: expect.stringContaining('quorum') });
    expect((await runCli(['peek', task, '--force'])).status).toBe(0);
    const file = join(await temporaryFolder(), 'drained.jsonl');
    expect((await runCli(['dequeue', task, '--all', '--out', file])).status).toBe(0);
    expect(await readFile(file, 'utf8')).toContain('"body":{"n":1}');
    await channel.deleteQueue(`mcp:queue:${task}`);
    await connection.close();
  });
});

describe('help', () => {
  test.each(['exit-codes', 'output', 'filters'])('explains %s', async (topic) => {
    const { status, stdout } = await runCli(['help', topic]);
    expect(status).toBe(0);
    expect(stdout.split('\n').every((line) => line.length <= 80)).toBe(true);
    expect((await runCli(['help'])).stdout).toMatch(new RegExp(`\\s${topic}\\s`));
  });

  test('of a command comes both ways, with examples before the options', async () => {
    const help = await runCli(['help', 'peek']);
    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect((await runCli(['peek', '--help'])).stdout).toBe(help.stdout);
    expect(help.stdout.indexOf('Examples:')).toBeLessThan(help.stdout.indexOf('Which messages:'));
  });

  test('suggests what was meant', async () => {
    const { status, stderr } = await runCli(['peak', 'x']);
    expect(status).toBe(2);
    expect(stderr).toContain('Did you mean peek?');
    expect((await runCli(['help', 'peak'])).status).toBe(2);
  });

  test('without a command goes to stderr, with status 2', async () => {
    const { status, stdout, stderr } = await runCli([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('Usage: mcp-taskq <command>');
  });
});

test.each(['mv', 'cp'])(
  '%s refuses a destination that would drop messages, and fills one that rejects them',
  async (command) => {
    const { url } = await newVhost();
    const vhost = new URL(url).pathname.slice(1);
    const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: inject('apiUrl') };
    const client = openClient({ url });
    for (let n = 0; n < 5; n++) await client.publish('from', raw(String(n)));
    await client.publish('to', raw('there'));
    const limit = async (definition: object) => {
      const policy = { pattern: '^mcp:queue:to$', definition, 'apply-to': 'queues' };
      await callApi('PUT', `policies/${vhost}/limit`, policy);
      const policyOf = async () =>
        (await describeTaskQueue('to', { url, apiUrl: inject('apiUrl') }))?.effectivePolicy;
      await expect.poll(policyOf).toEqual(definition);
    };
    await limit({ 'max-length': 3 });
    const args = [command, 'from', 'to', '--all'];
    expect((await runCli(args, { env })).stderr).toContain('drops the oldest beyond that (max-length)');
    expect(await client.depth('from')).toMatchObject({ messages: 5 });
    const some = await runCli([command, 'from', 'to', '-n', '2'], { env });
    expect(some.status).toBe(0);
    expect(await client.depth('to')).toMatchObject({ messages: 3 });
    const forced = await runCli([...args, '--force'], { env });
    expect([forced.status, forced.stderr]).toEqual([0, expect.stringContaining('keeps 3 messages')]);
    await limit({ 'max-length': 3, overflow: 'reject-publish' });
    await client.publish('from', raw('last'));
    expect((await runCli([command, 'from', 'to', '-n', '1'], { env })).stderr).toContain('overflow');
  },
);

test.each(['mv', 'cp'])('%s takes a number or all, and says so of both', async (command) => {
  const { status, stderr } = await runCli([command, 'a', 'b', '--all', '-n', '3']);
  expect([status, stderr]).toEqual([2, expect.stringContaining('--all cannot be used with --limit')]);
});
