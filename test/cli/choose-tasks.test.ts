import { connect } from 'amqplib';
import { expect, inject, onTestFinished, test } from 'vitest';
import { recordsIn, runCli } from '../support/cli.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal } from '../support/terminal.ts';
import { newVhost } from '../support/vhost.ts';

/** Tasks whose ids begin alike, with so many messages each. */
async function tasks(...counts: number[]): Promise<{ start: string; ids: string[] }> {
  const start = `${newTask('many')}-`;
  const ids = counts.map((_, index) => `${start}${index}`);
  const client = openClient();
  for (const [index, count] of counts.entries())
    for (let n = 0; n < count; n++) await client.publish(ids[index] as string, message(n));
  return { start, ids };
}

const message = (n: number, ageMs = 0) =>
  raw(
    JSON.stringify({
      type: 'notification',
      message: { method: 'notifications/progress', params: { progress: n } },
      timestamp: new Date(Date.now() - ageMs).toISOString(),
    }),
  );

async function depths(ids: readonly string[]) {
  return (await Promise.all(ids.map((id) => observer().depth(id)))).map((depth) => depth?.messages);
}

const progressOf = (stdout: string) => recordsIn(stdout).map(({ body }) => body.message.params.progress);

test('peek takes several ids, patterns and ids from the standard input', async () => {
  const { start, ids } = await tasks(2, 1, 0, 1);
  const found = async (input: string, ...args: string[]) => {
    const { status, stdout } = await runCli(['peek', ...args], { input });
    return [status, recordsIn(stdout).map(({ task_id }) => task_id)];
  };
  const [one, two, , three] = ids;
  expect(await found('', `${start}*`)).toEqual([0, [one, two, three]]);
  expect(await found('', `${start}?`, '-n', '2')).toEqual([0, [one, one, two, three]]);
  expect(await found(`${two}\n\n${one}\r\n`, '-')).toEqual([0, [two, one]]);
  expect(await found(`${two}\0${three}\0`, '-', '-0')).toEqual([0, [two, three]]);
  expect((await runCli(['peek', `${start}x*`])).status).toBe(5);
  expect((await runCli(['peek', '-'])).status).toBe(2);
  expect((await runCli(['peek', one as string, '--null'])).status).toBe(2);
});

test('an id on the standard input is the whole line', async () => {
  const task = newTask();
  const client = openClient();
  for (const id of [task, `${task} `, `${task}\u00a0`]) await client.publish(id, message(1));
  const { status, stdout } = await runCli(['clear', '-', '--yes'], { input: `${task} \r\n${task}\u00a0\n` });
  expect([status, recordsIn(stdout).map(({ task_id }) => task_id)]).toEqual([
    0,
    [`${task} `, `${task}\u00a0`],
  ]);
  expect(await client.depth(task)).toMatchObject({ messages: 1 });
});

test('a queue whose name no task id can have is left out, counted, and in nobody’s way', async () => {
  const { url } = await newVhost();
  const client = openClient({ url });
  await client.publish('stuck-1', message(1, 3_600_000));
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const queue = 'mcp:queue:stuck-\u001b[31m';
  await channel.assertQueue(queue, { durable: true });
  channel.sendToQueue(queue, message(1).body);
  await channel.waitForConfirms();
  const run = async (...args: string[]) => {
    const { status, stdout, stderr } = await runCli([...args, '-u', url]);
    return { status, stdout, isSaid: stderr.includes('1 queue left out: no task id has control characters') };
  };
  // Before that, the queue is too new for statistics.
  await expect
    .poll(() => run('check', '--age-warn', '5m'), { interval: 500 })
    .toMatchObject({ status: 1, stdout: expect.stringContaining('1 task, 1 message ready'), isSaid: true });
  // The statistics may have caught the moment in which a look before held the message.
  for (const args of [['--sort', 'oldest'], ['--peek'], ['--older-than', '1m']])
    await expect
      .poll(() => run('ls', ...args), { interval: 500 })
      .toMatchObject({ status: 0, stdout: expect.stringContaining('"stuck-1"') });
  expect(await run('peek', 'stuck-*')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\{"task_id":"stuck-1",.*\n$/),
    isSaid: true,
  });
  expect(await run('clear', '*', '--yes')).toMatchObject({ status: 0, isSaid: true });
  expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: 1 });
});

test('peek at several skips a queue that would not survive it', async () => {
  const { start, ids } = await tasks(1, 1);
  const connection = await connect(inject('url'));
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const queue = `mcp:queue:${start}0-auto`;
  await channel.assertQueue(queue, { durable: true, autoDelete: true });
  channel.sendToQueue(queue, Buffer.from('{}'));
  await channel.waitForConfirms();
  const { status, stdout, stderr } = await runCli(['peek', `${start}*`]);
  expect([status, recordsIn(stdout).map(({ task_id }) => task_id)]).toEqual([3, ids]);
  expect(stderr).toContain('is an auto-delete queue: RabbitMQ would delete it');
  expect((await channel.checkQueue(queue)).messageCount).toBe(1);
  await channel.deleteQueue(queue);
});

test('an id that is a pattern is itself where there is such a task, and with backslashes', async () => {
  const { start, ids } = await tasks(1);
  const star = `${start}*`;
  await openClient().publish(star, message(7));
  expect(progressOf((await runCli(['peek', star, '-n', '5'])).stdout)).toEqual([7]);
  expect(progressOf((await runCli(['peek', `${start}\\*`])).stdout)).toEqual([7]);
  expect((await runCli(['clear', star, '--yes'])).status).toBe(0);
  expect(await depths([star, ...ids])).toEqual([undefined, 1]);
});

test('peek asks before it looks at many tasks', async () => {
  const { start } = await tasks(...Array(21).fill(1));
  const refused = await runCli(['peek', `${start}*`]);
  expect([refused.status, refused.stdout]).toEqual([2, '']);
  expect(refused.stderr).toContain('21 tasks');
  expect(recordsIn((await runCli(['peek', `${start}*`, '--yes'])).stdout)).toHaveLength(21);
});

test('clear has the number of tasks typed that a pattern matches', async () => {
  const { start, ids } = await tasks(2, 1);
  expect((await runCli(['clear', `${start}*`])).status).toBe(2);
  const declined = cliOnTerminal(['clear', `${start}*`], {}, 300);
  await declined.shows('Type 2 to confirm:');
  expect(declined.text).toContain(`  ${ids[0]}  2 messages`);
  declined.type('3\r');
  expect(await declined.ended).toBe(8);
  expect(await depths(ids)).toEqual([2, 1]);
  const terminal = cliOnTerminal(['clear', `${start}*`], {}, 300);
  await terminal.shows('Type 2 to confirm:');
  terminal.type('2\r');
  expect(await terminal.ended).toBe(0);
  expect(await depths(ids)).toEqual([undefined, undefined]);
});

test('clear takes ids from the standard input', async () => {
  const { ids } = await tasks(1, 1, 1);
  const [one, two] = ids;
  expect((await runCli(['clear', '-', '--yes'], { input: `${one}\n${two}\n` })).status).toBe(0);
  expect(await depths(ids)).toEqual([undefined, undefined, 1]);
});

test('mv gathers the messages of a pattern, all but those that are there already', async () => {
  const { start, ids } = await tasks(2, 1);
  const to = `${start}all`;
  expect((await runCli(['mv', `${start}*`, to, '--all'])).status).toBe(2);
  const terminal = cliOnTerminal(['mv', `${start}*`, to, '--all']);
  await terminal.shows('Type 2 to confirm:');
  expect(terminal.text).toContain(`  ${ids[0]}  2 messages`);
  terminal.type('2\r');
  expect(await terminal.ended).toBe(0);
  expect(await depths([...ids, to])).toEqual([0, 0, 3]);
  expect((await runCli(['mv', `${start}*`, to, '--all', '--yes'])).status).toBe(0);
  expect(await depths([to])).toEqual([3]);
});

test('mv has one destination, which is not a pattern', async () => {
  const { start, ids } = await tasks(1);
  const [from = ''] = ids;
  const { status, stderr } = await runCli(['mv', from, `${start}*`, '--all']);
  expect([status, stderr]).toEqual([2, expect.stringContaining('The destination is one task')]);
  expect(await depths([...ids, `${start}*`])).toEqual([1, undefined]);
  // A task of such an id is made by a backslash, and then found without.
  expect((await runCli(['mv', from, `${start}\\*`, '--all'])).status).toBe(0);
  await openClient().publish(from, message(1));
  expect((await runCli(['mv', from, `${start}*`, '--all'])).status).toBe(0);
  expect(await depths([...ids, `${start}*`])).toEqual([0, 2]);
});

test('mv of several tasks goes on after one that was cleared meanwhile, and says what was moved (3)', async () => {
  const { start, ids } = await tasks(0, 3, 2);
  const [one = '', two = ''] = ids;
  await openClient().publish(one, message(0));
  const to = `${start}to`;
  const terminal = cliOnTerminal(['mv', `${start}*`, to, '--all', '-o', 'jsonl'], {}, 300);
  await terminal.shows('Type 3 to confirm:');
  await openClient().clear(two);
  terminal.type('3\r');
  expect(await terminal.ended).toBe(3);
  expect([...terminal.text.matchAll(/"moved":(\d+)/g)].map(([, moved]) => Number(moved))).toEqual([1, 0, 2]);
  expect(terminal.text).toContain(
    `None of the 3 messages of task "${two}" counted at the start was there any more`,
  );
  expect(terminal.text).toContain(`error: 1 task not handled completely; 3 messages moved to task ${to}`);
  expect(await depths([...ids, to])).toEqual([0, undefined, 0, 3]);
});

test.each(['mv', 'clear', 'mv --dry-run'])(
  '%s of several tasks skips one that cannot be read (3)',
  async (words) => {
    const { start, ids } = await tasks(1, 1);
    const connection = await connect(inject('url'));
    onTestFinished(() => connection.close());
    const channel = await connection.createConfirmChannel();
    // A stream in the middle: its messages cannot be taken.
    const queue = `mcp:queue:${start}0-stream`;
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'stream' } });
    onTestFinished(async () => void (await channel.deleteQueue(queue)));
    const auto = `mcp:queue:${start}0-auto`;
    await channel.assertQueue(auto, { durable: true, autoDelete: true });
    channel.sendToQueue(auto, Buffer.from('{}'));
    await channel.waitForConfirms();
    // Nobody else may count its messages.
    await channel.assertQueue(`mcp:queue:${start}0-exclusive`, { exclusive: true });
    const [command = '', ...more] = words.split(' ');
    const to = newTask('to');
    const args = command === 'mv' ? [`${start}*`, to, '--all', ...more] : [`${start}*`];
    const { status, stderr } = await runCli([command, ...args, '--yes']);
    expect(stderr).toContain('is an auto-delete queue');
    expect(stderr).toContain('belongs exclusively to another connection; skipped.');
    expect(stderr).toMatch(/error: [23] tasks skipped/);
    expect(status).toBe(3);
    expect((await channel.checkQueue(auto)).messageCount).toBe(1);
    await channel.deleteQueue(auto);
    if (words === 'mv') expect(await depths([...ids, to])).toEqual([0, 0, 2]);
  },
);

test('mv of several tasks stops at a destination that takes no more, and says what was moved (3)', async () => {
  const { start, ids } = await tasks(2, 2, 2);
  const to = newTask('full');
  const connection = await connect(inject('url'));
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  const limited = { 'x-max-length': 3, 'x-overflow': 'reject-publish' };
  await channel.assertQueue(`mcp:queue:${to}`, { durable: true, arguments: limited });
  const { status, stderr } = await runCli(['mv', `${start}*`, to, '--all', '--yes', '--no-create']);
  expect(stderr).toContain(`Before that, 3 messages were moved to task ${to}; any others are still there.`);
  expect(status).toBe(3);
  expect(await depths([...ids, to])).toEqual([0, 1, 2, 3]);
  await channel.deleteQueue(`mcp:queue:${to}`);
});

test.each([
  ['has no queue', 5, 'missing'],
  ['cannot be one', 2, 'x'.repeat(300)],
])('mv moves nothing if an id on the standard input %s (%i)', async (_what, expected, id) => {
  const { ids } = await tasks(1, 1);
  const [one, two] = ids;
  const to = newTask('to');
  const input = `${one}\n${id}\n${two}\n`;
  expect((await runCli(['mv', '-', to, '--all'], { input })).status).toBe(expected);
  expect(await depths([...ids, to])).toEqual([1, 1, undefined]);
});

test('mv of several empty tasks is 6 with a number, and done with --all', async () => {
  const { start, ids } = await tasks(0, 0);
  const client = openClient();
  for (const id of ids) {
    await client.publish(id, message(0));
    await client.dequeue(id);
  }
  const move = async (...args: string[]) => runCli(['mv', `${start}*`, newTask('to'), '--yes', ...args]);
  const { status, stderr } = await move('-n', '1');
  expect([status, stderr]).toEqual([6, expect.stringContaining('None of 2 tasks has a matching message')]);
  expect((await move('--all')).status).toBe(0);
  await client.publish(ids[1] as string, message(1));
  expect((await move('-n', '1')).status).toBe(0);
});

test('cp has one destination, which is not a pattern', async () => {
  const { start, ids } = await tasks(1);
  const [from = ''] = ids;
  const { status, stderr } = await runCli(['cp', from, `${start}*`, '--all']);
  expect([status, stderr]).toEqual([2, expect.stringContaining('The destination is one task')]);
  expect(await depths([`${start}*`])).toEqual([undefined]);
  expect((await runCli(['cp', from, `${start}\\*`, '--all'])).status).toBe(0);
  expect(await depths([...ids, `${start}*`])).toEqual([1, 1]);
});

test('peek --tail shows the newest', async () => {
  const { ids } = await tasks(5);
  const [task = ''] = ids;
  expect(progressOf((await runCli(['peek', task, '--tail', '2'])).stdout)).toEqual([3, 4]);
  expect(progressOf((await runCli(['peek', task, '--tail', '9'])).stdout)).toEqual([0, 1, 2, 3, 4]);
  const even = 'int(params.progress) % 2 == 0';
  expect(progressOf((await runCli(['peek', task, '--tail', '2', '--filter', even])).stdout)).toEqual([2, 4]);
  expect((await runCli(['peek', task, '--tail', '2', '--skip', '1'])).status).toBe(2);
  expect(await depths(ids)).toEqual([5]);
});

test('peek --tail says why not where the newest are behind too many others', async () => {
  const task = newTask('deep');
  const client = openClient();
  await Promise.all(Array.from({ length: 1_001 }, (_, n) => client.publish(task, message(n))));
  const { status, stdout, stderr } = await runCli(['peek', task, '--tail', '1']);
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain('the queue has 1,001 messages, more than the 1,000 that can be held at a time');
  expect(stderr).toContain(`mcp-taskq watch ${task}`);
});

test('peek --since shows what is not older, by a duration or a time', async () => {
  const task = newTask('since');
  const client = openClient();
  for (const [n, hours] of [5, 3, 1].entries()) await client.publish(task, message(n, hours * 3_600_000));
  const since = async (time: string) =>
    progressOf((await runCli(['peek', task, '-n', '9', '--since', time])).stdout);
  expect(await since('4h')).toEqual([1, 2]);
  expect(await since(new Date(Date.now() - 2 * 3_600_000).toISOString())).toEqual([2]);
  expect((await runCli(['peek', task, '--since', '1m'])).status).toBe(6);
  for (const time of ['noon', '2026-06-31', '2026-02-30T12:00:00Z'])
    expect((await runCli(['peek', task, '--since', time])).status).toBe(2);
});

test('peek --full shows whole messages, several and large ones', async () => {
  const task = newTask('full');
  const client = openClient();
  for (const text of ['a', `${'b'.repeat(80_000)}end`])
    await client.publish(task, raw(JSON.stringify({ text })));
  const { stdout } = await runCli(['peek', task, '-n', '2', '--full', '-o', 'table']);
  expect(stdout).toContain('"text": "a"');
  expect(stdout).toContain('bend"}');
});

test.each(['mv', 'peek'])(
  '%s skips a task whose messages the filter does not suit, and goes on (3)',
  async (command) => {
    const [odd, even, to] = [newTask('odd'), newTask('even'), newTask('to')];
    const client = openClient();
    await client.publish(odd, raw('{"n":5}'));
    await client.publish(even, raw('{"n":"a"}'));
    const more = command === 'mv' ? ['-', to, '--all'] : ['-'];
    const run = (ids: string[]) =>
      runCli([command, ...more, '--filter', 'body.n.startsWith("a")'], { input: ids.join('\n') });
    const { status, stdout, stderr } = await run([odd, even]);
    expect(stderr).toContain(`Task "${odd}": The filter cannot be evaluated on the message looked at: `);
    expect([status, recordsIn(stdout).length]).toEqual([3, 1]);
    const none = await run([odd]);
    expect([none.status, none.stdout]).toEqual([2, '']);
  },
);
