import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'amqplib';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { startPrivateBroker } from '../support/broker.ts';
import { recordsIn, runCli, startCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/** As for clusters whose metrics go to Prometheus alone. */
let broker: RunningBroker;
beforeAll(async () => {
  const config = ['management_agent.disable_metrics_collector = true'];
  broker = await startPrivateBroker({ management: true, config });
});

const run = (...args: string[]) =>
  runCli(args, { env: { MCP_TASKQ_URL: broker.url, MCP_TASKQ_API_URL: broker.apiUrl } });

/** Tasks of one test alone: one with messages, one without, and a quorum queue. */
async function scene() {
  const name = randomUUID();
  const client = openClient({ url: broker.url });
  const ids = { full: `${name}-full`, empty: `${name}-empty`, quorum: `${name}-quorum` };
  for (const id of [ids.full, ids.full, ids.empty]) await client.publish(id, raw('x'));
  await client.clear(ids.empty, undefined, { keepQueue: true });
  await openClient({ url: broker.url, queueType: 'quorum' }).publish(ids.quorum, raw('x'));
  return { ...ids, pattern: `${name}-*` };
}

test('ls counts, and says of how many queues nobody knows the idle time', async () => {
  const { pattern, full, quorum } = await scene();
  await expect
    .poll(async () => recordsIn((await run('ls', '--min', '1', pattern)).stdout), {
      interval: 500,
    })
    .toMatchObject([
      { task_id: full, ready: 2, counted: true },
      { task_id: quorum, ready: 1 },
    ]);
  expect(await run('ls', '--names', '--idle', '1ms', pattern)).toMatchObject({
    status: 0,
    stdout: '',
    stderr: expect.stringMatching(
      /^1 queue left out: RabbitMQ has no idle time for it .*switched off\)\.\n$/,
    ),
  });
});

test('prune deletes nothing, and says why', async () => {
  const { pattern } = await scene();
  const { status, stderr } = await run('prune', '--yes', '--idle', '1ms', '--pattern', pattern);
  expect(status).toBe(0);
  expect(stderr).toMatch(/^1 queue left out: RabbitMQ has no idle time for it .*switched off\)\.\n/);
  expect(stderr).toContain('0 empty, unused queues');
});

test('check counts, and sees who consumes: nothing is well because it is not known', async () => {
  const { pattern, full } = await scene();
  const check = async (...args: string[]) => (await run('check', pattern, ...args)).status;
  expect(await check('--depth-warn', '2')).toBe(1);
  expect(await check('--depth-critical', '2')).toBe(2);
  expect(await check('--depth-warn', '3')).toBe(0);
  expect(await check('--unconsumed-warn', '1')).toBe(1);
  const connection = await connect(broker.url);
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  await channel.prefetch(1);
  await channel.consume(`mcp:queue:${full}`, () => {});
  await until(async () => (await channel.checkQueue(`mcp:queue:${full}`)).messageCount === 1);
  const { stdout } = await run('check', full, '--unconsumed-warn', '1', '--json');
  expect(JSON.parse(stdout)).toMatchObject({
    status: 'ok',
    ready: 1,
    unacked: 1,
    unconsumed: 0,
    uncounted: 0,
  });
});

test('status counts', async () => {
  await scene();
  const { tasks } = JSON.parse((await run('status')).stdout);
  expect(tasks).toMatchObject({ uncounted: 0 });
  expect(tasks.ready).toBeGreaterThan(0);
});

test('describe says what nobody knows', async () => {
  const { full } = await scene();
  const { status, stdout, stderr } = await run('describe', full);
  expect(status).toBe(0);
  expect(recordsIn(stdout)).toMatchObject([{ ready: 2, consumers: null, effective_policy: null }]);
  expect(stderr).toContain('consumers, policy, size and idle time are unknown');
  // Without statistics, the state of a queue that works is "live".
  expect(stdout).not.toContain('cluster_status');
});

test('watch of all tasks shows what a publisher without events adds', async () => {
  const { full } = await scene();
  const env = { MCP_TASKQ_URL: broker.url, MCP_TASKQ_API_URL: broker.apiUrl };
  const child = startCli(['watch'], { env });
  let shown = '';
  child.stdout.on('data', (chunk) => {
    shown += chunk;
  });
  const client = openClient({ url: broker.url, events: 'off' });
  // Until it is there to see one.
  const publish = async () => {
    await client.publish(full, raw('foreign'));
    return shown;
  };
  await expect.poll(publish, { interval: 500 }).toContain(full);
  child.kill('SIGINT');
  await once(child, 'close');
});
