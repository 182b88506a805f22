import { type Channel, connect, type Options } from 'amqplib';
import { expect, inject, onTestFinished, test } from 'vitest';
import { recordsIn, runCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { callApi, newVhost, vhostWithUser } from '../support/vhost.ts';

/*
 * A dry run ends as the command would: with the same exit status, for each kind of queue and of refusal.
 */

const ALL = { configure: '.*', write: '.*', read: '.*' };
const QUORUM = { durable: true, arguments: { 'x-queue-type': 'quorum' } };
const LIMITED = { durable: true, arguments: { 'x-max-length': 3 } };
const SINGLE = { durable: true, arguments: { 'x-single-active-consumer': true } };
const PLAIN = { durable: true };

const READERS = [
  ['dequeue', 'x', '--all'],
  ['clear', 'x'],
  ['clear', 'x', '--filter', 'size > 0'],
  ['mv', 'x', 'to', '--all'],
  ['cp', 'x', 'to', '--all'],
];

/** A channel of its own connection, on which the task `name` has a queue with this many messages. */
async function declared(
  url: string,
  name: string,
  options: Options.AssertQueue,
  count: number,
): Promise<Channel> {
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(`mcp:queue:${name}`, options);
  for (let n = 0; n < count; n++)
    channel.sendToQueue(`mcp:queue:${name}`, Buffer.from(`{"n":${n}}`), { persistent: true });
  await channel.waitForConfirms();
  return channel;
}

/** Runs the command as a dry run, and then for real. */
async function twice(args: readonly string[], url: string) {
  const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: inject('apiUrl') };
  const dry = await runCli([...args, '--dry-run'], { env });
  const real = await runCli(args[0] === 'clear' ? [...args, '--yes'] : args, { env });
  return { dry, real };
}

async function expectSame(args: readonly string[], url: string, status: number, words = ''): Promise<void> {
  const { dry, real } = await twice(args, url);
  const said = { status, stderr: expect.stringContaining(words) };
  expect({ dry, real }, args.join(' ')).toMatchObject({ dry: said, real: said });
}

test.each<[string, Options.AssertQueue, string]>([
  ['an auto-delete queue', { durable: true, autoDelete: true }, 'is an auto-delete queue'],
  ['a taken single active consumer', SINGLE, 'single active consumer, which receives all its messages'],
  ['an exclusive consumer', PLAIN, 'another consumer reads the queue exclusively'],
])('what reads refuses %s, dry or not', async (what, options, words) => {
  const { url } = await newVhost();
  const channel = await declared(url, 'x', options, 3);
  await channel.prefetch(1);
  if (what !== 'an auto-delete queue')
    await channel.consume('mcp:queue:x', () => {}, { exclusive: what === 'an exclusive consumer' });
  for (const args of READERS) await expectSame(args, url, 1, words);
});

test('what reads refuses a stream at once, although RabbitMQ counts it as empty', async () => {
  const { url } = await newVhost();
  const options = { durable: true, arguments: { 'x-queue-type': 'stream' } };
  for (const name of ['x', 'x2']) await declared(url, name, options, name === 'x' ? 3 : 0);
  for (const task of ['x', 'x2', 'x?'])
    for (const [command = '', , ...rest] of READERS)
      if (task !== 'x?' || command === 'clear' || command === 'mv')
        await expectSame([command, task, ...rest], url, 1, 'is a stream');
  for (const task of ['x', 'x2']) await expectSame(['dequeue', task, '--wait', '10m'], url, 1, 'is a stream');
  const { stdout } = await runCli(['describe', 'x2', '-o', 'table'], { env: { MCP_TASKQ_URL: url } });
  expect(stdout).not.toContain('mcp-taskq clear');
});

test.each<[string, Options.AssertQueue, string]>([
  ['a quorum queue', QUORUM, 'is a quorum queue'],
  ['a limited queue', LIMITED, 'is limited by x-max-length'],
])('%s is counted and not looked at, unless the command looks at it', async (_, options, words) => {
  const { url } = await newVhost();
  for (const [index, args] of [
    ['dequeue', '-n', '2'],
    ['mv', 'to', '-n', '2'],
  ].entries()) {
    const [command = '', ...rest] = args;
    const task = `x${index}`;
    await declared(url, task, options, 3);
    const { dry, real } = await twice([command, task, ...rest], url);
    expect([dry.status, dry.stdout, real.status]).toEqual([0, '', 0]);
    expect(dry.stderr).toMatch(
      /^2 messages of task .* would be (re)?moved; nothing was (re)?moved, or looked/,
    );
    expect(dry.stderr).toContain(words);
  }
  for (const args of [
    ['dequeue', 'x0', '--all', '--filter', 'true'],
    ['mv', 'x0', 'to', '--all', '--filter', 'true'],
    ['cp', 'x0', 'to', '--all'],
  ])
    await expectSame(args, url, 1, words);
  await runCli(['clear', 'x0', '--yes'], { env: { MCP_TASKQ_URL: url } });
  for (const args of [
    ['dequeue', 'x0'],
    ['mv', 'x0', 'to', '-n', '1'],
    ['cp', 'x0', 'to', '-n', '1'],
  ])
    if (options === QUORUM) await expectSame(args, url, 6, 'no messages waiting');
});

test.each<[string, Partial<typeof ALL>, string[][], string]>([
  ['read', { read: '' }, READERS, 'lacks read permission'],
  ['any', { configure: '', read: '', write: '' }, [['dequeue', 'x', '--all']], 'lacks '],
  ['write', { write: '' }, READERS.slice(3), 'lacks write permission'],
  ['configure', { configure: '' }, READERS.slice(3), 'lacks configure permission'],
])('a user without %s permission is refused, dry or not', async (_, without, commands, words) => {
  const { url, userUrl } = await vhostWithUser({ ...ALL, ...without });
  await declared(url, 'x', PLAIN, 3);
  for (const args of commands) await expectSame(args, userUrl, 4, words);
});

test('a dry run without configure permission says that the queue stays, but that messages are removed', async () => {
  const { url, userUrl } = await vhostWithUser({ ...ALL, configure: '' }, 'monitoring');
  await declared(url, 'x', PLAIN, 3);
  const env = { MCP_TASKQ_URL: userUrl };
  const dry = await runCli(['clear', 'x', '--dry-run'], { env });
  expect(dry).toMatchObject({ status: 4, stdout: expect.stringContaining('"would_remove":3') });
  expect(dry.stderr).toMatch(/The queue of task "x" would stay\. .* lacks configure permission/);
  expect((await twice(['dequeue', 'x'], userUrl)).dry.status).toBe(0);
});

test.each<[string, Options.AssertQueue, string]>([
  ['a quorum queue', QUORUM, 'the queue is a quorum queue'],
  ['a stream', { durable: true, arguments: { 'x-queue-type': 'stream' } }, 'the queue is a stream'],
  ['a priority queue', { durable: true, arguments: { 'x-max-priority': 5 } }, 'different x-max-priority'],
  ['a queue that is not durable', { durable: false }, 'different durable'],
  ['an exclusive queue', { durable: false, exclusive: true }, 'belongs exclusively to another connection'],
])('%s as the destination is refused, dry or not', async (_, options, words) => {
  const { url } = await newVhost();
  await declared(url, 'x', PLAIN, 3);
  await declared(url, 'to', options, 0);
  for (const args of READERS.slice(3)) await expectSame(args, url, 1, words);
  if (options === QUORUM)
    for (const [command = '', ...rest] of READERS.slice(3).reverse())
      await expectSame([command, ...rest, '--queue-type', 'quorum'], url, 0);
});

test('a dry run creates no destination, and leaves an existing one as it was', async () => {
  const { url, queueNames } = await newVhost();
  await declared(url, 'x', PLAIN, 3);
  const env = { MCP_TASKQ_URL: url };
  for (const command of ['mv', 'cp']) {
    const { status, stdout } = await runCli([command, 'x', 'to', '--all', '--dry-run'], { env });
    expect([status, recordsIn(stdout).length]).toEqual([0, 3]);
  }
  expect(await queueNames()).toEqual(['mcp:queue:x']);
  await openClient({ url }).publish('to', raw('{}'));
  expect((await runCli(['mv', 'x', 'to', '--all', '--dry-run'], { env })).status).toBe(0);
  expect(await openClient({ url }).depth('to')).toMatchObject({ messages: 1 });
  expect(await openClient({ url }).depth('x')).toMatchObject({ messages: 3 });
});

test('what matches a filter is measured against the limit of the destination', async () => {
  const { url } = await newVhost();
  await callApi('PUT', `policies/${new URL(url).pathname.slice(1)}/two`, {
    pattern: '^mcp:queue:to$',
    definition: { 'max-length': 2 },
    'apply-to': 'queues',
  });
  await declared(url, 'x', PLAIN, 3);
  await declared(url, 'to', PLAIN, 0);
  const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: inject('apiUrl') };
  const matching = (filter: string) => ['mv', 'x', 'to', '--all', '--filter', filter];
  expect((await runCli([...matching('body.n < 2'), '--dry-run'], { env })).status).toBe(0);
  await expectSame(matching('body.n < 3'), url, 3, 'keeps 2 messages and drops the oldest beyond that');
});
