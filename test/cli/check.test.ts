import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'amqplib';
import { expect, onTestFinished, test } from 'vitest';
import { proxyApi } from '../support/api-proxy.ts';
import { runCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

const MINUTE_MS = 60_000;

/** Like what the Python package stores: the time is in the envelope, and there is no AMQP timestamp. */
const queued = (agoMs: number) =>
  raw(
    JSON.stringify({
      type: 'notification',
      message: { jsonrpc: '2.0', method: 'notifications/message' },
      timestamp: new Date(Date.now() - agoMs).toISOString(),
      original_request_id: null,
    }),
  );

/** A vhost with a deep task, an old one and an empty one, whose statistics are there. */
async function scene() {
  const { url } = await newVhost();
  const client = openClient({ url });
  for (let index = 0; index < 5; index++) await client.publish('deep', queued(0));
  await client.publish('old', queued(90 * MINUTE_MS));
  await client.publish('empty', queued(0));
  await client.drain('empty', () => {});
  const check = (...args: string[]) => runCli(['check', '-u', url, ...args]);
  const json = async (...args: string[]) => JSON.parse((await check('-o', 'json', ...args)).stdout);
  await until(async () => {
    const { tasks, uncounted, ready } = await json();
    return tasks === 3 && uncounted === 0 && ready === 6;
  });
  return { url, check, json };
}

test('compares depth, age and consumers with thresholds', async () => {
  const { url, check, json } = await scene();
  expect((await check()).status).toBe(0);
  expect(await check('--depth-warn', '5')).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(/^TASKQ WARNING - /),
  });
  expect((await check('--depth-warn', '6')).status).toBe(0);
  expect((await check('--depth-warn', '2', '--depth-critical', '5')).status).toBe(2);
  expect((await check('--unconsumed-warn', '2')).status).toBe(1);
  expect((await check('--unconsumed-warn', '3')).status).toBe(0);

  const prometheus = await check('*', '--format', 'prometheus', '--depth-warn', '5');
  expect(prometheus.status).toBe(1);
  const metrics = prometheus.stdout;
  expect(metrics).toContain('# TYPE mcp_taskq_check_status gauge\nmcp_taskq_check_status{pattern="*"} 1\n');
  expect(metrics).toContain('mcp_taskq_depth_max{pattern="*"} 5\n');
  expect(metrics).toMatch(/^(# (HELP|TYPE) mcp_taskq_\w+ .+|mcp_taskq_\w+(\{pattern="[^"]*"\})? [\d.]+)$/m);

  // A look at an age holds a message for a moment, and the statistics that the next check reads may be of that moment.
  const soon = (what: () => Promise<unknown>) => expect.poll(what, { interval: 500 });
  const statusOf = async (...args: string[]) => (await check(...args)).status;
  await soon(() => statusOf('--age-warn', '1h', '--age-critical', '2h')).toBe(1);
  await soon(() => statusOf('--age-critical', '80m')).toBe(2);
  await soon(() => statusOf('deep', '--age-critical', '80m')).toBe(0);
  await soon(() => json('--depth-critical', '3', '--age-warn', '1h')).toMatchObject({
    status: 'critical',
    code: 2,
    tasks: 3,
    ready: 6,
    depth_max: 5,
    deepest_task: 'deep',
    oldest_task: 'old',
    unconsumed: 2,
    unknown_ages: 0,
    violations: [
      { task_id: 'deep', status: 'critical', what: ['depth'], ready: 5 },
      { task_id: 'old', status: 'warning', what: ['age'], ready: 1 },
    ],
  });
  const text = async () => (await check('--depth-warn', '3', '--age-warn', '1h')).stdout;
  await soon(text).toMatch(
    / \| tasks=3 ready=6 unacked=0 depth=5;3; age=54\d\ds;3600; unconsumed=2\n(.*\n)*WARNING: old: 1 message, oldest 1h 30m, 0 consumers\n/,
  );

  // Somebody who consumes, and takes nothing.
  const model = await connect(url);
  onTestFinished(() => model.close());
  const channel = await model.createChannel();
  await channel.prefetch(1);
  await channel.consume('mcp:queue:deep', () => {});
  await until(async () => (await json()).unconsumed === 1);
});

test('leaves idle times as they are, but for a look at an age that the broker does not know', async () => {
  const { url, check } = await scene();
  const idle = async (task: string) =>
    JSON.parse((await runCli(['describe', task, '-u', url, '--no-peek', '--json'])).stdout).idle_since;
  await until(async () => (await idle('old')) !== null);
  const before = await idle('old');
  await check('--depth-warn', '5', '--unconsumed-warn', '1');
  const blind = await check('--age-warn', '1h', '--no-peek');
  expect(blind.stdout).toMatch(/^TASKQ UNKNOWN - .*age unknown for 2 tasks/);
  expect(blind.status).toBe(3);
  await check('--age-warn', '1h');
  // While it is in use it has no idle time.
  await until(async () => ![before, null].includes(await idle('old')));
  // The look came after all that: nothing before it was one.
  expect(Date.parse(await idle('old'))).toBeGreaterThan(Date.parse(before));
});

test.each([
  ['an API that is away', ['--api-url', 'http://127.0.0.1:1'], /Cannot reach the management API/],
  ['a vhost that is not there', ['-u', 'amqp://127.0.0.1/nowhere'], /./],
  ['a URL that is none', ['-u', 'foo'], /is unusable/],
  [
    'thresholds the wrong way round',
    ['--age-warn', '1500ms', '--age-critical', '1s'],
    /--age-warn 1500ms is above --age-critical 1s, so it would never apply/,
  ],
  ['an unknown option', ['--bogus'], /Unknown option --bogus/],
  ['a threshold that is not a number', ['--depth-warn', 'many'], /--depth-warn is invalid/],
  ['a broker URL in place of a pattern', ['amqp://u:pw@h'], /A broker URL was given/],
  ['too little time', ['--timeout', '1ms'], /--timeout/],
])('%s is unknown (3), in each form', async (_what, args, message) => {
  const text = await runCli(['check', ...args]);
  expect(text.stdout).toMatch(/^TASKQ UNKNOWN - [^\n]*\n$/);
  expect(text.stdout).toMatch(message);
  expect(text.status).toBe(3);
  const json = await runCli(['check', '-o', 'json', ...args]);
  expect(JSON.parse(json.stdout)).toMatchObject({ status: 'unknown', code: 3 });
  const metrics = await runCli(['check', '--format', 'prometheus', ...args]);
  expect(metrics.stdout).toContain('mcp_taskq_check_status 3\n');
  expect([json.status, metrics.status]).toEqual([3, 3]);
});

test.each([
  [['check', '--depth']],
  [['check', '--depth-warn', 'x']],
  [['check', 'a', 'b']],
  [['check', '--format', 'xml']],
  [['--timeout', 'x', 'check']],
  [['--nope', 'check']],
])('the unusable command line %j is unknown (3), not critical', async (args) => {
  expect((await runCli(args)).status).toBe(3);
});

/** `check` with an API that changes what it says of queues. */
async function checkAmid(change: (queue: Record<string, unknown>) => object, ...args: string[]) {
  const { url } = await newVhost();
  await openClient({ url }).publish('one', queued(0));
  const answer = (incoming: IncomingMessage, response: ServerResponse) => {
    if (!incoming.url?.startsWith('/api/queues/')) return false;
    const named = { name: 'mcp:queue:one', vhost: new URL(url).pathname.slice(1), type: 'classic' };
    const counted = { state: 'running', messages_ready: 12, messages_unacknowledged: 0, consumers: 0 };
    response.end(JSON.stringify([change({ ...named, ...counted })]));
    return true;
  };
  return runCli(['check', '-u', url, '--api-url', await proxyApi({ answer }), ...args]);
}

test('a queue whose node is down is unknown (3), not well', async () => {
  // As RabbitMQ 3.10 answers.
  const down = ({ name, vhost, type }: Record<string, unknown>) => ({ name, vhost, type, state: 'down' });
  const { status, stdout } = await checkAmid(down, '--depth-critical', '10');
  expect(stdout).toMatch(/^TASKQ UNKNOWN - .*1 queue unavailable, down or crashed/);
  expect(status).toBe(3);
  expect(JSON.parse((await checkAmid(down, '--json')).stdout)).toMatchObject({
    status: 'unknown',
    uncounted: 1,
    unavailable: 1,
  });
  const metrics = (await checkAmid(down, '--format', 'prometheus')).stdout;
  expect(metrics).toContain('mcp_taskq_tasks_uncounted 1\n');
  expect(metrics).toContain('mcp_taskq_tasks_unavailable 1\n');
});

test('a quorum queue without a majority is unknown (3), and a new one is not', async () => {
  // As RabbitMQ 3.10 answers when the node of the leader has died.
  const quorum = (online: string[]) => (queue: Record<string, unknown>) => ({
    name: queue.name,
    vhost: queue.vhost,
    type: 'quorum',
    leader: null,
    members: ['rabbit@a', 'rabbit@b'],
    online,
  });
  const { status, stdout } = await checkAmid(quorum(['rabbit@b']));
  expect([status, stdout]).toEqual([3, expect.stringMatching(/^TASKQ UNKNOWN - .*1 queue unavailable/)]);
  const young = await checkAmid(quorum(['rabbit@a', 'rabbit@b']));
  expect([young.status, young.stdout]).toEqual([0, expect.stringContaining('too new')]);
});

test('numbers that a proxy has made strings are numbers', async () => {
  const asText = (queue: object) =>
    Object.fromEntries(Object.entries(queue).map(([name, value]) => [name, String(value)]));
  expect(await checkAmid(asText, '--unconsumed-critical', '1')).toMatchObject({
    stdout: expect.stringMatching(/^TASKQ CRITICAL - 1 task, 12 messages ready; 1 task without consumers;/),
    status: 2,
  });
});

test('numbers that are null are unknown, and not 0', async () => {
  const asNull = (queue: object) => ({ ...queue, messages_ready: null, consumers: null });
  expect(JSON.parse((await checkAmid(asNull, '--json')).stdout)).toMatchObject({ tasks: 1, uncounted: 1 });
});

test('a pattern that nothing matches is well, as a finished task is, and is named', async () => {
  const { url } = await newVhost();
  const { status, stdout } = await runCli(['check', 'mistyped|', '-u', url]);
  expect([status, stdout]).toEqual([
    0,
    expect.stringMatching(/^TASKQ OK - no task queue matches mistyped¦ \|/),
  ]);
  expect((await runCli(['check', '-u', url])).stdout).toMatch(/^TASKQ OK - 0 tasks, 0 messages ready \|/);
});

test('a password in the wrong place is not in the report', async () => {
  for (const format of ['text', 'json', 'prometheus']) {
    const { status, stdout, stderr } = await runCli([
      'check',
      '--format',
      format,
      '--context',
      'amqp://me:s3cret@host',
    ]);
    expect(status).toBe(3);
    expect(stdout + stderr).not.toContain('s3cret');
  }
});

test('help is not a failure', async () => {
  expect((await runCli(['check', '--help'])).status).toBe(0);
});

test('-o prometheus is refused, and the hint names the option that takes it', async () => {
  const { status, stdout, stderr } = await runCli(['check', '-o', 'prometheus']);
  expect([status, stdout]).toEqual([3, expect.stringContaining('mcp_taskq_check_status 3\n')]);
  expect(stderr).toContain('hint: Did you mean --format prometheus? ');
});
