import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, test, vi } from 'vitest';
import type { TaskQueueClient } from '../../src/index.ts';
import { BIN, cliEnvironment, runCli, startCli, temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { drainedIds, newTask, observer, openClient } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const PADDING = 'x'.repeat(500);

/** A task with so many messages that say which one they are. */
async function filledTask(count: number): Promise<string> {
  const task = newTask();
  await fill(openClient(), task, 0, count);
  return task;
}

/** Adds messages with these numbers. */
async function fill(client: TaskQueueClient, task: string, from: number, to: number): Promise<void> {
  const body = (n: number) => Buffer.from(JSON.stringify({ n, PADDING }));
  const publish = (n: number) => client.publish(task, { body: body(n), properties: { delivery_mode: 2 } });
  // Not all at once: each has to be stored within 30 seconds.
  for (let start = from; start < to; start += 1_000) {
    const count = Math.min(1_000, to - start);
    await Promise.all(Array.from({ length: count }, (_, index) => publish(start + index)));
  }
}

/** The numbers of all messages of a task, by removing them. */
async function drained(task: string): Promise<number[]> {
  const numbers: number[] = [];
  await observer().drain(task, (batch) => {
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

const sorted = (numbers: Iterable<number>) => [...new Set(numbers)].sort((a, b) => a - b);
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/**
 * Kills a command in the middle of its work, when it has come so far.
 * @returns false if it was faster, and has done all of its work
 */
async function killAt(args: string[], isReached: () => Promise<boolean>): Promise<boolean> {
  const child = startCli(args);
  const ended = once(child, 'close');
  while (child.exitCode === null && !(await isReached())) await sleep(2);
  child.kill('SIGKILL');
  const [status, signal] = await ended;
  expect([status, signal]).toEqual(signal === null ? [0, null] : [null, 'SIGKILL']);
  return signal !== null;
}

/**
 * All that were there are either found already or in one of the queues. What a killed reader held comes back when RabbitMQ
 * notices that it is gone, and a drain takes as many as are ready when it begins: so they are drained again while some are
 * missing, for a time.
 */
async function expectAll(count: number, tasks: string[], found: number[]): Promise<void> {
  const all = new Set(found);
  const find = async () => {
    for (const task of tasks) for (const n of await drained(task)) all.add(n);
    return sorted(all);
  };
  await expect.poll(find).toEqual(numbers(count));
}

const MOMENTS = inject('isLong') ? 50 : 5;
const FULL = 5_000;
/** Of fewer a command would often have handled all before it is killed. */
const ENOUGH = 3_000;

/**
 * Adds messages to a task of which few are left.
 * @param count so many were added before: their numbers are below it
 * @returns so many are now
 */
async function refill(client: TaskQueueClient, task: string, count: number): Promise<number> {
  const left = (await client.depth(task))?.messages ?? 0;
  if (left >= ENOUGH) return count;
  await fill(client, task, count, count + FULL);
  return count + FULL;
}

// Each starts and kills many processes.
vi.setConfig({ testTimeout: inject('isLong') ? 1_200_000 : 300_000 });

test('a drain that is killed at any moment leaves every message in a file or in the queue', async () => {
  const client = openClient();
  const task = newTask();
  let count = 0;
  const folder = await temporaryFolder();
  const saved: number[] = [];
  for (let round = 0, killed = 0; killed < MOMENTS; round++) {
    count = await refill(client, task, count);
    const file = join(folder, `${round}.jsonl`);
    // One batch is about 300 KB: in some rounds before the first is written, in others between or within two.
    const enough = Math.floor(Math.random() * 600_000) - 50_000;
    const isReached = async () => ((await stat(file).catch(() => undefined))?.size ?? -1) > enough;
    if (await killAt(['dequeue', task, '--all', '--out', file], isReached)) killed++;
    saved.push(...(await numbersInFile(file)));
  }
  expect(saved.length).toBeGreaterThan(0);
  await expectAll(count, [task], saved);
});

const canBeFirst = canUnshare('--pid', '--fork', '--mount-proc', 'true');

// Linux takes no default action of a signal there.
test.runIf(canBeFirst).each([
  ['a second signal', ['SIGINT', 'SIGTERM']],
  ['SIGQUIT', ['SIGQUIT']],
] as const)('%s ends a drain at once that is the first process of a container', async (_what, signals) => {
  const task = await filledTask(ENOUGH);
  const file = join(await temporaryFolder(), 'drained.jsonl');
  const drain = `exec unshare -r --pid --fork --mount-proc ${CLI} dequeue ${task} --all --out ${file}`;
  const container = spawn('sh', ['-c', drain], { env: cliEnvironment(), stdio: 'ignore' });
  const ended = once(container, 'close');
  await until(async () => ((await stat(file).catch(() => undefined))?.size ?? 0) > 0);
  const first = await readFile(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8');
  for (const signal of signals) process.kill(Number(first), signal);
  // Two signals that come together may be delivered in either order.
  expect(signals.map((signal) => 128 + constants.signals[signal])).toContain((await ended)[0]);
  await expectAll(ENOUGH, [task], await numbersInFile(file));
});

test('a move that is killed at any moment leaves every message in the source or in the target', async () => {
  const client = openClient();
  const [from, to] = [newTask(), newTask('to')];
  let count = 0;
  for (let killed = 0; killed < MOMENTS; ) {
    count = await refill(client, from, count);
    const before = (await client.depth(to))?.messages ?? 0;
    const enough = before + Math.floor(Math.random() * 600) - 50;
    const isReached = async () => ((await client.depth(to))?.messages ?? 0) > enough;
    if (await killAt(['mv', from, to, '--all'], isReached)) killed++;
  }
  const moved = await drained(to);
  expect(moved.length).toBeGreaterThan(0);
  await expectAll(count, [to, from], moved);
});

/** A task with so many messages, and their `message_id`s. */
async function taskWithIds(count: number, padding = PADDING) {
  const client = openClient();
  const task = newTask();
  const ids = Array.from({ length: count }, () => randomUUID());
  const body = Buffer.from(JSON.stringify({ padding }));
  const publish = (message_id: string) =>
    client.publish(task, { body, properties: { delivery_mode: 2, message_id } });
  await Promise.all(ids.map(publish));
  return { task, ids };
}

/** Of the complete lines of a file. */
async function idsInFile(file: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line).properties.message_id);
}

/** What the shell command did, and what it printed on standard error. */
async function runShell(command: string): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn('bash', ['-c', command], { env: cliEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const [status] = await once(child, 'close');
  return { status, ...output };
}

const CLI = `"${process.execPath}" "${BIN}"`;

describe('a disk that fills up', () => {
  // A limit on the size of files: the last write that fits is cut short, as on a full disk.
  test('leaves each message in the file or in the queue', async () => {
    const { task, ids } = await taskWithIds(1200);
    const file = join(await temporaryFolder(), 'drained.jsonl');
    const { status, stderr } = await runShell(`ulimit -f 512; ${CLI} dequeue ${task} --all --out ${file}`);
    expect(status).toBe(3);
    expect(stderr).toMatch(/error: Cannot write to .*: EFBIG.* messages were removed/);
    const [saved, left] = [await idsInFile(file), await drainedIds(task)];
    expect(saved.length).toBeGreaterThan(0);
    expect(left.length).toBeGreaterThan(0);
    // A batch of which only a part was written is still in the queue: better twice than never.
    expect([...new Set([...saved, ...left])].toSorted()).toEqual(ids.toSorted());
  });

  test.skipIf(!canMount())('leaves each message on a small tmpfs or in the queue', async () => {
    const { task, ids } = await taskWithIds(1200);
    const folder = await temporaryFolder();
    const copy = join(await temporaryFolder(), 'drained.jsonl');
    const { status, stderr } = await runShell(
      `unshare -rm sh -c 'mount -t tmpfs -o size=512k none ${folder} || exit 99
         ${CLI} dequeue ${task} --all --out ${folder}/x; status=$?; cp ${folder}/x ${copy}; exit $status'`,
    );
    expect(status).toBe(3);
    expect(stderr).toMatch(/error: Cannot write to .*: ENOSPC.* messages were removed/);
    const [saved, left] = [await idsInFile(copy), await drainedIds(task)];
    expect(saved.length).toBeGreaterThan(0);
    expect([...new Set([...saved, ...left])].toSorted()).toEqual(ids.toSorted());
  });

  test('and is full from the start leaves all of them in the queue', async () => {
    const { task, ids } = await taskWithIds(20);
    const { status, stderr } = await runCli(['dequeue', task, '--all', '--out', '/dev/full', '--append']);
    expect(status).toBe(1);
    expect(stderr).toContain('Cannot write to /dev/full: ENOSPC');
    expect(await drainedIds(task)).toEqual(ids);
  });

  test.each([
    ['a help page', 'peek --help', 1, /^error: Cannot write to standard output: ENOSPC/],
    ['a completion script', 'completion bash', 1, /^error: Cannot write to standard output: ENOSPC/],
    ['the version', '--version', 1, /^error: Cannot write to standard output: ENOSPC/],
  ])('is said by %s', async (_what, words, status, says) => {
    const result = await runShell(`${CLI} ${words} > /dev/full`);
    expect(result).toMatchObject({ status, stderr: expect.stringMatching(says) });
  });

  test('behind the standard output leaves no doubt that a message was added or moved', async () => {
    const [from, to] = [newTask(), newTask()];
    const added = await runShell(`${CLI} enqueue ${from} --method x > /dev/full`);
    expect(added).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('Before that: Added 1 message'),
    });
    const moved = await runShell(`${CLI} mv ${from} ${to} --all > /dev/full`);
    expect(moved).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('Before that, 1 message was moved'),
    });
    expect((await observer().depth(to))?.messages).toBe(1);
  });

  test('behind the standard output does the same', async () => {
    const { task, ids } = await taskWithIds(20);
    expect((await runShell(`${CLI} dequeue ${task} --all > /dev/full`)).status).toBe(1);
    const closed = await runShell(`${CLI} dequeue ${task} --all >&-`);
    expect(closed).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('Nobody reads standard output'),
    });
    expect(await drainedIds(task)).toEqual(ids);
  });
});

function canMount(): boolean {
  return canUnshare('-m', 'mount', '-t', 'tmpfs', 'none', '/mnt');
}

function canUnshare(...args: string[]): boolean {
  try {
    execFileSync('unshare', ['-r', ...args], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a file that is written to in two places', () => {
  const OVERWRITES = 'the same file is written to in another place, so one would overwrite the other';

  test.runIf(process.platform === 'linux').each([
    ['by another command', 'exec 3> x 4> x; echo other >&3', '>&4 2> errors'],
    ['by the messages of the same command', ':', '> x 2> x; cp x errors'],
    ['by its messages, with --out', 'exec 3> x', '--out x --append 2>&3; cp x errors'],
  ])('%s does not cost any message', async (_what, before, redirected) => {
    const { task, ids } = await taskWithIds(5);
    const folder = await temporaryFolder();
    await runShell(`cd ${folder}; ${before}; ${CLI} dequeue ${task} --all ${redirected}`);
    expect(await readFile(join(folder, 'errors'), 'utf8')).toContain(OVERWRITES);
    expect(await drainedIds(task)).toEqual(ids);
  });

  test('is not what 2>&1 makes of it', async () => {
    const { task, ids } = await taskWithIds(5);
    const file = join(await temporaryFolder(), 'x');
    const drain = `${CLI} dequeue ${task} --all`;
    const { status } = await runShell(`(echo first; ${drain}; ${drain}; echo last) > ${file} 2>&1`);
    expect(status).toBe(0);
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const said = lines.map((line) => (line.startsWith('{') ? JSON.parse(line).properties.message_id : line));
    const removed = expect.stringMatching(/^Removed \d messages from task /);
    expect(said).toEqual(['first', ...ids, removed, removed, 'last']);
  });
});

describe('a reader that leaves', () => {
  const hasLeft = (task: string, removed: number) =>
    `The reader of the output has left: ${removed === 1 ? '1 message was' : `${removed} messages were`} ` +
    `removed from task ${task}; any others are still there.\n`;

  test('is not an error, and what it has read and the queue hold everything where a batch fills the pipe', async () => {
    // It leaves in the middle of the second one, whose rest alone fills the pipe, however few come in a batch.
    const { task, ids } = await taskWithIds(12, 'x'.repeat(200_000));
    const { stdout, stderr } = await runShell(
      `${CLI} dequeue ${task} --all | head -c 262144
       status=\${PIPESTATUS[0]}; echo; echo "status $status"`,
    );
    const [status, cutOff, ...read] = stdout.trimEnd().split('\n').reverse();
    expect(status).toBe('status 0');
    expect(cutOff).not.toMatch(/\}\}$/);
    const got = read.reverse().map((line) => JSON.parse(line).properties.message_id);
    expect(got).toEqual(ids.slice(0, 1));
    const left = await drainedIds(task);
    expect(left).toEqual(ids.slice(ids.length - left.length));
    expect(new Set([...got, ...left]).size).toBe(ids.length);
    expect(stderr).toBe(hasLeft(task, ids.length - left.length));
  });

  test('costs no more than fits into the pipe and its own buffer, as "help output" says', async () => {
    const client = openClient();
    const task = newTask();
    const count = 2000;
    await Promise.all(
      Array.from({ length: count }, (_, n) =>
        client.publish(task, { body: Buffer.from(`{"n":${n}}`), properties: { delivery_mode: 2 } }),
      ),
    );
    const { stdout, stderr } = await runShell(
      `${CLI} dequeue ${task} --all | head -n 1; echo "status \${PIPESTATUS[0]}"`,
    );
    const [first = '', status] = stdout.split('\n');
    expect(status).toBe('status 0');
    expect(JSON.parse(first).body.n).toBe(0);
    const left = await drained(task);
    expect(left).toEqual(numbers(count).slice(count - left.length));
    expect(stderr).toBe(hasLeft(task, count - left.length));
    expect((count - left.length) * first.length).toBeLessThanOrEqual(2 * 65_536);
  });
});

describe('a standard stream that Node does not support', () => {
  test.each([
    ['a datagram socket', '> /dev/udp/127.0.0.1/9', 'it is not a stream socket'],
    ['a folder', '1< /', 'it is a directory'],
  ])('costs no message as the standard output: %s', async (_what, redirected, reason) => {
    const { task, ids } = await taskWithIds(5);
    const { status, stderr } = await runShell(`${CLI} dequeue ${task} --all ${redirected}`);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `error: Cannot write to standard output: ${reason}\nhint: Put a pipe in between: mcp-taskq … | cat\n`,
    });
    expect(await drainedIds(task)).toEqual(ids);
  });

  test.each([
    ['a datagram socket', '< /dev/udp/127.0.0.1/9', 'it is not a stream socket'],
    ['a folder', '< /', 'it is a directory'],
  ])('is not taken for an empty standard input: %s', async (_what, redirected, reason) => {
    expect(await runShell(`${CLI} enqueue ${newTask()} --from - ${redirected}`)).toEqual({
      status: 2,
      stdout: '',
      stderr: `error: Cannot read standard input: ${reason}\n`,
    });
  });
});

test('four drains of one task get each message once', async () => {
  const task = await filledTask(2000);
  const drains = await Promise.all(Array.from({ length: 4 }, () => runCli(['dequeue', task, '--all'])));
  expect(drains.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
  const got = drains.flatMap(({ stdout }) =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).body.n as number),
  );
  expect([...got, ...(await drained(task))].sort((a, b) => a - b)).toEqual(numbers(2000));
});

test('Ctrl-C stops a drain after the message that is being handled', async () => {
  const task = await filledTask(5);
  const folder = await temporaryFolder();
  // It waits for its end to be allowed; no longer than for the test, after which the folder is gone.
  const handle = 'touch begun; until [ -e go ] || [ ! -e begun ]; do sleep 0.05; done';
  const child = startCli(['dequeue', task, '--all', '--exec', handle], { cwd: folder });
  await until(async () => (await stat(join(folder, 'begun')).catch(() => undefined)) !== undefined);
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGINT');
  await writeFile(join(folder, 'go'), '');
  expect(await ended).toBe(130);
  expect(await drained(task)).toEqual([1, 2, 3, 4]);
});

describe('what was handed over, and is still in the queue as the connection was lost, is counted', () => {
  test.each([
    ['a command', ['--exec', 'touch begun; until [ -e go ] || [ ! -e begun ]; do sleep 0.05; done; echo']],
    ['a pipe', ['-o', 'jsonl']],
  ])('to %s', async (_what, options) => {
    const task = await filledTask(ENOUGH);
    const folder = await temporaryFolder();
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const child = startCli(['dequeue', task, '--all', ...options, '-u', proxy.url], { cwd: folder });
    const ended = once(child, 'close');
    const output = { stdout: '', stderr: '' };
    const collect = (name: 'stdout' | 'stderr') =>
      child[name].on('data', (chunk) => {
        output[name] += chunk;
      });
    collect('stderr');
    if (options[0] === '--exec')
      await until(async () => (await stat(join(folder, 'begun')).catch(() => undefined)) !== undefined);
    // Until nothing more fits into the pipe.
    else
      for (let before = -1; before < Math.max(proxy.received, 100_000); await sleep(500))
        before = proxy.received;
    proxy.reset();
    await writeFile(join(folder, 'go'), '');
    collect('stdout');
    await ended;
    const [, staying = 0] =
      /^Handed over, but still in the queue: (\d+) messages?\.\nerror: .* lost/.exec(output.stderr) ?? [];
    const [, removed = 0] = /([\d,]+) messages were removed/.exec(output.stderr.replace(',', '')) ?? [];
    expect(Number(staying), output.stderr).toBeGreaterThan(0);
    expect(output.stdout.split('\n').length - 1).toBe(Number(removed) + Number(staying));
  });
});
