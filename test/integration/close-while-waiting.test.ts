import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { newTask, openQueue } from '../support/tasks.ts';

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

test('close() at any moment of a wait leaves no connection open, which would keep the process alive', async () => {
  const before = openSockets();
  for (let pauseMs = 0; pauseMs < 60; pauseMs += 3) {
    const queue = openQueue();
    const stop = new AbortController();
    const waiting = queue.waitForMessage(newTask(), { signal: stop.signal }).catch(() => {});
    // The moments are what is tried here: in the middle of connecting, subscribing, and after it.
    await sleep(pauseMs);
    stop.abort();
    await waiting;
    await queue.close();
  }
  await expect.poll(openSockets, { timeout: 5_000 }).toBeLessThanOrEqual(before);
});
