import { expect, test } from 'vitest';
import { recordsIn, runCli } from '../support/cli.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { callApi, newVhost } from '../support/vhost.ts';

async function filledTask(count: number): Promise<string> {
  const task = newTask('from');
  const client = openClient();
  await Promise.all(
    Array.from({ length: count }, (_, index) => client.publish(task, raw(`{"n": ${index}}`))),
  );
  return task;
}

async function bodies(task: string): Promise<string[]> {
  return (await observer().peek(task, { limit: 1000 })).map(({ body }) => body.toString());
}

test('copies messages in order, byte for byte and with their properties, and leaves them', async () => {
  const [from, to] = [newTask('from'), newTask('to')];
  const client = openClient();
  const properties = {
    delivery_mode: 2,
    message_id: 'm',
    headers: { team: 'red', n: 7 },
    correlation_id: 'c',
  };
  await client.publish(from, { body: Buffer.from([0, 255, 10]), properties });
  await client.publish(from, { body: Buffer.from('{"a": 1.0}'), properties: {} });
  const { status, stdout } = await runCli(['cp', from, to, '--all']);
  expect(JSON.parse(stdout)).toEqual({ from, to, copied: 2 });
  expect(status).toBe(0);
  const strip = (messages: Awaited<ReturnType<typeof client.peek>>) =>
    messages.map(({ body, properties: own }) => ({ body: body.toString('hex'), properties: own }));
  expect(strip(await client.peek(to, { limit: 9 }))).toEqual(strip(await client.peek(from, { limit: 9 })));
  expect(await client.depth(from)).toMatchObject({ messages: 2 });
});

test('copies as many as asked for, those that match, or those behind some', async () => {
  const from = await filledTask(6);
  const copied = async (...args: string[]) => {
    const to = newTask('to');
    expect((await runCli(['cp', from, to, ...args])).status).toBe(0);
    return bodies(to);
  };
  expect(await copied('-n', '2')).toEqual(['{"n": 0}', '{"n": 1}']);
  expect(await copied('-n', '2', '--skip', '3')).toEqual(['{"n": 3}', '{"n": 4}']);
  expect(await copied('--all', '--filter', 'body.n > 3')).toEqual(['{"n": 4}', '{"n": 5}']);
  expect(await copied('-n', '1', '--filter', 'body.n > 3')).toEqual(['{"n": 4}']);
  expect(await bodies(from)).toHaveLength(6);
});

test('says what it did not copy of a deep queue (3)', async () => {
  const [from, to] = [await filledTask(1005), newTask('to')];
  const { status, stdout, stderr } = await runCli(['cp', from, to, '--all']);
  expect(JSON.parse(stdout)).toMatchObject({ copied: 1000 });
  expect(stderr).toContain(`5 messages after the oldest 1,000 messages of task ${from} were not copied`);
  expect(stderr).toContain(
    'hint: To copy all, clear the copies, drain to a file and replay it to both tasks: ',
  );
  expect(status).toBe(3);
  expect((await runCli(['cp', from, newTask('few'), '-n', '10'])).status).toBe(0);
  expect((await observer().depth(from))?.messages).toBe(1005);
});

test('says how far it came when the destination takes no more (3)', async () => {
  const { url } = await newVhost();
  const vhost = new URL(url).pathname.slice(1);
  const definition = { 'max-length': 3, overflow: 'reject-publish' };
  await callApi('PUT', `policies/${vhost}/full`, {
    pattern: '^mcp:queue:to$',
    definition,
    'apply-to': 'queues',
  });
  const client = openClient({ url });
  for (let index = 0; index < 5; index++) await client.publish('from', raw(`${index}`));
  const { status, stderr } = await runCli(['cp', 'from', 'to', '--all', '-u', url]);
  const there = (await client.depth('to'))?.messages;
  expect(stderr).toMatch(new RegExp(`${there} messages.* are in task to; all are still in task from`));
  expect(status).toBe(3);
  expect(await client.depth('from')).toMatchObject({ messages: 5 });
});

test('a dry run copies nothing, and prints what it would copy', async () => {
  const [from, to] = [await filledTask(3), newTask('to')];
  const { status, stdout, stderr } = await runCli(['cp', from, to, '--all', '--dry-run']);
  expect(recordsIn(stdout)).toHaveLength(3);
  expect(stderr).toContain('would be copied');
  expect(status).toBe(0);
  expect(await observer().depth(to)).toBeUndefined();
});

test.each([
  [['--all', '--skip', '2'], 1],
  [['-n', '2', '--skip', '2'], 1],
  [['-n', '2', '--skip', '1', '--filter', 'true'], 2],
  [['--all', '--skip', '3'], 0],
])('a dry run with %j counts what is copied then', async (args, count) => {
  const from = await filledTask(3);
  const dry = await runCli(['cp', from, newTask('to'), ...args, '--dry-run']);
  expect(recordsIn(dry.stdout)).toHaveLength(count);
  expect(dry.stderr).toContain(`${count} message${count === 1 ? '' : 's'} of task`);
  expect(JSON.parse((await runCli(['cp', from, newTask('to'), ...args])).stdout)).toMatchObject({
    copied: count,
  });
});

test.each([['mv'], ['cp'], ['enqueue']])(
  'a dry run of %s fails with --no-create if there is no destination',
  async (command) => {
    const [from, to] = [await filledTask(3), newTask('to')];
    const args = command === 'enqueue' ? [to, '--method', 'ping'] : [from, to, '--all'];
    for (const dry of [['--dry-run'], []]) {
      const { status, stdout, stderr } = await runCli([command, ...args, '--no-create', ...dry]);
      expect([status, stdout]).toEqual([5, '']);
      expect(stderr).toContain('has no queue');
    }
  },
);

test('a quorum queue is not looked at without --force', async () => {
  const [from, to] = [newTask('quorum'), newTask('to')];
  await openClient({ queueType: 'quorum' }).publish(from, raw('x'));
  expect((await runCli(['cp', from, to, '--all'])).status).toBe(1);
  expect((await runCli(['cp', from, to, '--all', '--force'])).status).toBe(0);
  expect(await bodies(to)).toEqual(['x']);
});

test.each([
  [['a', 'a', '--all'], 2],
  [['a', 'b'], 2],
  [['a', 'b', '--all', '-n', '1'], 2],
  [['a', 'b', '--all', '--skip', '1000'], 2],
  [['no-such-task', 'b', '--all'], 5],
])('cp %j ends with %i', async (args, wanted) => {
  expect((await runCli(['cp', ...args])).status).toBe(wanted);
});

test('nothing to copy is 6, or done with --all', async () => {
  const task = await filledTask(1);
  await openClient().drain(task, () => {});
  expect((await runCli(['cp', task, newTask('to'), '-n', '1'])).status).toBe(6);
  expect((await runCli(['cp', task, newTask('to'), '--all'])).status).toBe(0);
});
