/*
 * Prune again and again while publishers revive random queues: is every confirmed message in its queue, though RabbitMQ
 * confirms, and drops, what is on its way to a queue while it deletes it
 * (https://github.com/rabbitmq/rabbitmq-server/issues/4746)? Run after a build:
 *   node bin/mcp-taskq.js broker -- node test/soak/prune-race.js [seconds] [tasks]
 */
import { pruneTaskQueues, TaskQueueClient } from '../../dist/index.js';

const SECONDS = Number(process.argv[2] ?? 30);
const TASKS = Number(process.argv[3] ?? 2000);
const PUBLISHERS = 8;
const url = process.env.MCP_TASKQ_URL;
const prefix = `soak-${process.pid}:`;
// As prune leaves alone what was in use within the last hour, publishers revive a queue after more than that.
const open = () => new TaskQueueClient({ url, prefix, redeclareAfterMs: 1 });
const tasks = Array.from({ length: TASKS }, (_, index) => `task-${index}`);
const someTask = () => tasks[Math.floor(Math.random() * tasks.length)];
/** When each confirmed message was on its way, and where to. */
const confirmed = new Map();
/** How often each message was read. */
const read = new Map();
/** When the queue of each task was being deleted. */
const deletions = new Map(tasks.map((task) => [task, []]));
const note = (messages) => {
  for (const { body } of messages) read.set(Number(body), (read.get(Number(body)) ?? 0) + 1);
};

const cleaner = open();
const endAt = Date.now() + SECONDS * 1000;
let next = 0;
const publishers = Array.from({ length: PUBLISHERS }, async () => {
  const client = open();
  while (Date.now() < endAt) {
    const [id, task, from] = [next++, someTask(), performance.now()];
    await client.publish(task, { body: Buffer.from(String(id)), properties: { delivery_mode: 2 } });
    confirmed.set(id, { task, from, to: performance.now() });
  }
  await client.close();
});
// Empties queues as a consumer does and leaves them, so that there is something to prune.
const consumer = (async () => {
  const client = open();
  while (Date.now() < endAt) await client.clear(someTask(), note, { keepQueue: true });
  await client.close();
})();
const counts = { deleted: 0, kept: 0, failed: 0 };
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
    if (outcome === 'deleted') deletions.get(taskId).push({ from, to: performance.now() });
    if (Date.now() >= endAt) break;
  }
}
await Promise.all([...publishers, consumer]);
for (const task of tasks) await cleaner.clear(task, note);
await cleaner.close();

const isAtRisk = ({ task, from, to }) =>
  deletions.get(task).some((deletion) => from < deletion.to && to > deletion.from);
const atRisk = [...confirmed.values()].filter(isAtRisk).length;
const lost = [...confirmed.keys()].filter((id) => !read.has(id)).length;
const twice = [...read.values()].filter((times) => times > 1).length;
process.stdout.write(
  `${SECONDS} s: ${confirmed.size} messages confirmed, ${atRisk} of them while their queue was being deleted; ${lost} lost, ${twice} read twice; queues: ${counts.deleted} times deleted, ${counts.kept} kept, ${counts.failed} failed\n`,
);
if (lost > 0 || atRisk === 0 || counts.deleted === 0 || counts.failed > 0) process.exitCode = 1;
