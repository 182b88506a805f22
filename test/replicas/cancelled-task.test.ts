import { tracingChannel } from 'node:diagnostics_channel';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { describe, expect, onTestFinished, vi } from 'vitest';
import type { DequeueTrace } from '../../src/index.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { ask, openReplicas, serve, test } from '../support/replicas.ts';
import { observer } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const ROUNDS = extent(24, 1_000);
/** How long after the question its task is cancelled, at most: the question is being queued then, or was delivered. */
const SPREAD_MS = 8;
/** Most rounds end within milliseconds; a question that nobody rejects ends with the SDK's timeout of a minute. */
const SOON_MS = extent(30_000, 5_000);
const CANCELLED = 'Task cancelled or completed';

const start = (store: InMemoryTaskStore, pollInterval = 300_000) =>
  store.createTask({ pollInterval }, 1, { method: 'tools/call' });

const hasQueue = async (taskId: string) => (await observer().depth(taskId)) !== undefined;

describe('a question that is asked when its task was cancelled at another replica', () => {
  test('is rejected, and never reaches the user who waits for the result', async ({ store }) => {
    const [a, b] = [await serve(openReplicas(), store), await serve(openReplicas(), store)];
    const { taskId } = await start(store);
    const looks = vi.spyOn(store, 'getTask');
    void b.taskResult(taskId).catch(() => {});
    // It waits then, and looks again in five minutes.
    await until(() => looks.mock.calls.length > 0);
    await a.client.experimental.tasks.cancelTask(taskId);
    const asked = performance.now();
    await expect(ask(a, taskId)).rejects.toThrow(CANCELLED);
    expect(performance.now() - asked).toBeLessThan(SOON_MS);
    await until(async () => !(await hasQueue(taskId)));
    expect(b.received).toEqual([]);
  });

  test('is rejected by the replica that takes it, if the asker cannot', async ({ store }) => {
    // A store that does not let the asker see how its task ended.
    const blind = new Proxy(store, {
      get: (target, name) =>
        name === 'getTask' ? async () => null : Reflect.get(target, name, target)?.bind?.(target),
    });
    const [a, b] = [await serve(openReplicas(), blind), await serve(openReplicas(), store)];
    const { taskId } = await start(store);
    await b.client.experimental.tasks.cancelTask(taskId);
    const asked = expect(ask(a, taskId)).rejects.toThrow(CANCELLED);
    await until(() => hasQueue(taskId));
    await b.taskResult(taskId).catch(() => {});
    await asked;
    expect(b.received).toEqual([]);
    await until(async () => !(await hasQueue(taskId)));
  });
});

test('the questions of a cancelled task share the clearing of its queue, which would otherwise wait for each other', async ({
  store,
}) => {
  const asking = openReplicas();
  const [a, b] = [await serve(asking, store), await serve(openReplicas(), store)];
  const { taskId } = await start(store);
  const asked = Array.from({ length: 30 }, () => expect(ask(a, taskId)).rejects.toThrow(CANCELLED));
  let clearings = 0;
  const count = (trace: unknown) => {
    if ((trace as DequeueTrace).taskId === taskId) clearings++;
  };
  const { start: begun } = tracingChannel('mcp-taskq:dequeue');
  begun.subscribe(count);
  onTestFinished(() => void begun.unsubscribe(count));
  await b.client.experimental.tasks.cancelTask(taskId);
  await Promise.all(asked);
  // Lets the clearings end.
  await asking.close();
  expect(await hasQueue(taskId)).toBe(false);
  expect(clearings).toBeLessThan(10);
});

test('a question that is given back when its task was cancelled is rejected', async ({ store }) => {
  const [a, b, c] = [
    await serve(openReplicas(), store),
    await serve(openReplicas(), store),
    await serve(openReplicas(), store),
  ];
  const { taskId } = await start(store);
  let isSending = false;
  (b.mcp.server.transport as { send: unknown }).send = () => {
    isSending = true;
    return new Promise(() => {});
  };
  void b.taskResult(taskId).catch(() => {});
  const asked = expect(ask(a, taskId)).rejects.toThrow(CANCELLED);
  await until(() => isSending);
  await c.client.experimental.tasks.cancelTask(taskId);
  await b.client.close();
  await asked;
  await until(async () => !(await hasQueue(taskId)));
});

test.for([
  ['nobody waits for the result', false],
  ['another replica waits for the result', true],
] as const)(
  'in a race between asking and cancelling, no question is forgotten: %s',
  {
    timeout: 300_000,
  },
  async ([_what, isWaiting], { store }) => {
    const [a, b, c] = [
      await serve(openReplicas(), store),
      await serve(openReplicas(), store),
      await serve(openReplicas(), store),
    ];
    const taskIds: string[] = [];
    const outcomes: { [outcome: string]: number } = {};
    const askedTooLate: string[] = [];
    const cancelled = new Set<string>();
    let slowestMs = 0;
    b.onAsked((taskId) => {
      if (cancelled.has(taskId)) askedTooLate.push(taskId);
      return new Promise(() => {});
    });
    for (let round = 0; round < ROUNDS; round++) {
      const { taskId } = await start(store, 50);
      taskIds.push(taskId);
      if (isWaiting) void b.taskResult(taskId).catch(() => {});
      const asked = ask(a, taskId, {}, taskId).then(
        () => 'answered',
        ({ message }) => message as string,
      );
      await sleep((SPREAD_MS * round) / ROUNDS);
      const begun = performance.now();
      await c.client.experimental.tasks.cancelTask(taskId);
      // What was on its way to the client already is with it, as all of them are in this process.
      await nextTurn();
      cancelled.add(taskId);
      const outcome = await asked;
      slowestMs = Math.max(slowestMs, performance.now() - begun);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    noteFigures({ rounds: ROUNDS, 'slowest, ms': Math.round(slowestMs) });
    expect(outcomes).toEqual({ [`MCP error -32603: ${CANCELLED}`]: ROUNDS });
    expect(slowestMs).toBeLessThan(SOON_MS);
    for (const taskId of taskIds) await until(async () => !(await hasQueue(taskId)));
    expect(askedTooLate).toEqual([]);
  },
);
