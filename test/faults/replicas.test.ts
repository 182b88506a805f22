import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startPrivateBroker, untilQueuesLast } from '../support/broker.ts';
import { temporaryFolder } from '../support/cli.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { startServer, type TestClient } from '../support/mcp-server.ts';
import { connectRouted } from '../support/routed-client.ts';
import { openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const TASKS = extent(10, 100);

const textOf = (result: { content?: unknown }) => (result.content as { text: string }[])[0]?.text;

/** As a client does that wants the result: it asks again when the server says that something is wrong. */
async function resultOf(client: TestClient, taskId: string, giveUpAt: number): Promise<string | undefined> {
  for (;;) {
    try {
      return textOf(await client.taskResult(taskId));
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await sleep(100);
    }
  }
}

const answers = (index: number) => `accept: yes to ${index}?\naccept: yes to ${index}!`;

/** @returns how many of the questions were asked twice */
function expectAskedOnceOrTwice({ received }: TestClient): number {
  const times = new Map<string, number>();
  for (const step of received) {
    const asked = JSON.stringify(step);
    times.set(asked, (times.get(asked) ?? 0) + 1);
  }
  expect(times.size).toBe(2 * TASKS);
  expect(Math.max(...times.values())).toBeLessThanOrEqual(2);
  return [...times.values()].filter((count) => count === 2).length;
}

test('a broker that is killed and restarted while questions of many tasks are delivered loses none of them', {
  timeout: 240_000,
}, async () => {
  const broker = await startPrivateBroker();
  const { url } = broker;
  const tasks = await temporaryFolder();
  const replica = {
    transport: 'http',
    tasks,
    replicas: 'the secret of this fleet',
    broker: url,
    patienceMs: 120_000,
  } as const;
  const [asker, deliverer] = [await startServer(replica), await startServer(replica)];
  const [starter, reader] = [await asker.connect(), await deliverer.connect()];
  const numbers = Array.from({ length: TASKS }, (_, index) => index);
  const taskIds = await Promise.all(
    numbers.map((index) => starter.startTask([{ elicit: `${index}?` }, { elicit: `${index}!` }])),
  );
  const queue = openQueue({ url, reconnectTimeoutMs: 120_000 });
  for (const taskId of taskIds) await until(async () => (await queue.size(taskId)) === 1);
  await untilQueuesLast();

  const giveUpAt = Date.now() + 120_000;
  const results = taskIds.map((taskId) => resultOf(reader, taskId, giveUpAt));
  await until(() => reader.received.length > 0);
  await broker.kill();
  await broker.restart();
  expect(await Promise.all(results)).toEqual(numbers.map(answers));
  noteFigures({ tasks: TASKS, 'questions lost': 0, 'asked twice': expectAskedOnceOrTwice(reader) });
});

test('a deliverer that is killed amid many tasks loses no question, whether it was about to send it or had just sent it', {
  timeout: 240_000,
}, async () => {
  const tasks = await temporaryFolder();
  const replica = { transport: 'stateless', tasks, replicas: 'the secret of this fleet' } as const;
  const [asker, receiver, victim, heir] = await Promise.all([
    startServer(replica),
    startServer(replica),
    startServer({ ...replica, stall: 'mixed' }),
    startServer(replica),
  ]);
  let deliverer = victim;
  const client = await connectRouted((method) => {
    if (method === undefined) return receiver;
    return method === 'tasks/result' ? deliverer : asker;
  });
  const numbers = Array.from({ length: TASKS }, (_, index) => index);
  const taskIds = await Promise.all(
    numbers.map((index) => client.startTask([{ elicit: `${index}?` }, { elicit: `${index}!` }])),
  );
  for (const taskId of taskIds) client.taskResult(taskId).catch(() => {});
  // It holds six by then, three of them unsent.
  await until(() => client.received.length >= TASKS, 60_000);
  const before = client.received.length;
  deliverer = heir;
  await victim.kill();

  const giveUpAt = Date.now() + 60_000;
  const results = taskIds.map((taskId) => resultOf(client, taskId, giveUpAt));
  // The first answer to each, although some of the questions come again and get another one.
  expect(await Promise.all(results)).toEqual(numbers.map(answers));
  const twice = expectAskedOnceOrTwice(client);
  expect(twice).toBeGreaterThan(0);
  expect(before).toBeLessThan(2 * TASKS);
  noteFigures({
    tasks: TASKS,
    'asked before the kill': before,
    'questions lost': 0,
    'asked twice': twice,
    'second answers that counted': 0,
  });
});
