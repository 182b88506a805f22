import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { type RunningBroker, type TaskQueueClient, type WatchItem, watchTasks } from '../../src/index.ts';
import { startPrivateBroker } from '../support/broker.ts';
import { runCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { texts } from '../support/watching.ts';

/** RabbitMQ takes back what a consumer holds for longer than this, by default 30 minutes. */
const CONSUMER_TIMEOUT_MS = 2_000;
/** By default once a minute; from 4.3 on a quorum queue looks in time. */
const LOOK_MS = 200;
const TOO_LONG_MS = 3 * CONSUMER_TIMEOUT_MS;

/** RabbitMQ before 4.3 closes the channel, and later ones end the consumer. */
const TAKEN_BACK = {
  code: 'CONNECTION_LOST',
  message: expect.stringMatching(/held for longer than it allows|took back what was not acknowledged/),
  hint: expect.stringMatching(/consumer_timeout/),
};

let broker: RunningBroker;

beforeAll(async () => {
  broker = await startPrivateBroker({ config: [`consumer_timeout = ${CONSUMER_TIMEOUT_MS}`] });
  await broker.ctl('eval', `application:set_env(rabbit, channel_tick_interval, ${LOOK_MS}).`);
}, 120_000);

async function publish(client: TaskQueueClient, task: string, count: number, text = task): Promise<string[]> {
  const bodies = Array.from({ length: count }, (_, index) => `"${text} ${index}"`);
  for (const body of bodies) await client.publish(task, raw(body));
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
  expect((await client.peek(task, { limit: 100 })).map(({ body }) => body.toString())).toEqual(bodies);
  await expect.poll(() => client.depth(task)).toEqual({ messages: 10, consumers: 0 });
});

test('a drain of all or none that takes too long begins again, as nothing is removed yet', async () => {
  const client = openQuorumClient();
  await publish(client, 'all-or-none', 10);
  const { handled, handle } = slowHandler();
  expect(await client.drain('all-or-none', handle, { allOrNone: true })).toBe(10);
  expect(sum(handled.slice(1))).toBe(10);
  await expect.poll(() => client.depth('all-or-none')).toEqual({ messages: 0, consumers: 0 });
});

test('a drain whose queue is deleted meanwhile hands over what it was sent, and does not call that a failure', async () => {
  const client = openQuorumClient();
  await publish(client, 'deleted', 10);
  const handled: number[] = [];
  const deleteMeanwhile = async (batch: unknown[]) => {
    handled.push(batch.length);
    if (handled.length === 1) await broker.ctl('delete_queue', 'mcp:queue:deleted');
  };
  expect(await client.drain('deleted', deleteMeanwhile, { batchSize: 4 })).toBe(8);
  expect(sum(handled)).toBe(8);
});

test('dequeue says of what it has handed over that it may be back', async () => {
  const client = openQuorumClient();
  const bodies = await publish(client, 'executed', 3);
  // The second one takes too long: the first one is gone, and the third one is never handed over.
  const exec = `grep -q "executed 1" && sleep ${TOO_LONG_MS / 1_000}; true`;
  const { status, stderr } = await runCli(['dequeue', 'executed', '--all', '--exec', exec], {
    env: { MCP_TASKQ_URL: broker.url },
  });
  expect(stderr).toMatch(
    /2 messages were removed .*; the last may be back in the queue, and the rest is still there/,
  );
  expect(stderr).toMatch(/^hint: .*consumer_timeout/m);
  expect(status).toBe(3);
  expect((await client.peek('executed', { limit: 10 })).map(({ body }) => body.toString())).toEqual(
    bodies.slice(1),
  );
});

/** Until the client is closed. */
function watching(client: TaskQueueClient, task: string, onItem: () => unknown = () => {}): WatchItem[] {
  const items: WatchItem[] = [];
  const watch = async () => {
    for await (const item of watchTasks(client, [task], { tail: 1 })) {
      items.push(item);
      await onItem();
    }
  };
  watch().catch((error) => expect(error).toMatchObject({ code: 'CLOSED' }));
  return items;
}

const bodiesIn = (items: WatchItem[]) => texts(items).filter((text) => text.startsWith('"'));

test('a watch whose reader pauses for too long shows each message, once and in order', async () => {
  const client = openClient({ url: broker.url });
  const first = await publish(client, 'paused', 1);
  let reading: unknown;
  const items = watching(client, 'paused', () => reading);
  await until(() => items.length === 1);
  // More than are kept for a reader who is behind; the rest is not acknowledged.
  reading = sleep(TOO_LONG_MS);
  const rest = await publish(client, 'paused', 1_200, 'paused later');
  await until(() => bodiesIn(items).length === 1_201, 30_000);
  expect(bodiesIn(items)).toEqual([...first, ...rest]);
  const isOver = Number.parseFloat(broker.version) >= 4.3;
  if (!isOver)
    expect(items).toContainEqual({ kind: 'interrupted', error: expect.objectContaining(TAKEN_BACK) });
});

test('a watch whose queue is deleted begins again with another one', async () => {
  const client = openClient({ url: broker.url });
  const first = await publish(client, 'deaf', 1);
  const items = watching(client, 'deaf');
  await until(() => items.length === 1);
  const [queue] = /mcp:watch:\S+/.exec(await broker.ctl('list_queues', 'name')) ?? [];
  await broker.ctl('delete_queue', queue as string);
  await until(() => items.some(({ kind }) => kind === 'resumed'));
  const rest = await publish(client, 'deaf', 2, 'deaf later');
  await until(() => bodiesIn(items).length === 3);
  expect(bodiesIn(items)).toEqual([...first, ...rest]);
  expect(items[1]).toMatchObject({ kind: 'interrupted', error: { code: 'CONNECTION_LOST' } });
});
