import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { describeTaskQueue } from '../../src/index.ts';
import { findFreePort } from '../../src/local-broker/free-ports.ts';
import { startPrivateBroker } from '../support/broker.ts';
import { runCli, startCli } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost, vhostWithUser } from '../support/vhost.ts';

/** What a person sees first. */
async function firstWords(args: readonly string[], env = {}) {
  const { status, stdout, stderr } = await runCli(args, { env });
  const line = stderr.split('\n').find((each) => !each.startsWith('warning:')) ?? '';
  return { status, stdout, line, stderr };
}

/** Accepts, and never says anything by itself. */
async function silentServer(onConnection: (socket: Socket) => void = () => {}): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

test('ls and check do not wait a minute for a broker that says nothing, or stops in the middle of its answer', async () => {
  const start = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{';
  const refusalOf = async (command: string, answer: string) => {
    let connectedAt = Number.POSITIVE_INFINITY;
    const place = await silentServer((socket) => {
      connectedAt = Math.min(connectedAt, performance.now());
      socket.once('data', () => socket.write(answer));
    });
    const { status, line } = await firstWords([
      command,
      '-u',
      `amqp://${place}`,
      '--api-url',
      `http://${place}`,
    ]);
    expect(line).toContain(`http://${place} did not answer within 10s`);
    expect(performance.now() - connectedAt).toBeLessThan(30_000);
    return status;
  };
  // At once, as each waits for ten seconds.
  const statuses = ['', start].flatMap((answer) => [refusalOf('ls', answer), refusalOf('check', answer)]);
  expect(await Promise.all(statuses)).toEqual([7, 3, 7, 3]);
});

test('a broker that goes away while a dequeue waits is not a task without messages', async () => {
  const loseBroker = async (kind: 'stall' | 'gone', more: string[]) => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    const child = startCli(['dequeue', task, '--wait', '10s', '-u', proxy.url, ...more]);
    const stderr: Buffer[] = [];
    child.stderr.on('data', (chunk) => stderr.push(chunk));
    const ended = once(child, 'close');
    // The first connection drains, the second one waits.
    await until(() => proxy.accepted > 1 && proxy.received > 1_000);
    proxy.fault = { kind };
    if (kind === 'gone') proxy.reset();
    await openQueue().enqueue(task, numbered(1));
    const [status] = await ended;
    const words = Buffer.concat(stderr).toString();
    expect({ status, words }, `${kind} ${more}`).toEqual({
      status: 7,
      words: expect.stringMatching(/^(?:warning: .*\n)?error: .*\n/),
    });
    expect(words).not.toMatch(/no messages waiting|Removed 0/);
    proxy.fault = { kind: 'none' };
  };
  // At once, as each waits for seconds.
  const ways = [[], ['--all'], ['-n', '3']];
  await Promise.all(ways.flatMap((more) => [loseBroker('stall', more), loseBroker('gone', more)]));
});

describe('--timeout and a signal end the process, whatever does not answer', () => {
  /** Less than the deadlines of the library, from the connection or the fault on. */
  const SOON_MS = 9_500;

  test.each([
    ['ls', (at: string) => ['--api-url', `http://${at}`]],
    ['ls', (at: string) => ['--api-url', `https://${at}`]],
    ['prune', (at: string) => ['--yes', '-u', `amqp://${at}`, '--api-url', inject('apiUrl')]],
    ['prune', (at: string) => ['--yes', '--api-url', `http://${at}`]],
    ['peek', (at: string) => ['x', '-u', `amqp://${at}`]],
    ['dequeue', (at: string) => ['x', '--all', '--wait', '1m', '-u', `amqp://${at}`]],
    ['clear', (at: string) => ['x', '--yes', '-u', `amqp://${at}`]],
    ['watch', (at: string) => ['x', '-u', `amqp://${at}`]],
  ])('%s', async (command, where) => {
    let connectedAt = Number.POSITIVE_INFINITY;
    const at = await silentServer(() => {
      connectedAt = Math.min(connectedAt, performance.now());
    });
    const args = [command, ...where(at), '--timeout', '1s'];
    expect((await runCli(args, { ownProcess: true })).status).toBe(124);
    expect(performance.now() - connectedAt).toBeLessThan(SOON_MS);
  });

  test('a broker that stops in the middle', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const child = startCli(['dequeue', newTask(), '--wait', '1m', '--timeout', '4s', '-u', proxy.url]);
    const ended = once(child, 'close');
    await until(() => child.exitCode !== null || proxy.received > 1_000);
    proxy.fault = { kind: 'stall' };
    const stalledAt = performance.now();
    expect((await ended)[0]).toBe(124);
    expect(performance.now() - stalledAt).toBeLessThan(SOON_MS);
  });

  test.each([
    [
      'enqueue',
      (task: string) => ['enqueue', task, '--method', 'held/back'],
      /may be in task .*; peek before/,
    ],
    [
      'enqueue --from',
      (task: string) => ['enqueue', task, '--from', '-'],
      /up to [12] more may have been added.*To resume: /s,
    ],
    ['cp', (task: string) => ['cp', task, newTask(), '--all'], /up to [12] more may have been copied/],
  ])('%s says what a broker that does not confirm may have stored', async (command, words, doubt) => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    const messages = ['held/back', 'held/back'].map((method) => JSON.stringify({ jsonrpc: '2.0', method }));
    if (command === 'cp') for (const body of messages) await openClient().publish(task, raw(body));
    proxy.fault = { kind: 'hold', answerTo: 'held/back' };
    const args = [...words(task), '-u', proxy.url, '--timeout', '2s'];
    const { status, stderr } = await runCli(args, { ownProcess: true, input: messages.join('\n') });
    expect({ status, stderr }).toEqual({ status: 124, stderr: expect.stringMatching(doubt) });
    expect(stderr).toContain('did not end within 2s (--timeout)');
  });

  test('Ctrl-C while the API says nothing', async () => {
    let isConnected = false;
    const at = await silentServer(() => {
      isConnected = true;
    });
    const child = startCli(['ls', '--api-url', `http://${at}`]);
    const ended = once(child, 'close');
    await until(() => isConnected);
    child.kill('SIGINT');
    const interruptedAt = performance.now();
    expect((await ended)[0]).toBe(130);
    expect(performance.now() - interruptedAt).toBeLessThan(SOON_MS);
  });
});

const ALL = { configure: '.*', write: '.*', read: '.*' };

describe('what the broker refuses', () => {
  const limited = async (what: string) => {
    const { url } = await newVhost();
    await callApi('PUT', `vhost-limits/${new URL(url).pathname.slice(1)}/${what}`, { value: 0 });
    return url;
  };
  const message = '{"jsonrpc":"2.0","method":"x"}';

  test('the limit of connections', async () => {
    const url = await limited('max-connections');
    const words = {
      status: 1,
      line: expect.stringContaining('the vhost has reached its limit of 0 connections'),
    };
    expect(await firstWords(['peek', 'x', '-u', url])).toMatchObject(words);
    expect(await firstWords(['enqueue', 'x', message, '-u', url])).toMatchObject(words);
  });

  test('the limit of connections of a user, which leaves room for reading only', async () => {
    const { url, user, userUrl } = await vhostWithUser(ALL);
    await openClient({ url }).publish('x', raw('{}'));
    const mv = ['mv', 'x', 'y', '--all', '-u', userUrl];
    for (const [limit, words] of [
      ['max-channels', 'the user has reached its limit of 1 channel'],
      ['max-connections', 'the user has reached its limit of 1 connection'],
    ] as const) {
      await callApi('PUT', `user-limits/${user}/${limit}`, { value: 1 });
      const begun = performance.now();
      expect(await runCli(mv)).toMatchObject({ status: 1, stderr: expect.stringContaining(words) });
      expect(performance.now() - begun).toBeLessThan(15_000);
      await callApi('DELETE', `user-limits/${user}/${limit}`);
    }
    expect(await openClient({ url }).depth('x')).toMatchObject({ messages: 1 });
  });

  test('a channel for events, which is met before messages are on their way', async () => {
    const { url, user, userUrl } = await vhostWithUser(ALL);
    await callApi('PUT', `user-limits/${user}/max-channels`, { value: 2 });
    const input = `${message}\n`.repeat(1_200);
    const env = { MCP_TASKQ_URL: userUrl };
    const { status, stderr } = await runCli(['enqueue', 'x', '--from', '-'], { env, input });
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(/^warning: .* limit of 2 channels\. Events are off\.\n$/),
    });
    expect(await openClient({ url }).depth('x')).toMatchObject({ messages: 1_200 });
  });

  test('a further connection, which clear and dequeue can do without', async () => {
    const { url, user, userUrl } = await vhostWithUser(ALL);
    await callApi('PUT', `user-limits/${user}/max-connections`, { value: 1 });
    for (const [command, ...options] of [['clear', '--yes'], ['dequeue'], ['dequeue', '--wait', '1s']]) {
      await openClient({ url }).publish('x', raw('{}'));
      const { status, stderr } = await runCli([command as string, 'x', ...options], {
        env: { MCP_TASKQ_URL: userUrl },
      });
      expect({ status, stderr }, command).toEqual({
        status: 0,
        stderr: expect.stringMatching(
          /^(warning: .* limit of 1 connection\. (Events are off|Waits poll instead)\.\n)+$/,
        ),
      });
      const depth = await openClient({ url }).depth('x');
      expect(depth).toEqual(command === 'clear' ? undefined : { messages: 0, consumers: 0 });
    }
  });

  test('the limits of connections and channels, where describe still knows what the API says', async () => {
    const { url } = await newVhost();
    await openClient({ url }).publish('x', raw('{}'));
    const vhost = new URL(url).pathname.slice(1);
    const env = { MCP_TASKQ_API_URL: inject('apiUrl') };
    const describeTask = (more = '') => runCli(['describe', 'x', '--json', '-u', `${url}${more}`], { env });
    // Without a connection, it is all there is.
    await until(async () => (await describeTaskQueue('x', { url, apiUrl: inject('apiUrl') }))?.ready === 1);
    expect(await describeTask('?channel_max=1')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/"ready":1,.*"type":"classic"/),
      stderr: expect.stringContaining(
        'The messages were not looked at. Cannot peek at task "x": the connection',
      ),
    });
    await callApi('PUT', `vhost-limits/${vhost}/max-connections`, { value: 0 });
    expect(await describeTask()).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/"ready":1,.*"type":"classic"/),
      stderr: expect.stringContaining('The numbers come from the statistics, up to 10 s old. Cannot connect'),
    });
  });

  test('the number of channels that the URL allows', async () => {
    const { url } = await newVhost();
    await openClient({ url }).publish('x', raw('{}'));
    const { status, line } = await firstWords(['peek', 'x', '-u', `${url}?channel_max=1`]);
    expect([status, line]).toEqual([1, expect.stringContaining('no further channel (channel_max)')]);
  });

  test('the limit of queues', async () => {
    const url = await limited('max-queues');
    const { status, stderr } = await runCli(['enqueue', 'x', message, '-u', url]);
    expect(status).toBe(1);
    expect(stderr).toContain('the vhost has reached its limit of 0 queues');
    expect(stderr).not.toContain('quorum');
    expect((await firstWords(['peek', 'x', '-u', url])).status).toBe(5);
  });

  test.each(['peek', 'dequeue'])('%s beside an exclusive consumer', async (command) => {
    const { url } = await newVhost();
    await openClient({ url }).publish('x', raw('{}'));
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    const channel = await connection.createChannel();
    await channel.prefetch(1);
    await openClient({ url }).publish('x', raw('{}'));
    await channel.consume('mcp:queue:x', () => {}, { exclusive: true });
    const { status, stderr } = await runCli([command, 'x', '-u', url]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('another consumer reads the queue exclusively'),
    });
    expect(stderr).not.toContain('permission');
  });

  test.each([
    ['a stream', { 'x-queue-type': 'stream' }, 'is a stream'],
    ['a quorum queue', { 'x-queue-type': 'quorum' }, 'is a quorum queue'],
    ['a limited queue', { 'x-max-length': 5 }, 'is limited by x-max-length'],
    ['a single active consumer', { 'x-single-active-consumer': true }, 'has a single active consumer'],
    ['a lazy queue', { 'x-queue-mode': 'lazy' }, undefined],
    ['a priority queue', { 'x-max-priority': 5 }, undefined],
  ])('peek at %s answers at once', async (_, args, words) => {
    const { url } = await newVhost();
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('mcp:queue:x', { durable: true, arguments: args });
    channel.sendToQueue('mcp:queue:x', Buffer.from('{"a":1}'));
    await channel.waitForConfirms();
    if ('x-single-active-consumer' in args) {
      await channel.prefetch(1);
      channel.sendToQueue('mcp:queue:x', Buffer.from('{"a":2}'));
      await channel.waitForConfirms();
      await channel.consume('mcp:queue:x', () => {});
    }
    const begun = performance.now();
    const { status, stdout, stderr } = await runCli(['peek', 'x', '-u', url]);
    expect(performance.now() - begun).toBeLessThan(9_500);
    if (words === undefined)
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('"a":1') });
    else expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(words) });
  });

  test('a URL whose password was not encoded shows no part of it', async () => {
    const secret = `4711/secret-${randomUUID()}`;
    const env = { MCP_TASKQ_URL: `amqp://guest:${secret}@127.0.0.1` };
    for (const args of [
      ['peek', 'x'],
      ['ls'],
      ['peek', 'x', '--verbose'],
      ['ls', '--api-url', `http://u:${secret}@h`],
    ]) {
      const { status, stdout, stderr } = await runCli(args, { env });
      expect(status).toBe(2);
      expect(stdout + stderr).not.toMatch(/4711|secret-/);
      expect(stderr).toContain('--password-file');
    }
  });
});

test('queues without an idle time are counted, and not passed over', async () => {
  const { url } = await newVhost();
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  // Queues that have never had a message, of which late statistics would still know.
  for (let index = 0; index < 3; index++) await channel.assertQueue(`mcp:queue:t${index}`, { durable: true });
  const leftOutOf = ({ stderr }: { stderr: string }) =>
    Number(/(\d+) queues? left out: RabbitMQ has no idle time/.exec(stderr)?.[1] ?? 0);
  const linesOf = ({ stdout }: { stdout: string }) => stdout.split('\n').filter((line) => line !== '').length;
  // The statistics come at any moment: each queue is in the list, or among those left out.
  const listed = await runCli(['ls', '--names', '--idle', '1ms', '-u', url]);
  expect({ status: listed.status, sum: linesOf(listed) + leftOutOf(listed) }).toEqual({
    status: 0,
    sum: 3,
  });
  const pruned = await runCli(['prune', '--yes', '--idle', '0s', '-u', url]);
  expect({ status: pruned.status, sum: linesOf(pruned) + leftOutOf(pruned) }).toEqual({
    status: 0,
    sum: 3,
  });
});

test('a backend for users that fails is not called a missing permission', async ({ skip }) => {
  const server = createHttpServer((request, response) => {
    response.statusCode = request.url?.startsWith('/resource') ? 500 : 200;
    response.end(response.statusCode === 200 ? 'allow' : 'out of order');
  });
  onTestFinished(() => void server.close());
  const port = await findFreePort();
  server.listen(port, '127.0.0.1');
  const paths = ['user', 'vhost', 'resource', 'topic'].map(
    (kind) => `auth_http.${kind}_path = http://127.0.0.1:${port}/${kind}`,
  );
  const broker = await startPrivateBroker({
    plugins: ['rabbitmq_auth_backend_http'],
    config: ['auth_backends.1 = internal', 'auth_backends.2 = http', ...paths],
  });
  skip(
    broker.version.startsWith('4'),
    'Erlang sends no HTTP request without the CA certificates of the system',
  );
  const url = broker.url.replace('//', '//web:pw@');
  for (const command of [['status'], ['enqueue', newTask(), '--type', 'notification', '--method', 'm']]) {
    const { status, line, stderr } = await firstWords([...command, '-u', url]);
    expect({ command, status }).toEqual({ command, status: 4 });
    expect(line).toContain('rabbit_auth_backend_http refuses the user "web": {500,');
    expect(stderr).not.toMatch(/lacks|set_permissions| {3}/);
  }
});
