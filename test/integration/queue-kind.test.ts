import { connect } from 'amqplib';
import { expect, inject, onTestFinished, test } from 'vitest';
import { openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

const ROWS: [name: string, declaration: object, expected: object][] = [
  ['plain', {}, { kind: 'classic', ownArguments: [] }],
  ['named classic', { arguments: { 'x-queue-type': 'classic' } }, { kind: 'classic', ownArguments: [] }],
  ['quorum', { arguments: { 'x-queue-type': 'quorum' } }, { kind: 'quorum', ownArguments: [] }],
  ['stream', { arguments: { 'x-queue-type': 'stream' } }, { kind: 'stream', ownArguments: [] }],
  [
    'single active consumer',
    { arguments: { 'x-single-active-consumer': true } },
    { kind: 'classic', ownArguments: ['x-single-active-consumer'] },
  ],
  ['lazy', { arguments: { 'x-queue-mode': 'lazy' } }, { kind: 'classic', ownArguments: ['x-queue-mode'] }],
  ['priority', { arguments: { 'x-max-priority': 9 } }, { kind: 'classic', ownArguments: ['x-max-priority'] }],
  ['auto-delete', { autoDelete: true }, { kind: 'classic', ownArguments: ['auto_delete'] }],
  [
    'transient, auto-delete and lazy',
    { durable: false, autoDelete: true, arguments: { 'x-queue-mode': 'lazy' } },
    { kind: 'classic', ownArguments: ['x-queue-mode', 'durable', 'auto_delete'] },
  ],
  [
    'limited',
    {
      arguments: {
        'x-max-length': 100_000,
        'x-expires': 2 ** 31 - 1,
        'x-message-ttl': 60_000,
        'x-overflow': 'reject-publish',
        'x-dead-letter-exchange': "it's one",
      },
    },
    {
      kind: 'classic',
      ownArguments: expect.toSatisfy((names) => names.length === 5 && names.includes('x-overflow')),
    },
  ],
  [
    'quorum with a limit',
    { arguments: { 'x-queue-type': 'quorum', 'x-max-length': 10, 'x-single-active-consumer': true } },
    { kind: 'quorum', ownArguments: expect.arrayContaining(['x-max-length', 'x-single-active-consumer']) },
  ],
];

/** Room enough for the broker to say the type, and none: its answers are at most 255 bytes long. */
test.each(['t', 'long-'.padEnd(240, 'x')])(
  'the kind of a queue is found, with the task id %s',
  async (taskId) => {
    const { url, queueNames } = await newVhost();
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    const channel = await connection.createChannel();
    const queue = `mcp:queue:${taskId}`.slice(0, 255);
    const isLong = taskId.length > 200;
    for (const [name, declaration, expected] of ROWS) {
      await channel.assertQueue(queue, { durable: true, ...declaration });
      const client = openClient({ url });
      const isPlain = name === 'plain' || name === 'named classic';
      const kind = await client.queueKind(taskId);
      if (isLong) expect(kind?.kind === 'classic' || kind?.kind === 'other', name).toBe(true);
      else expect(kind, name).toEqual({ ...expected, isPlain });
      await client.close();
      await channel.deleteQueue(queue);
    }
    const client = openClient({ url });
    expect(await client.queueKind(taskId)).toBeUndefined();
    expect(await queueNames()).toEqual([]);
  },
);

test('a plain queue is plain wherever its name lets the answer of the broker be cut off', async () => {
  const { url } = await newVhost();
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  const client = openClient({ url });
  const taskIds = Array.from({ length: 160 }, (_, index) => ''.padEnd(1 + index, 'x'));
  for (const taskId of taskIds) {
    await channel.assertQueue(`mcp:queue:${taskId}`, { durable: true });
    const kind = await client.queueKind(taskId);
    expect(kind, `${taskId.length}`).toEqual({ kind: 'classic', isPlain: true, ownArguments: [] });
    await channel.deleteQueue(`mcp:queue:${taskId}`);
  }
});

test('a queue that is exclusive to another connection is reported as locked', async () => {
  const connection = await connect(inject('url'));
  onTestFinished(() => connection.close());
  const taskId = `exclusive-${process.pid}`;
  await (await connection.createChannel()).assertQueue(`mcp:queue:${taskId}`, { exclusive: true });
  await expect(openClient().queueKind(taskId)).rejects.toMatchObject({ code: 'QUEUE_LOCKED' });
});

test('reading while others create and delete the queue does not create it', async () => {
  const { url } = await newVhost();
  const connection = await connect(url, { noDelay: true });
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  const queue = 'mcp:queue:flicker';
  let isOver = false;
  let made = 0;
  const owner = (async () => {
    while (!isOver) {
      // Mine, or there was one that somebody else has made after the deletion.
      await channel.assertQueue(queue, { durable: true });
      await new Promise(setImmediate);
      await channel.deleteQueue(queue);
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      try {
        const probe = await connection.createChannel();
        probe.on('error', () => {});
        await probe.checkQueue(queue);
        made++;
        await probe.close();
      } catch {
        // As it should be.
      }
    }
  })();
  const seconds = inject('isLong') ? 60 : 2;
  const endAt = Date.now() + seconds * 1_000;
  const readers = Array.from({ length: 4 }, async () => {
    // At least four, however slow the machine is.
    for (let rounds = 0; rounds < 4 || Date.now() < endAt; rounds++) {
      const client = openClient({ url });
      await client.queueKind('flicker');
      await client.depth('flicker');
      await client.peek('flicker');
      await client.take('flicker', () => {});
      await client.drain('flicker', () => {}, { allOrNone: true });
      await client.close();
    }
  });
  await Promise.all(readers).finally(() => {
    isOver = true;
    return owner;
  });
  expect(made).toBe(0);
});

test.each(['clear', 'deleteIfUnused'] as const)('%s leaves a stream as it is', async (method) => {
  const { url, queueNames } = await newVhost();
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('mcp:queue:t', { durable: true, arguments: { 'x-queue-type': 'stream' } });
  channel.sendToQueue('mcp:queue:t', Buffer.from('x'));
  await channel.waitForConfirms();
  const client = openClient({ url });
  if (method === 'clear') expect(await client.clear('t')).toBe(0);
  else expect(await client.deleteIfUnused('t')).toBe(false);
  // Others go on.
  await client.publish('other', raw('x'));
  expect(await client.clear('other')).toBe(1);
  expect(await queueNames()).toEqual(['mcp:queue:t']);
});

test.each([
  ['a stream', { 'x-queue-type': 'stream' }, 'UNSUPPORTED', 'is a stream'],
  [
    'a single active consumer',
    { 'x-single-active-consumer': true },
    'QUEUE_LOCKED',
    'has another single active consumer',
  ],
])('reading a queue with %s fails soon, with the reason', async (_, args, code, words) => {
  const { url } = await newVhost();
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('mcp:queue:t', { durable: true, arguments: args });
  await channel.prefetch(1);
  if (code === 'QUEUE_LOCKED') await channel.consume('mcp:queue:t', () => {});
  for (const body of ['x', 'y']) channel.sendToQueue('mcp:queue:t', Buffer.from(body));
  await channel.waitForConfirms();
  // A stream counts what is in it after a while.
  await until(async () => (await channel.checkQueue('mcp:queue:t')).messageCount > 0);
  const client = openClient({ url });
  const begun = performance.now();
  const results = await Promise.allSettled([
    client.drain('t', () => {}),
    client.clear('t'),
    client.peek('t'),
  ]);
  expect(performance.now() - begun).toBeLessThan(10_000);
  for (const result of results) {
    expect(result).toMatchObject({ reason: { code, message: expect.stringContaining(words) } });
  }
  expect((await channel.checkQueue('mcp:queue:t')).messageCount).toBeGreaterThan(0);
});

test('an auto-delete queue is left alone, as RabbitMQ would delete it with the messages that are left', async () => {
  const { url } = await newVhost();
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('mcp:queue:t', { durable: true, autoDelete: true });
  for (const body of ['x', 'y']) channel.sendToQueue('mcp:queue:t', Buffer.from(body));
  await channel.waitForConfirms();
  const client = openClient({ url });
  for (const read of [
    () => client.peek('t'),
    () => client.drain('t', () => {}, { limit: 1 }),
    () => client.clear('t', () => {}, { select: () => false }),
  ]) {
    await expect(read()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('auto-delete'),
    });
    expect((await channel.checkQueue('mcp:queue:t')).messageCount).toBe(2);
  }
  // Got without a consumer, one by one.
  expect((await client.dequeue('t'))?.body.toString()).toBe('x');
  expect((await channel.checkQueue('mcp:queue:t')).messageCount).toBe(1);
});
