import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import type { TaskQueueClient, WatchItem } from '../../src/index.ts';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { startPrivateBroker } from '../support/broker.ts';
import { runCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { texts, watching } from '../support/watching.ts';

/** RabbitMQ takes back what a consumer holds for longer than this, by default 30 minutes. */
const CONSUMER_TIMEOUT_MS = 2_000;
/** By default once a minute; from 4.3 on a quorum queue looks in time. */
const LOOK_MS = 200;
const TOO_LONG_MS = 3 * CONSUMER_TIMEOUT_MS;

/** RabbitMQ before 4.3 closes the channel, and later ones end the consumer. */
const TAKEN_BACK = {
  code: 'CONNECTION_LOST',
  message: expect.stringMatching(
    /unacknowledged for longer than it allows|unacknowledged for too long and are back/,
  ),
  hint: expect.stringMatching(/consumer_timeout/),
};

let broker: RunningBroker;

beforeAll(async () => {
  broker = await startPrivateBroker({ config: [`consumer_timeout = ${CONSUMER_TIMEOUT_MS}`] });
  await broker.ctl('eval', `application:set_env(rabbit, channel_tick_interval, ${LOOK_MS}).`);
}, 120_000);

async function publish(client: TaskQueueClient, task: string, count: number, text = task): Promise<string[]> {
  const bodies = Array.from({ length: count }, (_, index) => `"${text} ${index}"`);
  await Promise.all(bodies.map((body) => client.publish(task, raw(body))));
  return bodies;
}

/** From 4.3 on no others have this timeout. */
const openQuorumClient = () => openClient({ url: broker.url, queueType: 'quorum' });

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

/** Takes too long the first time. */
function slowHandler() {
  const handled: number[] = [];
  const handle = async (batch: unknown[]) => {
    handled.push(batch.length);
    if (handled.length === 1) await sleep(TOO_LONG_MS);
  };
  return { handled, handle };
}

test.each([
  ['one batch', 500],
  // The broker has sent the next one by then.
  ['the first of some batches', 4],
])('a drain that takes too long for %s says so, and what it held is back', async (task, batchSize) => {
  const client = openQuorumClient();
  const bodies = await publish(client, task, 10);
  const { handled, handle } = slowHandler();
  await expect(client.drain(task, handle, { batchSize })).rejects.toMatchObject(TAKEN_BACK);
  expect(handled).toHaveLength(1);
  await expect.poll(() => client.depth(task)).toEqual({ messages: 10, consumers: 0 });
  expect((await client.peek(task, { limit: 100 })).map(({ body }) => body.toString())).toEqual(bodies);
});

test('a drain of all or none that takes too long begins again, as nothing is removed yet', async () => {
  const client = openQuorumClient();
  await publish(client, 'all-or-none', 10);
  const { handled, handle } = slowHandler();
  expect(await client.drain('all-or-none', handle, { allOrNone: true })).toBe(10);
  expect(sum(handled.slice(1))).toBe(10);
  await expect.poll(() => client.depth('all-or-none')).toEqual({ messages: 0, consumers: 0 });
});

test('a drain whose process learns of it too late does not claim to have removed anything', async () => {
  const client = openQuorumClient();
  const bodies = await publish(client, 'blocked', 10);
  const block = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TOO_LONG_MS);
  await expect(client.drain('blocked', block)).rejects.toMatchObject(TAKEN_BACK);
  await expect.poll(() => client.depth('blocked')).toEqual({ messages: 10, consumers: 0 });
  expect((await client.peek('blocked', { limit: 10 })).map(({ body }) => body.toString())).toEqual(bodies);
});

test('a message that is taken for too long is not said to be taken', async () => {
  const client = openQuorumClient();
  await publish(client, 'taken', 1);
  await expect(client.take('taken', () => sleep(TOO_LONG_MS))).rejects.toMatchObject(TAKEN_BACK);
  await expect.poll(() => client.depth('taken')).toEqual({ messages: 1, consumers: 0 });
});

test('dequeue counts as removed only what was acknowledged in time', async () => {
  const client = openQuorumClient();
  const bodies = await publish(client, 'executed', 3);
  // The second one takes too long: the first one is gone, and the third one is never handed over.
  const exec = `grep -q "executed 1" && sleep ${TOO_LONG_MS / 1_000}; true`;
  const { status, stderr } = await runCli(['dequeue', 'executed', '--all', '--exec', exec], {
    env: { MCP_TASKQ_URL: broker.url },
  });
  expect(stderr).toMatch(
    /1 message was removed .*; it may be back in the queue, and the rest is still there/,
  );
  expect(stderr).toMatch(/^hint: .*consumer_timeout/m);
  expect(status).toBe(3);
  expect((await client.peek('executed', { limit: 10 })).map(({ body }) => body.toString())).toEqual(
    bodies.slice(1),
  );
});

const bodiesIn = (items: WatchItem[]) => texts(items).filter((text) => text.startsWith('"'));

test('a watch whose reader pauses for too long shows each message, once and in order', async () => {
  const client = openClient({ url: broker.url });
  const first = await publish(client, 'paused', 1);
  let reading: unknown;
  const items = watching(client, ['paused'], { tail: 1 }, () => reading);
  await until(() => items.length === 1);
  // More than are kept for a reader who is behind; the rest is not acknowledged.
  reading = sleep(TOO_LONG_MS);
  const rest = await publish(client, 'paused', 1_200, 'paused later');
  await until(() => bodiesIn(items).length === 1_201, 30_000);
  expect(bodiesIn(items)).toEqual([...first, ...rest]);
  const [major = 0, minor = 0] = broker.version.split('.').map(Number);
  if (major < 4 || (major === 4 && minor < 3))
    expect(items).toContainEqual({ kind: 'interrupted', error: expect.objectContaining(TAKEN_BACK) });
});

test('a watch whose queue is deleted begins again with another one', async () => {
  const client = openClient({ url: broker.url });
  const first = await publish(client, 'deaf', 1);
  const items = watching(client, ['deaf']);
  await until(() => items.length === 1);
  const [queue] = /mcp:watch:\S+/.exec(await broker.ctl('list_queues', 'name')) ?? [];
  await broker.ctl('delete_queue', queue as string);
  await until(() => items.some(({ kind }) => kind === 'resumed'));
  const rest = await publish(client, 'deaf', 2, 'deaf later');
  await until(() => bodiesIn(items).length === 3);
  expect(bodiesIn(items)).toEqual([...first, ...rest]);
  expect(items[1]).toMatchObject({ kind: 'interrupted', error: { code: 'CONNECTION_LOST' } });
});
