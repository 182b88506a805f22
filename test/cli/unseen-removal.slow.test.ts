import { connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { describeTaskQueue } from '../../src/index.ts';
import { BIN, runCli } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal, runOnTerminal, Terminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

/*
 * On a terminal nothing is removed that was not shown in full, unless that was agreed to; nowhere is more removed than
 * was agreed to.
 */

async function filledTask(count: number, body = (n: number) => `{"n":${n}}`): Promise<string> {
  const client = openClient();
  const task = newTask();
  await Promise.all(Array.from({ length: count }, (_, n) => client.publish(task, raw(body(n)))));
  return task;
}

async function numbersIn(task: string): Promise<number[]> {
  const messages = await openClient().peek(task, { limit: 1000 });
  return messages.map(({ body }) => JSON.parse(body.toString()).n);
}

const TARGET = () => `${new URL(inject('url')).host}, vhost / (from MCP_TASKQ_URL)`;

describe('dequeue of several messages on a terminal', () => {
  test.each([
    [['-n', '2'], 2],
    [['--all'], 3],
  ])('with %j asks; Enter means no, ends with 8 and removes nothing', async (args, count) => {
    const task = await filledTask(3);
    const terminal = cliOnTerminal(['dequeue', task, ...args], {}, 300);
    await terminal.shows(`Remove ${count} messages from task ${task} on ${TARGET()}? `);
    await terminal.shows('(y/N)');
    terminal.type('\r');
    expect(await terminal.ended).toBe(8);
    expect(await numbersIn(task)).toEqual([0, 1, 2]);
  });

  test('removes as many as were agreed to, and none that came meanwhile', async () => {
    const task = await filledTask(2);
    const terminal = cliOnTerminal(['dequeue', task, '--all'], {}, 300);
    await terminal.shows('(y/N)');
    await openClient().publish(task, raw('{"n":2}'));
    terminal.type('y\r');
    expect(await terminal.ended).toBe(0);
    expect(await numbersIn(task)).toEqual([2]);
  });

  test.each([
    ['--yes', ['--yes']],
    ['-o jsonl', ['-o', 'jsonl']],
    ['--json', ['--json']],
    ['-o raw', ['-o', 'raw']],
    ['--exec', ['--exec', 'true']],
    ['--out', ['--out', '/dev/null']],
  ])('does not ask with %s', async (_what, args) => {
    const task = await filledTask(2);
    const terminal = await runOnTerminal(['dequeue', task, '--all', ...args], {}, 300);
    expect(terminal.status).toBe(0);
    expect(terminal.text).not.toContain('(y/N)');
    expect(await numbersIn(task)).toEqual([]);
  });

  test('without a terminal to answer on is a usage error with a way out', async () => {
    const task = await filledTask(2);
    const terminal = new Terminal('sh', [
      '-c',
      `"${process.execPath}" "${BIN}" dequeue ${task} --all < /dev/null`,
    ]);
    expect(await terminal.ended).toBe(2);
    expect(terminal.text.replaceAll('\n', ' ')).toContain('--out FILE or -o jsonl');
    expect(await numbersIn(task)).toEqual([0, 1]);
  });

  test('asks for a table in a pipe as well, which is cut off too', async () => {
    const task = await filledTask(2);
    expect((await runCli(['dequeue', task, '--all', '-o', 'table'])).status).toBe(2);
    expect(await numbersIn(task)).toEqual([0, 1]);
  });

  test('shows the only message in full, and does not ask', async () => {
    const task = await filledTask(1, () => JSON.stringify({ text: 'x'.repeat(400), end: 'the end' }));
    const terminal = await runOnTerminal(['dequeue', task, '--all']);
    expect(terminal.status).toBe(0);
    expect(terminal.text).toContain('the end');
  });
});

test('one large message is shown to its end on a terminal when it is removed, and cut off when it is not', async () => {
  const task = await filledTask(1, () => JSON.stringify({ text: 'x'.repeat(200_000), end: 'the end' }));
  const peek = await runOnTerminal(['peek', task]);
  expect(peek.status).toBe(0);
  expect(peek.text).not.toContain('the end');
  const dequeue = cliOnTerminal(['dequeue', task]);
  expect(await dequeue.ended).toBe(0);
  expect(dequeue.text).toContain('the end');
});

describe('clear', () => {
  test('removes no more than the question named, and says what stays', async () => {
    const task = await filledTask(3);
    const terminal = cliOnTerminal(['clear', task], {}, 300);
    await terminal.shows(`Remove 3 messages from task ${task} on ${TARGET()}?`);
    for (let n = 3; n < 13; n++) await openClient().publish(task, raw(`{"n":${n}}`));
    terminal.type('y\r');
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toContain('Removed 3 messages');
    expect(terminal.text).toContain('10 messages have arrived meanwhile and stay.');
    expect(await numbersIn(task)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test('holds to that for a filter', async () => {
    const task = await filledTask(3);
    const terminal = cliOnTerminal(['clear', task, '--filter', 'body.n < 100'], {}, 300);
    await terminal.shows('Remove the matching messages (of 3)');
    for (let n = 3; n < 6; n++) await openClient().publish(task, raw(`{"n":${n}}`));
    terminal.type('y\r');
    expect(await terminal.ended).toBe(0);
    expect(await numbersIn(task)).toEqual([3, 4, 5]);
  });

  test('says what a consumer holds, and that the queue stays', async () => {
    const task = await filledTask(5);
    const { release, reading } = await holdMessages(task);
    const { status, stdout, stderr } = await runCli(['clear', task, '--yes']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ task_id: task, removed: 0 });
    expect(stderr).toContain('5 messages');
    expect(stderr).toContain('held unacknowledged by 1 consumer, and stay.');
    expect(stderr).toContain('The queue stays: 1 consumer attached.');
    release();
    expect(await reading).toBe(5);
  });
});

test('clear keeps a queue of which somebody holds messages without a consumer', async () => {
  const task = await filledTask(5);
  const connection = await connect(inject('url'));
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  for (let n = 0; n < 3; n++) await channel.get(`mcp:queue:${task}`);
  await until(async () => {
    const description = await describeTaskQueue(task, { url: inject('url'), apiUrl: inject('apiUrl') });
    return description?.unacked === 3;
  });
  // A busy machine takes more than a second for all that is asked.
  const api = await FaultProxy.inFrontOf(inject('apiUrl'));
  api.fault = { kind: 'delay', ms: 150 };
  const env = { MCP_TASKQ_API_URL: api.url.replace('amqp:', 'http:') };
  const { status, stdout, stderr } = await runCli(['clear', task, '--yes'], { env });
  expect([status, JSON.parse(stdout)]).toEqual([0, { task_id: task, removed: 2 }]);
  expect(stderr).toContain('3 messages');
  expect(stderr).toContain('The queue stays: what another reader holds would be deleted with it.');
  await channel.close();
  expect((await observer().depth(task))?.messages).toBe(3);
});

describe('a command that takes all messages', () => {
  test.each([
    ['cp', 'copied', 3],
    ['mv', 'moved', 3],
    ['dequeue', 'removed', 3],
  ])('says that a consumer holds some: %s', async (command, done, count) => {
    const task = await filledTask(5);
    const { release, reading } = await holdMessages(task, 2);
    const to = command === 'dequeue' ? [] : [newTask()];
    const { status, stderr, stdout } = await runCli([command, task, ...to, '--all']);
    expect(status).toBe(0);
    expect(stdout + stderr).toMatch(new RegExp(`"${done}":${count}|Removed ${count} messages`));
    expect(stderr).toContain(
      `Task "${task}" has 1 consumer: messages that it holds unacknowledged were not ${done}.`,
    );
    release();
    expect(await reading).toBe(2);
  });
});

test.each([
  [[], 2],
  [['-n', '5'], 2],
  [['-n', '5'], 1],
])(
  'dequeue %j that got fewer than it asked for says that a consumer holds some: of 2, %i',
  async (args, held) => {
    const task = await filledTask(2);
    const { release, reading } = await holdMessages(task, held);
    const { status, stderr } = await runCli(['dequeue', task, ...args]);
    expect(status).toBe(held === 2 ? 6 : 0);
    expect(stderr).toContain(
      `Task "${task}" has 1 consumer: messages that it holds unacknowledged were not removed.`,
    );
    release();
    expect(await reading).toBe(held);
  },
);

/** Somebody who holds messages of a task, at most `limit`, until `release` is called. */
async function holdMessages(task: string, limit?: number) {
  const { promise: held, resolve: release } = deferred();
  const { promise: begun, resolve: begin } = deferred();
  const reading = openClient().drain(
    task,
    () => {
      begin();
      return held;
    },
    limit === undefined ? {} : { limit },
  );
  await begun;
  return { release, reading };
}

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
