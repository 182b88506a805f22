import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { expect, inject, onTestFinished, test } from 'vitest';
import type { ClientContext } from '../../src/cli/context.ts';
import { Destination } from '../../src/cli/replay/destination.ts';
import { describeTaskQueue } from '../../src/index.ts';
import { proxyApi } from '../support/api-proxy.ts';
import { runCli, startCli } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { callApi, newVhost } from '../support/vhost.ts';

/*
 * RabbitMQ confirms a message and then drops it, or the oldest one, where a queue is limited. What is moved must not be lost
 * that way, and what is copied must not push out what is there.
 */

const COUNT = 5;
/** 40 bytes. */
const body = (n: number) => `{"n":${n},"text":"${'x'.repeat(40 - 17)}"}`;

async function brokerOfOneTest() {
  const { url } = await newVhost();
  const vhost = new URL(url).pathname.slice(1);
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const client = openClient({ url });
  const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: inject('apiUrl') };
  return {
    client,
    env,
    fill: async (task: string, count = COUNT) => {
      await Promise.all(Array.from({ length: count }, (_, n) => client.publish(task, raw(body(n)))));
    },
    declare: (task: string, args: object) =>
      channel.assertQueue(`mcp:queue:${task}`, { durable: true, arguments: args }),
    limit: (task: string, definition: object, kind = 'policies') =>
      callApi('PUT', `${kind}/${vhost}/${task}`, {
        pattern: `^mcp:queue:${task}$`,
        definition,
        'apply-to': 'queues',
      }),
    /** Resolves when the management API knows the policy of a task's queue. */
    untilKnown: async (task: string, definition: object) => {
      const policyOf = async () =>
        (await describeTaskQueue(task, { url, apiUrl: inject('apiUrl') }))?.effectivePolicy;
      await expect.poll(policyOf).toEqual(definition);
    },
    run: (...args: string[]) => runCli(args, { env }),
    depths: (...tasks: string[]) =>
      Promise.all(tasks.map(async (task) => (await client.depth(task))?.messages)),
  };
}

interface Limited {
  own?: object;
  policy?: object;
  operatorPolicy?: object;
  says: string;
}

const LIMITED: Record<string, Limited> = {
  bytes: { policy: { 'max-length-bytes': 100 }, says: '(max-length-bytes), and it has 40 B' },
  'bytes-operator': { operatorPolicy: { 'max-length-bytes': 100 }, says: '(max-length-bytes)' },
  'bytes-argument': { own: { 'x-max-length-bytes': 100 }, says: '(max-length-bytes)' },
  'bytes-drop-head': {
    policy: { 'max-length-bytes': 100, overflow: 'drop-head' },
    says: '(max-length-bytes)',
  },
  'length-argument': { own: { 'x-max-length': 3 }, says: '(max-length), and it has 1 message' },
  'length-operator': {
    policy: { 'max-length': 300 },
    operatorPolicy: { 'max-length': 3 },
    says: 'keeps 3 messages',
  },
  // A quorum queue does not know this overflow, and drops.
  'quorum-dlx': {
    own: { 'x-queue-type': 'quorum' },
    policy: { 'max-length': 3, overflow: 'reject-publish-dlx' },
    says: '(max-length)',
  },
  ttl: { policy: { 'message-ttl': 0 }, says: '(message-ttl)\nhint: Raise or remove message-ttl;' },
  'ttl-argument': { own: { 'x-message-ttl': 0 }, says: '(message-ttl)' },
};

test('mv and cp refuse a destination of which it is known that it would drop messages', async () => {
  const { client, fill, declare, limit, untilKnown, run, depths } = await brokerOfOneTest();
  await fill('from');
  for (const [task, { own = {}, policy, operatorPolicy }] of Object.entries(LIMITED)) {
    await declare(task, own);
    if (policy) await limit(task, policy);
    if (operatorPolicy) await limit(task, operatorPolicy, 'operator-policies');
    await client.publish(task, raw(body(9)), { create: false });
  }
  for (const [task, { policy, operatorPolicy }] of Object.entries(LIMITED))
    await untilKnown(task, { ...policy, ...operatorPolicy });
  for (const [task, { says }] of Object.entries(LIMITED)) {
    const before = await depths(task);
    const refuse = async (command: string, ...options: string[]) => {
      const { status, stdout, stderr } = await run(command, 'from', task, '--all', '--no-create', ...options);
      expect({ command, task, status, stdout, stderr }).toEqual({
        command,
        task,
        status: 1,
        stdout: '',
        stderr: expect.stringContaining(says),
      });
    };
    // One after the other: what mv holds meanwhile, cp does not find.
    await refuse('mv');
    await refuse('cp');
    await refuse('mv', '--dry-run');
    await refuse('cp', '--dry-run');
    expect(await depths('from', task)).toEqual([COUNT, ...before]);
  }
});

test('mv refuses a destination that would drop messages also where the management API takes more than a second', async () => {
  const { client, env, fill, limit, untilKnown, depths } = await brokerOfOneTest();
  await fill('from');
  const policy = { 'max-length': 3 };
  await limit('to', policy);
  await client.publish('to', raw(body(9)));
  await untilKnown('to', policy);
  const proxy = await FaultProxy.inFrontOf(inject('apiUrl'));
  proxy.fault = { kind: 'late', after: '/api/queues/', ms: 1_500 };
  const late = { ...env, MCP_TASKQ_API_URL: proxy.url.replace('amqp:', 'http:') };
  const { status, stderr } = await runCli(['mv', 'from', 'to', '--all'], { env: late });
  expect([status, stderr]).toEqual([1, expect.stringContaining('keeps 3 messages')]);
  expect(await depths('from', 'to')).toEqual([COUNT, 1]);
});

test('the size of what has just come to a destination is awaited where a limit depends on it', async () => {
  const { client, fill, limit, untilKnown, run, depths } = await brokerOfOneTest();
  await fill('from');
  const policy = { 'max-length-bytes': 3 * 40 + 10 };
  await limit('to', policy);
  await client.publish('to', raw(body(8)));
  await untilKnown('to', policy);
  await client.publish('to', raw(body(9)));
  expect(await run('cp', 'from', 'to', '-n', '1')).toMatchObject({ status: 0 });
  expect(await depths('from', 'to')).toEqual([COUNT, 3]);
});

test.each([
  ['not known yet', {}],
  [
    'older than their number',
    { message_bytes: 40, messages_persistent: 1, backing_queue_status: { len: 1 } },
  ],
  ['older than their number (4.3)', { message_bytes: 40, messages_persistent: 1 }],
])('the size of the messages in a destination is awaited where it is %s', async (_, sizes) => {
  const { client, env, fill, limit, untilKnown, depths } = await brokerOfOneTest();
  await fill('from');
  const policy = { 'max-length-bytes': 3 * 40 + 10 };
  await limit('to', policy);
  for (const n of [8, 9]) await client.publish('to', raw(body(n)));
  await untilKnown('to', policy);
  let looks = 0;
  const api = await proxyApi({
    answer: ({ url = '', headers }, response) => {
      if (!/[/]queues[/][^?]+$/.test(url) || ++looks > 2) return false;
      // As RabbitMQ answers between collecting the one and the other.
      fetch(inject('apiUrl') + url, { headers: { authorization: String(headers.authorization) } })
        .then((answered) => answered.json() as Promise<Record<string, unknown>>)
        .then(({ message_bytes, messages_persistent, backing_queue_status, ...found }) =>
          response.end(JSON.stringify({ ...found, messages_ready: 2, ...sizes })),
        );
      return true;
    },
  });
  const behind = { ...env, MCP_TASKQ_API_URL: api };
  const { status, stderr } = await runCli(['cp', 'from', 'to', '-n', '2'], { env: behind });
  expect([status, stderr]).toEqual([3, expect.stringContaining('it has 120 B. 1 message is in task to')]);
  expect(looks).toBeGreaterThan(2);
  expect(await depths('from', 'to')).toEqual([COUNT, 3]);
});

test.each([
  ['max-length', { 'max-length': 3 }],
  ['max-length-bytes', { 'max-length-bytes': 3 * 40 + 10 }],
])('mv and cp with a filter fill a destination up to its %s (3)', async (name, definition) => {
  const { client, fill, limit, untilKnown, run, depths } = await brokerOfOneTest();
  await fill('from');
  for (const task of ['moved', 'copied']) {
    await limit(task, definition);
    await client.publish(task, raw(body(9)));
  }
  for (const task of ['moved', 'copied']) await untilKnown(task, definition);
  const all = ['--all', '--filter', 'body.n >= 0'];
  const copy = await run('cp', 'from', 'copied', ...all);
  expect([copy.status, copy.stderr]).toEqual([3, expect.stringContaining(`(${name})`)]);
  expect(copy.stderr).toContain('2 messages are in task copied; all are still in task from');
  expect(await depths('from', 'copied')).toEqual([COUNT, 3]);
  const move = await run('mv', 'from', 'moved', ...all);
  expect([move.status, move.stderr]).toEqual([3, expect.stringContaining(`(${name})`)]);
  expect(move.stderr).toContain('2 messages were moved from task from to task moved');
  expect(await depths('from', 'moved')).toEqual([COUNT - 2, 3]);
  const [oldest] = await client.peek('moved');
  expect(oldest?.body.toString()).toBe(body(9));
});

// At once, as each waits for statistics of the broker most of the time.
test('what a policy of a new queue has dropped is still in the source (3)', async () => {
  const definitions = [{ 'max-length': 2 }, { 'max-length-bytes': 100 }, { 'message-ttl': 0 }];
  await Promise.all(definitions.map(findDroppedInSource));
});

async function findDroppedInSource(definition: object) {
  const { fill, limit, run, depths } = await brokerOfOneTest();
  await fill('from');
  await limit('moved', definition);
  await limit('copied', definition);
  const { status, stdout, stderr } = await run('mv', 'from', 'moved', '--all');
  expect([status, stdout]).toEqual([3, '']);
  const [from = 0, moved = 0] = await depths('from', 'moved');
  // The first batch may be smaller, and fit.
  const [, fitted = 0] = /(\d) messages? (?:was|were) moved/.exec(stderr) ?? [];
  expect(from).toBe(COUNT - Number(fitted));
  const [, both = 0] = /(\d) messages? may be in both tasks/.exec(stderr) ?? [];
  expect(stderr).toMatch(
    new RegExp(
      `${Number(fitted) + Number(both) - moved} messages? (is|are) not in task "moved" any more: dropped by a policy`,
    ),
  );
  const copy = await run('cp', 'from', 'copied', '--all');
  expect([copy.status, copy.stderr]).toEqual([3, expect.stringContaining('dropped by a policy')]);
  // The next command knows.
  expect((await run('mv', 'from', 'moved', '--all')).status).toBe(1);
  expect(await depths('from', 'moved')).toEqual([from, moved]);
}

test('what a policy has dropped is still in the source where nobody can say what policies there are (3)', async () => {
  const { client, env, fill, limit, depths } = await brokerOfOneTest();
  await fill('from');
  await limit('to', { 'max-length': 2 });
  await client.publish('to', raw(body(9)));
  const unreachable = { ...env, MCP_TASKQ_API_URL: 'http://127.0.0.1:1' };
  const { status, stderr } = await runCli(['mv', 'from', 'to', '--all'], { env: unreachable });
  // A busy broker may deliver one or two batches; only the one that does not fit is missing.
  const [, moved = 0] = /(\d) messages? (?:was|were) moved/.exec(stderr) ?? [];
  const [, missing] = /(\d) messages? (?:is|are) not in task "to" any more/.exec(stderr) ?? [];
  const [, both = 0] = /(\d) messages? may be in both tasks/.exec(stderr) ?? [];
  expect([status, Number(missing)]).toEqual([3, 1 + Number(moved) + Number(both) - 2]);
  expect(await depths('from', 'to')).toEqual([COUNT - Number(moved), 2]);
});

test('what cannot be counted at the destination is taken for dropped', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const client = openClient({ url: proxy.url, reconnectTimeoutMs: 300 });
  const task = newTask();
  await client.publish(task, raw(body(1)));
  const context = { client, note: () => {} } as unknown as ClientContext;
  const destinations = [false, true].map((isForced) => Destination.open(context, task, { isForced }));
  const [strict, forced] = await Promise.all(destinations);
  proxy.fault = { kind: 'gone' };
  proxy.reset();
  const added = [{ body: Buffer.from(body(2)) }];
  expect(await strict?.verify(added)).toMatchObject({
    exitCode: 3,
    message: expect.stringContaining(`The messages added to task "${task}" cannot be counted: Cannot `),
  });
  expect(await forced?.verify(added)).toBeUndefined();
});

test.each(['policies', 'operator-policies'])(
  'a limit of %s that is set while messages are moved is known at once',
  async (kind) => {
    const { client, env, fill, limit, untilKnown, depths } = await brokerOfOneTest();
    const settings = {
      connection: { url: env.MCP_TASKQ_URL },
      apiUrl: env.MCP_TASKQ_API_URL,
      urlSource: '--url',
    };
    await client.publish('to', raw(body(9)));
    await untilKnown('to', {});
    const context = { client, settings, note: () => {}, stop: { signal: new AbortController().signal } };
    const destination = await Destination.open(context as unknown as ClientContext, 'to', {
      isForced: false,
    });
    await destination.requireRoom(COUNT);
    const added = Array.from({ length: COUNT }, (_, n) => ({ body: Buffer.from(body(n)) }));
    await fill('to');
    expect(await destination.verify(added)).toBeUndefined();
    await limit('to', { 'max-length': 2 }, kind);
    await expect.poll(() => depths('to')).toEqual([2]);
    await fill('to');
    expect(await destination.verify(added)).toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('9 messages are not in task "to" any more: dropped by a policy'),
    });
  },
);

test('--force adds the messages anyway, and says how many are missing', async () => {
  const { client, fill, limit, untilKnown, run, depths } = await brokerOfOneTest();
  await fill('from');
  const definition = { 'max-length-bytes': 100 };
  await limit('to', definition);
  await client.publish('to', raw(body(9)));
  await untilKnown('to', definition);
  for (const [command, missing] of [
    ['cp', 4],
    ['mv', 5],
  ] as const) {
    const { status, stderr } = await run(command, 'from', 'to', '--all', '--force');
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(new RegExp(`max-length-bytes.*${missing} messages are not in task "to"`, 's')),
    ]);
  }
  expect(await depths('from', 'to')).toEqual([0, 2]);
});

test('enqueue --from notes how many messages are missing afterwards', async () => {
  const { client, env, limit, depths } = await brokerOfOneTest();
  await limit('to', { 'max-length-bytes': 100 });
  await client.publish('to', raw(body(9)));
  const input = Array.from({ length: COUNT }, (_, n) => `{"jsonrpc":"2.0","method":"m","id":${n}}\n`).join(
    '',
  );
  const { status, stdout, stderr } = await runCli(['enqueue', 'to', '--from', '-'], { env, input });
  expect([status, JSON.parse(stdout).enqueued]).toEqual([0, COUNT]);
  const [there = 0] = await depths('to');
  expect(stderr).toContain(
    `${1 + COUNT - there} messages are not in task "to" any more: dropped by a policy`,
  );
});

test('it blames no policy for what a reader has taken meanwhile', async () => {
  const { client, env, declare, depths } = await brokerOfOneTest();
  await declare('to', {});
  const input = Array.from({ length: 3 }, (_, n) => `{"jsonrpc":"2.0","method":"m","id":${n}}\n`).join('');
  const enqueuing = runCli(['enqueue', 'to', '--from', '-', '--rate', '1'], { env, input });
  await expect.poll(() => depths('to')).toEqual([1]);
  await client.take('to', () => {});
  const { status, stderr } = await enqueuing;
  expect(status).toBe(0);
  expect(stderr).toMatch(/1 message is not in task "to" any more: a reader has taken them/);
});

test('it notes them also when a limit ends it which was set meanwhile and dropped what was there', async () => {
  const { client, env, limit, fill, depths } = await brokerOfOneTest();
  await fill('to', 10);
  // Its first message is added, and its second one is late enough for the limit.
  const input = Array.from({ length: 3 }, (_, n) => `{"jsonrpc":"2.0","method":"m","id":${n}}\n`).join('');
  const enqueuing = runCli(['enqueue', 'to', '--from', '-', '--rate', '0.3'], { env, input });
  await expect.poll(() => depths('to')).toEqual([11]);
  await limit('to', { 'max-length': 4, overflow: 'reject-publish' });
  await expect.poll(() => depths('to')).toEqual([4]);
  const { status, stderr } = await enqueuing;
  expect(status).toBe(3);
  expect(stderr).toMatch(
    /^7 messages are not in task "to" any more: .* or a policy set meanwhile has dropped them/m,
  );
  expect(stderr).toContain('1 of 3 messages added to task to');
  expect((await client.depth('to'))?.messages).toBe(4);
});

test('a reader of the destination is not mistaken for a policy: each message is moved once', async () => {
  const { client, env, fill, declare, depths } = await brokerOfOneTest();
  const count = 1_000;
  await fill('from', count);
  await declare('to', {});
  const moving = startCli(['mv', 'from', 'to', '--all'], { env });
  const ended = new Promise((resolve) => moving.once('close', resolve));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  let read = 0;
  while (!isOver) {
    if (await client.dequeue('to')) read++;
    else await sleep(10);
  }
  expect(await ended).toBe(0);
  const [from, to = 0] = await depths('from', 'to');
  expect(read).toBeGreaterThan(0);
  expect({ from, moved: to + read }).toEqual({ from: 0, moved: count });
});
