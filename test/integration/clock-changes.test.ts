import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';

/** As if a clock that was wrong had been set right. */
function changeClock(byMs: number): void {
  const now = Date.now.bind(Date);
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => now() + byMs);
  onTestFinished(() => spy.mockRestore());
}

const HOUR_MS = 3_600_000;

test('when the clock is set back, waits for messages still find them, and end in time', async () => {
  const queue = openQueue();
  const task = newTask();
  const waits = [
    queue.waitForMessage(task, { timeoutMs: 50_000 }),
    expect(queue.waitForMessage(newTask(), { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
    }),
  ];
  await sleep(300);
  changeClock(-HOUR_MS);
  await openClient({ events: 'off' }).publish(task, raw('{}'));
  await Promise.all(waits);
});

test.each([
  ['back', -HOUR_MS],
  ['forward', HOUR_MS],
])('when the clock is set %s, a call waits for a lost connection as long as before', async (_, byMs) => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const queue = openQueue({ url: proxy.url, reconnectTimeoutMs: 2_000 });
  const task = newTask();
  await queue.enqueue(task, numbered(1));
  await queue.size(task);
  proxy.fault = { kind: 'gone' };
  proxy.reset();
  const begun = performance.now();
  const call = expect(queue.size(task)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  await sleep(300);
  changeClock(byMs);
  await call;
  expect(performance.now() - begun).toBeGreaterThan(1_000);
});
