/*
 * Many tasks through one instance, each enqueued to, dequeued from and cleared: what is left of them on the
 * heap and on the broker? Run after a build:
 *   node bin/mcp-taskq.js broker --management -- node --expose-gc test/soak/many-tasks.js [200000]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { listTaskQueues, RabbitMQTaskMessageQueue } from '../../dist/index.js';

const COUNT = Number(process.argv[2] ?? 200_000);
const LANES = 32;
const MESSAGE = {
  type: 'notification',
  timestamp: Date.now(),
  message: { jsonrpc: '2.0', method: 'notifications/progress', params: { progress: 1, progressToken: 1 } },
};
const url = process.env.MCP_TASKQ_URL;
const prefix = `soak-${process.pid}:`;
const queue = new RabbitMQTaskMessageQueue({ url, prefix });

async function run(from, to) {
  let next = from;
  const lane = async () => {
    while (next < to) {
      const task = `task-${next++}`;
      await queue.enqueue(task, MESSAGE);
      await queue.enqueue(task, MESSAGE);
      if ((await queue.dequeue(task)) === undefined) throw new Error(`${task} was empty`);
      await queue.clear(task);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function heapMiB() {
  // What was closed last is still on its way.
  await sleep(500);
  global.gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** Until the caches are full and the code is compiled. */
const WARM_UP = Math.min(20_000, COUNT / 10);
await run(0, WARM_UP);
const before = await heapMiB();
const startedAt = Date.now();
const STEP = Math.ceil(COUNT / 20);
for (let done = 0; done < COUNT; done += STEP) {
  const next = Math.min(COUNT, done + STEP);
  await run(WARM_UP + done, WARM_UP + next);
  process.stderr.write(`${next} tasks: ${(await heapMiB()).toFixed(1)} MiB\n`);
}
const seconds = (Date.now() - startedAt) / 1000;
const after = await heapMiB();
let left = 0;
for await (const page of listTaskQueues({ url, apiUrl: process.env.MCP_TASKQ_API_URL, prefix }))
  left += page.length;
await queue.close();
const growth = after - before;
process.stdout.write(
  `${COUNT} tasks in ${seconds.toFixed(0)} s: heap ${before.toFixed(1)} MiB before, ${after.toFixed(1)} MiB after; ${left} queues left\n`,
);
if (growth > 2 || left > 0) process.exitCode = 1;
