import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { BIN, cliEnvironment, runCli, startCli, temporaryFolder } from '../support/cli.ts';
import { newTask, openClient } from '../support/tasks.ts';

const PADDING = 'x'.repeat(500);

/** A task with so many messages that say which one they are. */
async function filledTask(count: number): Promise<string> {
  const client = openClient();
  const task = newTask();
  const body = (n: number) => Buffer.from(JSON.stringify({ n, PADDING }));
  const publish = (n: number) => client.publish(task, { body: body(n), properties: { delivery_mode: 2 } });
  await Promise.all(Array.from({ length: count }, (_, n) => publish(n)));
  return task;
}

/** The numbers of all messages of a task, by removing them. */
async function drained(task: string): Promise<number[]> {
  const numbers: number[] = [];
  await openClient().drain(task, (batch) => {
    for (const { body } of batch) numbers.push(JSON.parse(body.toString()).n);
  });
  return numbers;
}

/** The numbers of the complete lines of a file; a line that was cut off was not acknowledged. */
async function numbersInFile(file: string): Promise<number[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).body.n);
}

async function until(isReached: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (!(await isReached())) {
    if (Date.now() > giveUpAt) throw new Error('It did not come so far');
    await sleep(2);
  }
}

async function killed(child: ReturnType<typeof startCli>): Promise<void> {
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
}

const sorted = (numbers: Iterable<number>) => [...new Set(numbers)].sort((a, b) => a - b);
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

test('a drain that is killed at any moment leaves every message in the file or in the queue', async () => {
  const count = 5000;
  const task = await filledTask(count);
  const folder = await temporaryFolder();
  const saved: number[] = [];
  for (let round = 0; round < 8; round++) {
    const file = join(folder, `${round}.jsonl`);
    const child = startCli(['dequeue', task, '--all', '--out', file]);
    const enough = Math.floor(Math.random() * 200_000);
    await until(
      async () => child.exitCode !== null || ((await stat(file).catch(() => undefined))?.size ?? -1) > enough,
    );
    await killed(child);
    saved.push(...(await numbersInFile(file)));
  }
  expect(saved.length).toBeGreaterThan(0);
  expect(sorted([...saved, ...(await drained(task))])).toEqual(numbers(count));
}, 120_000);

test('a move that is killed at any moment leaves every message in the source or in the target', async () => {
  const count = 5000;
  const [from, to] = [await filledTask(count), newTask('to')];
  const client = openClient();
  for (let round = 0; round < 8; round++) {
    const before = (await client.depth(to))?.messages ?? 0;
    const child = startCli(['mv', from, to, '--all']);
    const enough = before + Math.floor(Math.random() * 400);
    await until(async () => child.exitCode !== null || ((await client.depth(to))?.messages ?? 0) > enough);
    await killed(child);
  }
  const moved = await drained(to);
  expect(moved.length).toBeGreaterThan(0);
  expect(sorted([...moved, ...(await drained(from))])).toEqual(numbers(count));
}, 120_000);

test('a disk that is full leaves what was not written in the queue', async () => {
  const task = await filledTask(20);
  const { status, stderr } = await runCli(['dequeue', task, '--all', '--out', '/dev/full', '--append']);
  expect(status).toBe(1);
  expect(stderr).toContain('Cannot write to /dev/full: ENOSPC');
  expect(await drained(task)).toEqual(numbers(20));
});

test('a full disk behind the standard output does as well', async () => {
  const task = await filledTask(20);
  const command = `"${process.execPath}" "${BIN}" dequeue "${task}" --all > /dev/full`;
  const child = spawn('sh', ['-c', command], { env: cliEnvironment(), stdio: 'ignore' });
  const status = await new Promise((resolve) => child.once('close', resolve));
  expect(status).toBe(1);
  expect(await drained(task)).toEqual(numbers(20));
});

test('a reader that leaves is no error, and what was not written stays in the queue', async () => {
  const count = 5000;
  const task = await filledTask(count);
  const script = `"${process.execPath}" "${BIN}" dequeue "${task}" --all | head -1; echo "status \${PIPESTATUS[0]}"`;
  const child = spawn('bash', ['-c', script], { env: cliEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  await new Promise((resolve) => child.once('close', resolve));
  expect(stderr).toBe('');
  const [first = '', status] = stdout.split('\n');
  expect(status).toBe('status 0');
  expect(JSON.parse(first).body.n).toBe(0);
  // Of what the pipe had taken over nobody knows whether it was read: no more than a batch.
  const left = await drained(task);
  expect(left.length).toBeGreaterThanOrEqual(count - 500);
  expect(left).toEqual(numbers(count).slice(count - left.length));
}, 60_000);

test('six drains of one task get each message once', async () => {
  const task = await filledTask(3000);
  const drains = await Promise.all(Array.from({ length: 6 }, () => runCli(['dequeue', task, '--all'])));
  const got = drains.flatMap(({ stdout }) =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).body.n as number),
  );
  expect([...got, ...(await drained(task))].sort((a, b) => a - b)).toEqual(numbers(3000));
}, 60_000);

test('Ctrl-C stops a drain after the message that is being handled', async () => {
  const task = await filledTask(5);
  const folder = await temporaryFolder();
  const marker = join(folder, 'begun');
  const child = startCli(['dequeue', task, '--all', '--exec', `touch "${marker}"; sleep 1`]);
  await until(async () => (await stat(marker).catch(() => undefined)) !== undefined);
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(await drained(task)).toEqual([1, 2, 3, 4]);
});
