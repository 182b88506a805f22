/*
 * Prune again and again while publishers revive random queues: is every confirmed message in its queue? Only
 * what was on its way while RabbitMQ deleted the queue may be missing, as RabbitMQ confirms and drops that
 * (https://github.com/rabbitmq/rabbitmq-server/issues/4746). Run after a build:
 *   node bin/mcp-taskq.js broker -- node test/soak/prune-race.js [seconds]
 */
import { pruneTaskQueues, TaskQueueClient } from '../../dist/index.js';

const SECONDS = Number(process.argv[2] ?? 30);
const PUBLISHERS = 8;
const url = process.env.MCP_TASKQ_URL;
const prefix = `soak-${process.pid}:`;
const open = () => new TaskQueueClient({ url, prefix });
const tasks = Array.from({ length: 2000 }, (_, index) => `task-${index}`);
const message = { body: Buffer.from('{}'), properties: { delivery_mode: 2 } };
/** Confirmed less removed, of each task. */
const balance = new Map(tasks.map((task) => [task, 0]));
/** When messages were on their way, and when queues were deleted, of each task. */
const published = new Map(tasks.map((task) => [task, []]));
const deleted = new Map(tasks.map((task) => [task, []]));
const add = (task, count) => balance.set(task, balance.get(task) + count);

const cleaner = open();
const endAt = Date.now() + SECONDS * 1000;
let count = 0;
let removed = 0;
const publishers = Array.from({ length: PUBLISHERS }, async () => {
  const client = open();
  while (Date.now() < endAt) {
    const task = tasks[Math.floor(Math.random() * tasks.length)];
    const from = performance.now();
    await client.publish(task, message);
    published.get(task).push({ from, to: performance.now() });
    add(task, 1);
    count++;
  }
  await client.close();
});
// Empties queues as a consumer does and leaves them, so that there is something to prune.
const consumer = (async () => {
  const client = open();
  while (Date.now() < endAt) {
    const task = tasks[Math.floor(Math.random() * tasks.length)];
    const read = await client.clear(task, undefined, { keepQueue: true });
    add(task, -read);
    removed += read;
  }
  await client.close();
})();
const counts = { deleted: 0, kept: 0, failed: 0 };
let rounds = 0;
let from = 0;
// The next id is taken when that queue is about to be deleted.
const timed = function* () {
  for (const task of tasks) {
    from = performance.now();
    yield task;
  }
};
while (Date.now() < endAt) {
  for await (const { taskId, outcome } of pruneTaskQueues(cleaner, timed())) {
    counts[outcome]++;
    if (outcome === 'deleted') deleted.get(taskId).push({ from, to: performance.now() });
    if (Date.now() >= endAt) break;
  }
  rounds++;
}
await Promise.all([...publishers, consumer]);
let overlapping = 0;
let dropped = 0;
let lost = 0;
for (const [task, expected] of balance) {
  const meets = (message) => deleted.get(task).some(({ from, to }) => message.from < to && message.to > from);
  const atRisk = published.get(task).filter(meets).length;
  const missing = expected - ((await cleaner.depth(task))?.messages ?? 0);
  overlapping += atRisk;
  dropped += Math.min(missing, atRisk);
  lost += Math.max(missing - atRisk, 0);
  await cleaner.clear(task);
}
await cleaner.close();
process.stdout.write(
  `${SECONDS} s, ${rounds} rounds: ${count} messages confirmed, ${removed} read; queues: ${counts.deleted} times deleted, ${counts.kept} kept, ${counts.failed} failed; of ${overlapping} messages on their way during a deletion ${dropped} dropped by RabbitMQ; ${lost} others lost\n`,
);
if (lost > 0 || counts.deleted === 0 || counts.failed > 0) process.exitCode = 1;
