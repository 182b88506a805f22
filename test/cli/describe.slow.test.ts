import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { expect, inject, onTestFinished, test } from 'vitest';
import { recordsIn, runCli, startCli } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost } from '../support/vhost.ts';

const HOUR_MS = 3_600_000;

const envelope = (type: string, method: string, queuedAt: number, id?: number) =>
  raw(
    JSON.stringify({
      type,
      message: { jsonrpc: '2.0', method, ...(id !== undefined && { id }) },
      timestamp: new Date(queuedAt).toISOString(),
      original_request_id: null,
    }),
  );

async function stuckTask(now = Date.now()): Promise<string> {
  const task = newTask('stuck');
  const client = openClient();
  await client.publish(task, envelope('notification', 'notifications/progress', now - 5 * HOUR_MS));
  await client.publish(task, envelope('notification', 'notifications/progress', now - 4 * HOUR_MS));
  await client.publish(task, envelope('request', 'elicitation/create', now - 3 * HOUR_MS, 7));
  return task;
}

async function described(task: string, ...args: string[]) {
  const { status, stdout, stderr } = await runCli(['describe', task, '-o', 'json', ...args]);
  return { status, stderr, record: stdout === '' ? undefined : JSON.parse(stdout) };
}

test('counts messages by type and method, and knows the oldest and the newest', async () => {
  const now = Date.now();
  const task = await stuckTask(now);
  // Its statistics come some seconds after the queue.
  await until(async () => (await described(task)).record.missing.length === 0);
  const { status, record } = await described(task);
  expect(record).toMatchObject({
    task_id: task,
    queue: `mcp:queue:${task}`,
    ready: 3,
    consumer_count: 0,
    type: 'classic',
    looked_at: 3,
    oldest: { at: new Date(now - 5 * HOUR_MS).toISOString(), type: 'notification' },
    newest: {
      at: new Date(now - 3 * HOUR_MS).toISOString(),
      type: 'request',
      method: 'elicitation/create',
      id: '7',
    },
    by_type: [
      { type: 'notification', method: 'notifications/progress', count: 2 },
      { type: 'request', method: 'elicitation/create', count: 1 },
    ],
    missing: [],
  });
  expect(record.next.map(({ command }: { command: string }) => command)).toContain(
    `mcp-taskq peek ${task} -n 3`,
  );
  expect(status).toBe(0);
  expect(recordsIn((await runCli(['peek', task, '--all'])).stdout)).toHaveLength(3);
});

test('its short name is stat', async () => {
  const task = await stuckTask();
  expect(JSON.parse((await runCli(['stat', task])).stdout)).toMatchObject({ task_id: task, ready: 3 });
});

test('says who consumes, how many messages they hold, and which policy there is', async () => {
  const { url } = await newVhost();
  const vhost = new URL(url).pathname.slice(1);
  const definition = { expires: 2 * HOUR_MS, 'max-length': 1200 };
  await callApi('PUT', `policies/${vhost}/tidy`, { pattern: '^mcp:', definition, 'apply-to': 'queues' });
  const client = openClient({ url });
  for (let index = 0; index < 3; index++) await client.publish('t', raw('{}'));
  const model = await connect(url, { clientProperties: { connection_name: 'worker 3' } });
  onTestFinished(() => model.close());
  const channel = await model.createChannel();
  await channel.prefetch(2);
  await channel.consume('mcp:queue:t', () => {});
  const describe = async () => JSON.parse((await runCli(['describe', 't', '-u', url])).stdout);
  // The statistics come some seconds later, each in its own time.
  await expect.poll(describe, { interval: 500 }).toMatchObject({
    ready: 1,
    unacked: 2,
    consumers: [
      {
        user: 'guest',
        connection_name: 'worker 3',
        prefetch: 2,
        active: true,
        client: expect.stringContaining('amqplib'),
      },
    ],
    policy: 'tidy',
    effective_policy: definition,
  });
  const { stdout } = await runCli(['describe', 't', '-u', url, '-o', 'table']);
  expect(stdout).toContain('1 ready, ~2 unacknowledged');
  expect(stdout).toMatch(/guest@127\.0\.0\.1:\d+, worker 3, amqplib/);
  expect(stdout).toContain('tidy: expires 2h, max-length 1,200');
});

test('looks at nothing with --no-peek, and the idle time goes on', async () => {
  const task = await stuckTask();
  const idle = async () => (await described(task, '--no-peek')).record.idle_since;
  // In use at first, as its counters move; and before there are statistics, it is counted.
  await until(async () => {
    const { ready, missing } = (await described(task, '--no-peek')).record;
    return ready === 3 && missing.length === 0;
  });
  let before: unknown;
  await until(async () => {
    const last = before;
    before = await idle();
    return before !== null && before === last;
  });
  const { record } = await described(task, '--no-peek');
  expect(record).toMatchObject({ ready: 3, looked_at: 0, by_type: null, newest: null });
  // What it was before the look; RabbitMQ 3 begins anew every two minutes, so it may be another one than before.
  expect((await described(task)).record.idle_since).not.toBeNull();
  await until(async () => (await idle()) !== before);
});

/** Resolves when a describe has subscribed to the events of the task, and counts them. */
async function untilSubscribed(task: string): Promise<void> {
  const bindings = async () => (await callApi('GET', 'exchanges/%2F/mcp:events/bindings/source')).text();
  await until(async () => (await bindings()).includes(task));
}

/** A describe that has subscribed to the events of the task, and is about to listen. */
async function listening(task: string, ...args: string[]) {
  const child = startCli(['describe', task, '-o', 'json', '--listen', '1m', ...args]);
  const stdout = text(child.stdout);
  const ended = once(child, 'close').then(async ([status]) => ({ status, record: JSON.parse(await stdout) }));
  await untilSubscribed(task);
  return { child, ended };
}

// Both at once, as they wait most of the time.
test('counts what comes and goes while it listens, and says that messages came without events', async () => {
  const [task, silent] = [newTask('heard'), newTask('silent')];
  const [client, silentClient] = [openClient(), openClient({ events: 'off' })];
  // Without events, which may come later than the message.
  for (const each of [task, silent]) await silentClient.publish(each, raw('{}'));
  const counting = described(task, '--listen', '10s');
  const comparing = runCli(['describe', silent, '-o', 'table', '--listen', '5s']);
  let isOver = false;
  comparing.finally(() => {
    isOver = true;
  });
  const publishAllTheTime = async () => {
    for (; !isOver; await sleep(50)) await silentClient.publish(silent, raw('{}'));
  };
  const publishing = publishAllTheTime();
  await untilSubscribed(task);
  const ten = Array.from({ length: 10 }, (_, index) => raw(`{"n":${index}}`));
  // All at once, as one by one they take longer than it listens where the broker is busy.
  await Promise.all(ten.map((message) => client.publish(task, message)));
  await Promise.all([...ten.map(() => client.dequeue(task)), client.publish(`${task}-other`, raw('{}'))]);
  await publishing;
  expect((await comparing).stdout).toMatch(
    /^events +none in 5s, but [\d,]+ messages? arrived: not every program/m,
  );
  const { record } = await counting;
  expect(record.heard).toMatchObject({ seconds: 10, enqueued: 10, removed: 10, whole: true });
  const shown = async () => (await runCli(['describe', task, '-o', 'table', '--listen', '500ms'])).stdout;
  expect(await shown()).toMatch(/^events +none in 500ms$/m);
  await client.clear(`${task}-other`);
});

test('Ctrl-C ends the listening, but not the report', async () => {
  const { child, ended } = await listening(await stuckTask());
  child.kill('SIGINT');
  const { status, record } = await ended;
  expect(status).toBe(130);
  expect(record.ready).toBe(3);
  // It may have come in the moment between the binding and the listening.
  if (record.heard === null) expect(record.missing.at(-1)).toContain('stopped before it could listen');
  else expect(record.heard.seconds).toBeLessThan(50);
});

test('--timeout ends the listening beside a broker that no longer answers, but not the report', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const begun = performance.now();
  const { ended } = await listening(await stuckTask(), '--timeout', '20s', '-u', proxy.url);
  proxy.fault = { kind: 'stall' };
  const { status, record } = await ended;
  expect(performance.now() - begun).toBeLessThan(50_000);
  expect(status).toBe(124);
  expect(record.ready).toBe(3);
});

test('reports what it read, where it may not listen', async () => {
  const task = await stuckTask();
  const name = `deaf-${randomUUID()}`;
  await callApi('PUT', `users/${name}`, { password: 'p', tags: '' });
  await callApi('PUT', `permissions/%2F/${name}`, {
    configure: '^mcp:queue:',
    write: '',
    read: '^mcp:queue:',
  });
  onTestFinished(async () => void (await callApi('DELETE', `users/${name}`)));
  const url = inject('url').replace('amqp://', `amqp://${name}:p@`);
  const { status, record } = await described(task, '--listen', '1s', '-u', url);
  expect(status).toBe(0);
  expect(record).toMatchObject({ ready: 3, heard: null });
  expect(record.missing.at(-1)).toContain('Events were not counted. Cannot');
});

test('does not call a queue empty that it could not count', async () => {
  const name = `limited-${randomUUID()}`;
  await callApi('PUT', `users/${name}`, { password: 'p', tags: 'management' });
  onTestFinished(async () => void (await callApi('DELETE', `users/${name}`)));
  await callApi('PUT', `permissions/%2F/${name}`, { configure: '.*', write: '.*', read: '.*' });
  await callApi('PUT', `user-limits/${name}/max-connections`, { value: 0 });
  const asUser = (place: string) => place.replace(/\/\/(.*@)?/, `//${name}:p@`);
  const env = { MCP_TASKQ_URL: asUser(inject('url')), MCP_TASKQ_API_URL: asUser(inject('apiUrl')) };
  const task = newTask();
  await openClient().publish(task, raw('waiting'));
  const { status, stdout, stderr } = await runCli(['describe', task, '-o', 'json'], { env });
  // The statistics of a new queue come some seconds later.
  if (status === 0) expect(JSON.parse(stdout)).toMatchObject({ ready: 1 });
  else expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining('limit of 0') });
});

test('knows the size of a new queue from its messages', async () => {
  const task = newTask('new');
  const client = openClient();
  await Promise.all([1, 2, 3].map(() => client.publish(task, raw('x'.repeat(1000)))));
  const { record } = await described(task, '--api-url', 'http://127.0.0.1:1');
  expect(record).toMatchObject({ ready: 3, body_bytes: null });
  const { record: known } = await described(task);
  // The statistics may not list it yet, or list it as it was declared.
  expect([null, 3000]).toContain(known.body_bytes);
});

test('works without the management API, and says what is missing', async () => {
  const task = await stuckTask();
  const { status, record, stderr } = await described(task, '--api-url', 'http://127.0.0.1:1');
  expect(record).toMatchObject({ ready: 3, unacked: null, consumers: null, policy: null, looked_at: 3 });
  expect(record.missing[0]).toContain('need the management API');
  expect(stderr).toContain('Cannot reach the management API');
  expect(status).toBe(0);
});

test('does not look into a quorum queue, where each look counts', async () => {
  const task = newTask('quorum');
  await openClient({ queueType: 'quorum' }).publish(task, raw('{}'));
  // A busy broker may count the messages of a quorum queue as 0, as it waits no longer than 250 ms for its leader.
  await until(async () => (await observer().depth(task))?.messages === 1);
  const { status, record, stderr } = await described(task);
  expect(record).toMatchObject({ type: 'quorum', ready: 1, looked_at: 0, by_type: null });
  expect(stderr).toContain('in a quorum queue each look counts');
  expect(status).toBe(0);
});

test('says what it looked at in a deep queue, and suggests to save and remove its messages, however new they are', async () => {
  const task = newTask('deep');
  const client = openClient();
  await Promise.all(Array.from({ length: 1001 }, () => client.publish(task, raw('{}'))));
  const { stdout } = await runCli(['describe', task, '-o', 'table']);
  expect(stdout).toContain('The oldest 1,000 of 1,001 messages');
  const { record } = await described(task);
  expect(record).toMatchObject({ ready: 1001, looked_at: 1000, newest: null });
  expect(record.next.map(({ command }: { command: string }) => command)).toContain(
    `mcp-taskq dequeue ${task} --all --out out.jsonl`,
  );
});

test('a task without a queue is 5, and the queue is not created', async () => {
  const task = `missing-${randomUUID()}`;
  expect((await described(task)).status).toBe(5);
  expect((await described(task, '--no-peek')).status).toBe(5);
  expect(await observer().depth(task)).toBeUndefined();
});

test('suggests commands for the same broker, and for any id', async () => {
  const client = openClient();
  const task = `-${newTask()}`;
  await client.publish(task, raw('{}'));
  const options = ['-u', inject('url').replace('//', '//guest:guest@'), '--prefix', 'mcp:queue:'];
  const { stdout } = await runCli(['describe', '-o', 'json', ...options, '--', task]);
  const [step] = JSON.parse(stdout).next;
  expect(step.command).toBe(
    `mcp-taskq peek -n 1 --url amqp://guest:guest@${new URL(inject('url')).host} --prefix mcp:queue: -- ${task}`,
  );
  const words = step.command.split(' ').slice(1);
  expect((await runCli(words)).status).toBe(0);
  await client.clear(task);
});

test('does not suggest a look that would be refused', async () => {
  const task = newTask();
  await openClient({ queueType: 'quorum' }).publish(task, raw('{}'));
  const { next } = JSON.parse((await runCli(['describe', task, '-o', 'json'])).stdout);
  expect(next.map(({ command }: { command: string }) => command).join()).not.toContain('peek');
});

test.each([60, 80])('fits a terminal of %i columns', async (columns) => {
  const task = await stuckTask();
  const terminal = cliOnTerminal(['describe', task], { NO_COLOR: '1' }, columns);
  expect(await terminal.ended, terminal.text).toBe(0);
  const lines = terminal.text.trimEnd().split('\n');
  // What can be copied whole, a command or the name of the queue, is left to the terminal.
  const wrapped = lines.filter((line) => line.length > columns && !/mcp-taskq |^queue /.test(line));
  expect(wrapped).toEqual([]);
  expect(lines.length, terminal.text).toBeLessThanOrEqual(24);
});

test('says of a message of another kind what it is not', async () => {
  const task = newTask();
  await openClient().publish(task, { body: Buffer.of(0xff, 0xfe), properties: {} });
  const { stdout } = await runCli(['describe', task, '-o', 'table']);
  expect(stdout).toMatch(/^oldest +unknown time: not an MCP message$/m);
});
