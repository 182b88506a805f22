import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { stopAfterFile } from '../support/broker.ts';
import { temporaryFolder } from '../support/cli.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { FileTaskStore } from '../support/mcp-server/file-task-store.js';
import { type HttpServerProcess, startHttpServer, type TestClient } from '../support/mcp-server.ts';
import { connectRouted } from '../support/routed-client.ts';
import { queueObserver } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/** The same as in fleet.slow.test.ts. */
const TASKS = extent(8, 200);
const SECRET = 'what only the replicas of this fleet know';

const textOf = (result: { content?: unknown }) => (result.content as { text: string }[])[0]?.text;

/** With the plain queue. Both tests that show what it does share them: starting one takes a second. */
let tasks: string;
let plain: [HttpServerProcess, HttpServerProcess, HttpServerProcess];

beforeAll(async () => {
  tasks = await mkdtemp(join(tmpdir(), 'mcp-taskq-test-'));
  stopAfterFile(() => rm(tasks, { recursive: true, force: true }));
  const start = () => startHttpServer({ tasks, isShared: true });
  plain = await Promise.all([start(), start(), start()]);
});

test('with the plain queue, no answer reaches a task that another process asks for', {
  timeout: 240_000,
}, async () => {
  const [asker, deliverer, receiver] = plain.map(({ stateless }) => stateless);
  let accepted = 0;
  const client = await connectRouted(
    (method) => {
      if (method === undefined) return receiver;
      return method === 'tasks/result' ? deliverer : asker;
    },
    (method) => {
      if (method === undefined) accepted++;
    },
  );
  const ask = async (index: number) => {
    const taskId = await client.startTask([{ elicit: `${index}?` }, { elicit: `${index}!` }]);
    client.taskResult(taskId).catch(() => {});
    return taskId;
  };
  const taskIds = await Promise.all(Array.from({ length: TASKS }, (_, index) => ask(index)));
  // When a server has accepted an answer, its SDK has done with it what it ever will.
  await until(() => accepted === TASKS);
  const store = new FileTaskStore(tasks);
  const all = await Promise.all(taskIds.map((taskId) => store.getTask(taskId)));
  expect(all.filter(({ status }) => status === 'completed')).toEqual([]);
  expect(client.received).toHaveLength(TASKS);
  noteFigures({ tasks: TASKS, 'answers lost': TASKS });
});

describe('of two processes that ask and deliver for each other', () => {
  /** Each has one session, in which it asks for its own tasks and delivers the other's. @returns how many got a wrong answer */
  async function countMixedUp(one: TestClient, other: TestClient): Promise<number> {
    const pairs = [
      { asker: one, deliverer: other, name: 'one' },
      { asker: other, deliverer: one, name: 'other' },
    ];
    const asked = pairs.flatMap(({ asker, deliverer, name }) =>
      Array.from({ length: TASKS }, async (_, index) => {
        const taskId = await asker.startTask([{ elicit: `${name} ${index}?` }]);
        await until(async () => (await queueObserver().size(taskId)) === 1);
        return { taskId, deliverer, answer: `accept: yes to ${name} ${index}?` };
      }),
    );
    // Each question is in its queue then, and open at its asker, wherever an answer comes.
    const results = (await Promise.all(asked)).map(async ({ taskId, deliverer, answer }) => {
      return textOf(await deliverer.taskResult(taskId)) !== answer;
    });
    return (await Promise.all(results)).filter((isMixedUp) => isMixedUp).length;
  }

  test('with the plain queue, each takes the other’s answers for its own', { timeout: 240_000 }, async () => {
    const mixedUp = await countMixedUp(await plain[0].connect(), await plain[1].connect());
    noteFigures({ tasks: 2 * TASKS, 'answers mixed up': mixedUp });
    expect(mixedUp).toBe(2 * TASKS);
  });

  test('with replicas, each task gets its own answers', { timeout: 240_000 }, async () => {
    const options = { tasks: await temporaryFolder(), replicas: SECRET };
    const start = () => startHttpServer(options);
    const [one, other] = await Promise.all([start(), start()]);
    const mixedUp = await countMixedUp(await one.connect(), await other.connect());
    noteFigures({ tasks: 2 * TASKS, 'answers mixed up': mixedUp });
    expect(mixedUp).toBe(0);
  });
});
