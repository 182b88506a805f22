import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { watchTasks } from '../../src/index.ts';
import { newTask, openClient } from '../support/tasks.ts';
import { until } from '../support/until.ts';

test('any number of waits and watches share one listener of a signal, and leave none: Node 20 warns of more than ten', async () => {
  const task = newTask();
  const { signal, ...stopping } = controller();
  const client = openClient();
  const waits = [client, ...Array.from({ length: 3 }, () => openClient())].flatMap((each) =>
    Array.from({ length: 4 }, () => each.waitForMessage(task, { signal })),
  );
  const watches = Array.from({ length: 3 }, () => watchTasks(client, [task], { signal }).next());
  await until(() => client.stats().connections.filter(({ state }) => state === 'connected').length >= 4);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  const reason = new Error('enough');
  stopping.abort(reason);
  for (const outcome of await Promise.allSettled(waits)) expect(outcome).toMatchObject({ reason });
  for (const outcome of await Promise.all(watches)) expect(outcome).toMatchObject({ value: { kind: 'gap' } });
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

function controller() {
  const made = new AbortController();
  return { signal: made.signal, abort: (reason: Error) => made.abort(reason) };
}
