import { expect, test } from 'vitest';
import { startPrivateBroker, untilQueuesLast } from '../support/broker.ts';
import { temporaryFolder } from '../support/cli.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { startServer, type TestClient } from '../support/mcp-server.ts';
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
    }
  }
}

test('a broker that is killed and restarted while questions of many tasks are delivered loses none of them', {
  timeout: 240_000,
}, async () => {
  const { url, kill, restart } = await startPrivateBroker();
  const tasks = await temporaryFolder();
  const replica = { transport: 'http', tasks, replicas: 'the secret of this fleet', broker: url } as const;
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
  await kill();
  await restart();
  expect(await Promise.all(results)).toEqual(
    numbers.map((index) => `accept: yes to ${index}?\naccept: yes to ${index}!`),
  );
  const times = new Map<string, number>();
  for (const step of reader.received) {
    const asked = JSON.stringify(step);
    times.set(asked, (times.get(asked) ?? 0) + 1);
  }
  expect(times.size).toBe(2 * TASKS);
  expect(Math.max(...times.values())).toBeLessThanOrEqual(2);
  const twice = [...times.values()].filter((count) => count === 2).length;
  noteFigures({ tasks: TASKS, 'questions lost': 0, 'asked twice': twice });
});
