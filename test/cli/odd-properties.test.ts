import { expect, test } from 'vitest';
import type { MessageProperties } from '../../src/properties/message-properties.ts';
import { runCli } from '../support/cli.ts';
import { newTask, openClient } from '../support/tasks.ts';

const TIMESTAMPS: NonNullable<MessageProperties['timestamp']>[] = [
  1_700_000_000,
  1_700_000_000_000_000,
  { '!': 'uint64', value: '1700000000000000001' },
  { '!': 'uint64', value: '18446744073709551615' },
];

test.each(TIMESTAMPS)(
  'A message with the timestamp %j can be looked at, drained and replayed',
  async (timestamp) => {
    const [client, task, copy] = [openClient(), newTask(), newTask()];
    const properties: MessageProperties = {
      delivery_mode: 2,
      timestamp,
      message_id: { '!': 'string_base64', value: '/w==' },
      headers: { n: { '!': 'int32', value: 7 }, bytes: Buffer.from([0xff]) },
    };
    await client.publish(task, { body: Buffer.from('{}'), properties });
    for (const args of [
      ['peek', task],
      ['peek', task, '-o', 'table'],
      ['peek', task, '-n', '9', '-o', 'table'],
    ]) {
      expect(await runCli(args)).toMatchObject({ status: 0, stderr: '' });
    }
    const { stdout: input, status } = await runCli(['dequeue', task, '--all', '-o', 'jsonl']);
    expect(status).toBe(0);
    expect((await runCli(['enqueue', copy, '--from', '-'], { input })).status).toBe(0);
    expect(await client.peek(copy)).toMatchObject([{ properties }]);
  },
);

test('Queues are listed whatever the timestamps of their oldest messages', async () => {
  const client = openClient();
  const tasks = TIMESTAMPS.map(() => newTask('odd'));
  for (const [index, task] of tasks.entries())
    await client.publish(task, {
      body: Buffer.from('{}'),
      properties: { timestamp: TIMESTAMPS[index] } as MessageProperties,
    });
  const list = async () => {
    const { status, stdout } = await runCli(['ls', 'odd-*', '-o', 'jsonl']);
    expect(status).toBe(0);
    const queues = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { task_id: string; statistics?: { oldest_at?: string | null } });
    return tasks.map((task) => queues.find(({ task_id }) => task_id === task)?.statistics?.oldest_at);
  };
  // The broker brings its statistics up to date every five seconds.
  await expect.poll(list, { interval: 500 }).toEqual(['2023-11-14T22:13:20.000Z', null, null, null]);
});

test('A command for each message has its properties in the environment', async () => {
  const [client, task] = [openClient(), newTask()];
  const headers = { bytes: Buffer.from([0xff]), n: { '!': 'int64', value: '9223372036854775807' } };
  const message_id = { '!': 'string_base64', value: '/w==' } as const;
  await client.publish(task, {
    body: Buffer.from('{}'),
    properties: { message_id, headers, delivery_mode: 2 },
  });
  const exec = 'echo "$MCP_TASKQ_PROPERTY_MESSAGE_ID $MCP_TASKQ_HEADERS"';
  expect((await runCli(['dequeue', task, '--exec', exec], { ownProcess: true })).stdout).toBe(
    'base64:/w== {"bytes":{"!":"bytes","value":"/w=="},"n":{"!":"int64","value":"9223372036854775807"}}\n',
  );
});

test('A command is not given what does not fit into its environment, which is said', async () => {
  const task = newTask();
  const properties = { app_id: 'a\0b', headers: { large: 'x'.repeat(40_000) }, message_id: 'm' };
  await openClient().publish(task, { body: Buffer.from('{}'), properties });
  const exec = 'env | grep -c "^MCP_TASKQ_\\(HEADERS\\|PROPERTY_.*\\)="';
  const { status, stdout, stderr } = await runCli(['dequeue', task, '--exec', exec], { ownProcess: true });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '1\n' });
  for (const name of ['HEADERS', 'PROPERTY_APP_ID'])
    expect(stderr).toContain(
      `MCP_TASKQ_${name} is not set for a message: its value is over 32 KB or contains NUL.\n`,
    );
});

test('A command for a message has nothing of another message in its environment', async () => {
  const task = newTask();
  await openClient().publish(task, { body: Buffer.from('{}'), properties: {} });
  const env = { MCP_TASKQ_METHOD: 'm', MCP_TASKQ_HEADERS: '{}', MCP_TASKQ_PROPERTY_MESSAGE_ID: 'x' };
  const exec = 'env | sed -n "s/^MCP_TASKQ_\\(METHOD\\|HEADERS\\|PROPERTY_.*\\)=/left &/p"';
  const { status, stdout } = await runCli(['dequeue', task, '--exec', exec], { ownProcess: true, env });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});

test('A record without properties is published persistent and with an id, one with none without', async () => {
  const [client, task] = [openClient(), newTask()];
  const input = '{"body":1}\n{"body":2,"properties":{}}\n';
  expect((await runCli(['enqueue', task, '--from', '-'], { input })).status).toBe(0);
  const [first, second] = await client.peek(task, { limit: 2 });
  expect(first?.properties).toMatchObject({ delivery_mode: 2, message_id: expect.any(String) });
  expect(second?.properties).toEqual({});
});

test.each(['{"!":"nope"}', '{"!":"nope","value":1}', '{"!":"int8","value":128}', '"\\ud800"'])(
  'A header %s on line 2 of a file is refused before line 1 is sent',
  async (value) => {
    const [client, task] = [openClient(), newTask()];
    const input = `{"body":1}\n{"properties":{"headers":{"odd":${value}}},"body":2}\n`;
    const { status, stderr } = await runCli(['enqueue', task, '--from', '-'], { input });
    expect(status).toBe(2);
    expect(stderr).toMatch(/line 2: .*header "odd"/);
    expect(await client.peek(task)).toEqual([]);
  },
);
