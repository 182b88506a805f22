import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ErrorCode, type TaskQueueClient, watchTasks } from '../../src/index.ts';
import { newTask, openClient, openQueue } from '../support/tasks.ts';

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

/** How long it takes to connect, and to listen to a task. */
async function measureSetUp(): Promise<number> {
  const client = openClient();
  const listener = { onEvent: () => {}, onLost: () => {}, onResumed: () => {} };
  const task = newTask();
  const beganAt = performance.now();
  await Promise.all([
    client.depth(task),
    client.subscribe(['enqueued'], listener).then((subscription) => subscription.follow(task)),
  ]);
  const tookMs = performance.now() - beganAt;
  await client.close();
  return tookMs;
}

test('close() at any moment of a wait leaves no connection open, which would keep the process alive', async () => {
  const before = openSockets();
  // The first one takes longer than those that follow.
  await measureSetUp();
  const stepMs = (1.5 * (await measureSetUp())) / 20;
  for (let step = 0; step < 20; step++) {
    const queue = openQueue();
    const stop = new AbortController();
    const waiting = queue.waitForMessage(newTask(), { signal: stop.signal }).catch(() => {});
    // The moments are what is tried here: in the middle of connecting, subscribing, and after it.
    await sleep(step * stepMs);
    stop.abort();
    await waiting;
    await queue.close();
  }
  await expect.poll(openSockets).toBeLessThanOrEqual(before);
});

test.each<[string, (client: TaskQueueClient) => Promise<unknown>]>([
  ['watch', (client) => watchTasks(client, [newTask()]).next()],
  ['reply queue', (client) => client.receiveReplies(randomBytes(16).toString('base64url'), () => {}).open()],
])(
  'a %s that is being set up when its client is closed says so, and not that the connection is lost',
  async (_what, setUp) => {
    const stepMs = (1.5 * (await measureSetUp())) / 10;
    for (let step = 0; step < 10; step++) {
      const client = openClient();
      const outcome = setUp(client).then(
        () => 'set up',
        ({ code }) => code,
      );
      await sleep(step * stepMs);
      const closed = client.close().then(() => sleep(100, 'still open'));
      expect(await Promise.race([outcome, closed])).toBeOneOf(['set up', ErrorCode.closed, 'still open']);
      await closed;
    }
  },
);
