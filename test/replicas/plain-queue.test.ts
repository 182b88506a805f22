import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/cli.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { FileTaskStore } from '../support/mcp-server/file-task-store.js';
import { startServer } from '../support/mcp-server.ts';
import { connectRouted } from '../support/routed-client.ts';
import { until } from '../support/until.ts';

/** The same as in fleet.test.ts. */
const TASKS = extent(8, 200);
/** A task that has no answer by then gets none. */
const PATIENCE_MS = extent(30_000, 60_000);
const SECRET = 'what only the replicas of this fleet know';

const textOf = (result: { content?: unknown }) =>
  (result.content as { text: string }[] | undefined)?.[0]?.text;

test('with the plain queue, no answer reaches a task that another process asks for', {
  timeout: 240_000,
}, async () => {
  const tasks = await temporaryFolder();
  const [asker, deliverer, receiver] = await Promise.all(
    [1, 2, 3].map(() => startServer({ transport: 'stateless', tasks })),
  );
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
  const start = async (index: number) => {
    const taskId = await client.startTask([{ elicit: `${index}?` }, { elicit: `${index}!` }]);
    client.taskResult(taskId).catch(() => {});
  };
  await Promise.all(Array.from({ length: TASKS }, (_, index) => start(index)));
  // When a server has accepted an answer, its SDK has done with it what it ever will.
  await until(() => accepted === TASKS, 60_000);
  const { tasks: all } = await new FileTaskStore(tasks).listTasks();
  expect(all.filter(({ status }) => status === 'completed')).toEqual([]);
  expect(client.received).toHaveLength(TASKS);
  noteFigures({ tasks: TASKS, 'answers lost': TASKS });
});

test.each([
  ['with the plain queue, each takes the other’s answers for its own', undefined, 2 * TASKS],
  ['with replicas, each task gets its own answers', SECRET, 0],
])(
  'of two processes that ask and deliver for each other, %s',
  {
    timeout: 240_000,
  },
  async (_what, replicas, expected) => {
    const tasks = await temporaryFolder();
    const options = { transport: 'http', tasks, ...(replicas !== undefined && { replicas }) } as const;
    const [one, other] = await Promise.all([1, 2].map(async () => (await startServer(options)).connect()));
    const pairs = [
      [one, other, 'one'],
      [other, one, 'other'],
    ] as const;
    const started = await Promise.all(
      pairs.map(async ([asker, deliverer, name]) => {
        const start = (index: number) => asker?.startTask([{ elicit: `${name} ${index}?` }]);
        const taskIds = await Promise.all(Array.from({ length: TASKS }, (_, index) => start(index)));
        return { taskIds, deliverer, name };
      }),
    );
    // With the plain queue, an answer may come where no question is open; its task then waits for good.
    const over = sleep(PATIENCE_MS, {}, { ref: false });
    const results = started.flatMap(({ taskIds, deliverer, name }) =>
      taskIds.map(async (taskId, index) => {
        const result = deliverer?.taskResult(taskId as string).catch(() => ({}));
        return textOf((await Promise.race([result, over])) as object) === `accept: yes to ${name} ${index}?`;
      }),
    );
    const wrong = (await Promise.all(results)).filter((isRight) => !isRight).length;
    noteFigures({ tasks: 2 * TASKS, 'answers lost or mixed up': wrong });
    expect(wrong).toBe(expected);
  },
);
