/*
 * Everything at once on tasks that come and go, for 20 minutes: is the heap flat, and is every confirmed message read?
 * Every 20 seconds the broker closes a connection. Run after a build:
 *   node bin/mcp-taskq.js broker --management -- node --expose-gc test/soak/mixed-load.js [minutes]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isTaskQueueError, RabbitMQTaskMessageQueue, TaskQueueClient, watchTasks } from '../../dist/index.js';

const MINUTES = Number(process.argv[2] ?? 20);
const REPORTS = 10;
const TASKS_AT_ONCE = 100;
const MAX_SIZE = 1000;
const url = process.env.MCP_TASKQ_URL;
const prefix = `soak-${process.pid}:`;
const queue = new RabbitMQTaskMessageQueue({ url, prefix, connectionName: prefix });
const endAt = Date.now() + MINUTES * 60_000;

const counts = { confirmed: 0, read: 0, peeked: 0, cleared: 0, waited: 0, watched: 0, closed: 0 };
const failures = {};
/** Confirmed and not read yet. */
const outstanding = new Set();
/** Read and not confirmed yet, or never, or read before: what is left of it at the end are duplicates. */
const unexpected = new Set();

let nextId = 0;
let nextTask = 0;
let isOver = false;

/** A task out of those at work; now and then a new one takes the place of the oldest, which is delivered. */
async function someTask() {
  if (Math.random() < 0.01) {
    for (const message of await queue.dequeueAll(`task-${nextTask++}`)) note(message);
  }
  return `task-${nextTask + Math.floor(Math.random() * TASKS_AT_ONCE)}`;
}

async function enqueue(task) {
  const id = nextId++;
  await queue.enqueue(
    task,
    {
      type: 'notification',
      timestamp: Date.now(),
      message: {
        jsonrpc: '2.0',
        method: 'notifications/message',
        params: { level: 'info', data: { id, text: 'x'.repeat(Math.random() * 2000) } },
      },
    },
    undefined,
    Math.random() < 0.5 ? MAX_SIZE : undefined,
  );
  counts.confirmed++;
  if (!unexpected.delete(id)) outstanding.add(id);
}

function note({ message }) {
  counts.read++;
  const { id } = message.params.data;
  if (!outstanding.delete(id)) unexpected.add(id);
}

/** What happens, each as often as it says. */
const OPERATIONS = [
  [40, enqueue],
  [
    35,
    async (task) => {
      const message = await queue.dequeue(task);
      if (message) note(message);
    },
  ],
  [
    10,
    async (task) => {
      if (await queue.peek(task)) counts.peeked++;
    },
  ],
  [10, (task) => queue.size(task)],
  [
    4,
    async (task) => {
      for (const message of await queue.dequeueAll(task)) note(message);
      counts.cleared++;
    },
  ],
  [
    1,
    async (task) => {
      await queue.waitForMessage(task, { timeoutMs: 50 });
      counts.waited++;
    },
  ],
];
const DICE = OPERATIONS.flatMap(([times, operation]) => Array(times).fill(operation));

async function lane() {
  while (!isOver) {
    await attempt(async () => DICE[Math.floor(Math.random() * DICE.length)](await someTask()));
    // The broker and this machine have other things to do as well.
    await sleep(5);
  }
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    if (!isTaskQueueError(error)) throw error;
    failures[error.code] = (failures[error.code] ?? 0) + 1;
  }
}

async function watch() {
  const client = new TaskQueueClient({ url, prefix });
  const stop = new AbortController();
  const timer = setInterval(() => isOver && stop.abort(), 500);
  for await (const { kind } of watchTasks(client, [], { signal: stop.signal })) {
    if (kind === 'message') counts.watched++;
  }
  clearInterval(timer);
  await client.close();
}

/** Through the management API, as an operator can; the one that is open longest. */
async function closeConnections() {
  const base = new URL(process.env.MCP_TASKQ_API_URL);
  const api = (path, options) =>
    fetch(new URL(`api/${path}`, base), {
      ...options,
      headers: { authorization: `Basic ${btoa('guest:guest')}` },
    });
  while (!isOver) {
    for (let tick = 0; tick < 40 && !isOver; tick++) await sleep(500);
    const connections = await (await api('connections')).json();
    const ours = connections.filter(({ user_provided_name = '' }) => user_provided_name.startsWith(prefix));
    const oldest = ours.sort((a, b) => a.connected_at - b.connected_at)[0];
    if (oldest === undefined) continue;
    await api(`connections/${encodeURIComponent(oldest.name)}`, { method: 'DELETE' });
    counts.closed++;
  }
}

async function heapMiB() {
  global.gc();
  // What the first collection has freed lets go of more.
  await sleep(100);
  global.gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

const work = [watch(), closeConnections(), ...Array.from({ length: 16 }, lane)];
const rows = [];
const report = async (minutes) => {
  const heap = await heapMiB();
  const rss = process.memoryUsage().rss / 2 ** 20;
  rows.push({ minutes, heap });
  process.stdout.write(
    `| ${minutes.toFixed(1)} | ${counts.confirmed} | ${heap.toFixed(1)} | ${rss.toFixed(0)} | ${outstanding.size} |\n`,
  );
};
process.stdout.write(
  '| minutes | confirmed | heap after GC, MiB | RSS, MiB | in queues |\n|---|---|---|---|---|\n',
);
for (let index = 1; index <= REPORTS; index++) {
  await sleep(Math.max(0, endAt - (MINUTES * 60_000 * (REPORTS - index)) / REPORTS - Date.now()));
  await report((MINUTES * index) / REPORTS);
}
isOver = true;
await Promise.all(work);
for (let task = 0; task < nextTask + TASKS_AT_ONCE; task++) {
  for (const message of await queue.dequeueAll(`task-${task}`)) note(message);
}
await queue.close();
process.stdout.write(`\n${JSON.stringify({ ...counts, failures })}\n`);
process.stdout.write(`confirmed and lost: ${outstanding.size}; read twice: ${unexpected.size}\n`);
const growth = rows.at(-1).heap - rows[0].heap;
if (outstanding.size > 0 || growth > 2) process.exitCode = 1;
