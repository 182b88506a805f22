import { expect, test } from 'vitest';
import { isTaskQueueError, type TaskQueueClient } from '../../src/index.ts';
import { canCluster, startCluster } from '../support/cluster.ts';
import { openClient, raw } from '../support/tasks.ts';

const TASK = 'task';

/** Publishes one after the other until it is told to stop; what was confirmed, by body. */
function enqueueSteadily(client: TaskQueueClient, name: string) {
  const confirmed: { body: string; at: number }[] = [];
  let isStopped = false;
  const running = (async () => {
    for (let index = 0; !isStopped; index++) {
      const body = `${name} ${index}`;
      try {
        await client.publish(TASK, raw(body));
        confirmed.push({ body, at: performance.now() });
      } catch (error) {
        // Nobody knows what became of it, or it was not sent: not confirmed in either case.
        if (!isTaskQueueError(error)) throw error;
      }
    }
  })();
  return {
    confirmed,
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

function dequeueSteadily(client: TaskQueueClient, seen: string[]) {
  let isStopped = false;
  const running = (async () => {
    while (!isStopped) {
      try {
        const body = await client.take(TASK, (message) => message.body.toString());
        if (body !== undefined) seen.push(body);
      } catch (error) {
        if (!isTaskQueueError(error)) throw error;
      }
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

test.runIf(canCluster)(
  'three nodes, quorum queues: the node with the leader is killed under load, and nothing confirmed is lost',
  async () => {
    const nodes = await startCluster(3);
    // The queue's leader is on the node where it is declared, and that is the first one.
    const options = { url: nodes.map(({ url }) => url), queueType: 'quorum' } as const;
    await openClient(options).publish(TASK, raw('first'));
    const [leader] = nodes;
    const told = await leader?.ctl('--silent', 'list_queues', 'name', 'leader', 'members');
    expect(told).toMatch(/mcp:queue:task\s+taskq-0@localhost/);
    expect(told).toContain('taskq-2@localhost');

    const enqueuers = ['a', 'b', 'c', 'd'].map((name) => enqueueSteadily(openClient(options), name));
    const seen: string[] = [];
    const dequeuers = [1, 2].map(() => dequeueSteadily(openClient(options), seen));
    const allAbove = (count: number) => enqueuers.every(({ confirmed }) => confirmed.length > count);
    await expect.poll(() => allAbove(50), { timeout: 30_000 }).toBe(true);

    const killedAt = performance.now();
    await leader?.kill();
    const before = enqueuers.map(({ confirmed }) => confirmed.length);
    await expect
      .poll(() => enqueuers.every(({ confirmed }, index) => confirmed.length > (before[index] ?? 0) + 50), {
        timeout: 60_000,
      })
      .toBe(true);
    for (const each of [...enqueuers, ...dequeuers]) await each.stop();
    await openClient(options).drain(
      TASK,
      (batch) => void seen.push(...batch.map(({ body }) => body.toString())),
    );

    const confirmed = enqueuers.flatMap((each) => each.confirmed);
    const present = new Set(seen);
    expect(confirmed.filter(({ body }) => !present.has(body))).toEqual([]);
    const afterKill = confirmed
      .map(({ at }) => at - killedAt)
      .filter((ms) => ms > 0)
      .sort((a, b) => a - b);
    const pauses = afterKill.map((ms, index) => ms - (afterKill[index - 1] ?? 0));
    process.stdout.write(
      `${confirmed.length} confirmed, 0 lost, ${seen.length - present.size} delivered twice; ${Math.max(...pauses).toFixed(0)} ms without a confirm\n`,
    );
  },
  240_000,
);
