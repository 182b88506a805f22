/*
 * A million messages in one queue: how much memory a drain to a file takes, next to one of fewer; how long a peek takes,
 * next to one of an empty queue; and whether the file has each message once, in order. Run after a build:
 *   node bin/mcp-taskq.js broker -- node test/soak/million-messages.js [1000000]
 */
import { spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TaskQueueClient } from '../../dist/index.js';

const MOST = Number(process.argv[2] ?? 1_000_000);
const AT_ONCE = 2_000;
const PEEKS = 200;
const path = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const client = new TaskQueueClient({ url: process.env.MCP_TASKQ_URL, events: 'off' });
const folder = await mkdtemp(join(tmpdir(), 'mcp-taskq-soak-'));

async function fill(task, count) {
  for (let done = 0; done < count; done += AT_ONCE) {
    const wanted = Math.min(AT_ONCE, count - done);
    const publish = (_, index) => client.publish(task, messageOf(done + index));
    await Promise.all(Array.from({ length: wanted }, publish));
  }
}

function messageOf(number) {
  const message = {
    jsonrpc: '2.0',
    method: 'notifications/progress',
    params: { progressToken: 1, progress: number },
  };
  const body = { type: 'notification', message, timestamp: '2026-01-01T00:00:00.000+00:00' };
  return { body: Buffer.from(JSON.stringify(body)), properties: { delivery_mode: 2 } };
}

async function medianPeekMs(task) {
  const times = [];
  for (let peek = 0; peek < PEEKS; peek++) {
    const begunAt = performance.now();
    await client.peek(task);
    times.push(performance.now() - begunAt);
  }
  return times.sort((a, b) => a - b)[PEEKS / 2];
}

/** In a process of its own, as an operator does it. */
function drain(task, file) {
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      '--import',
      path('test/bench/report-memory.js'),
      path('bin/mcp-taskq.js'),
      'dequeue',
      task,
      '--all',
      '--out',
      file,
    ],
    { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] },
  );
  if (status !== 0) throw new Error(`The drain ended with ${status}: ${stderr}`);
  return Number(/peak memory (\d+)/.exec(stderr)[1]) / 1024;
}

/** Little by little, and by hand: to node:readline of Node 24 a line also ends at U+2028, which JSON may contain. */
async function* linesOf(file) {
  let rest = '';
  for await (const chunk of createReadStream(file, 'utf8')) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    yield* lines;
  }
  if (rest !== '') throw new Error(`The file ends within a line: ${rest}`);
}

/** @throws if the file has not each message once, in order */
async function check(file, count) {
  let next = 0;
  for await (const line of linesOf(file)) {
    const number = JSON.parse(line).body.message.params.progress;
    if (number !== next++) throw new Error(`Line ${next} has message ${number}`);
  }
  if (next !== count) throw new Error(`The file has ${next} of ${count} messages`);
}

const task = `soak-${process.pid}`;
const rows = [];
try {
  process.stdout.write('| messages | peek, median | drain: peak RSS | drain |\n|---|---|---|---|\n');
  for (const count of [0, 1, MOST / 100, MOST / 10, MOST]) {
    await fill(task, count);
    const peekMs = await medianPeekMs(task);
    const file = join(folder, `${count}.jsonl`);
    const begunAt = performance.now();
    const row = { peekMs, rss: 0 };
    if (count > 0) {
      row.rss = drain(task, file);
      row.seconds = (performance.now() - begunAt) / 1000;
      await check(file, count);
      await rm(file);
    }
    rows.push(row);
    const drained = count > 0 ? `${row.rss.toFixed(0)} MiB | ${row.seconds.toFixed(1)} s` : '|';
    process.stdout.write(`| ${count} | ${peekMs.toFixed(2)} ms | ${drained} |\n`);
  }
} finally {
  await client.clear(task);
  await client.close();
  await rm(folder, { recursive: true });
}
// An empty queue is not even read from: what a million costs is compared with one message.
const [, one, , tenth, all] = rows;
if (all.peekMs > one.peekMs * 2 || all.rss > tenth.rss * 1.2) process.exitCode = 1;
