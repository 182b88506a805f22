import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { BIN, cliEnvironment, recordsIn, runCli, startCli, temporaryFolder } from '../support/cli.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/*
 * Files that others change, or do not read, while a command writes to them.
 */

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}

async function bodiesIn(task: string): Promise<string[]> {
  const bodies: string[] = [];
  await observer().drain(task, (batch) => {
    for (const { body } of batch) bodies.push(body.toString());
  });
  return bodies;
}

const CLI = `"${process.execPath}" "${BIN}"`;

describe('a message is not removed once the file', () => {
  const CHANGES = {
    'is deleted': { change: (file: string) => rm(file), says: 'it was deleted' },
    'is truncated': { change: (file: string) => truncate(file), says: 'it was truncated' },
    'is replaced': {
      change: async (file: string) => {
        await writeFile(`${file}.new`, '');
        await rename(`${file}.new`, file);
      },
      says: 'it was deleted or replaced',
    },
    'is moved': { change: (file: string) => rename(file, `${file}.moved`), says: 'it was moved' },
  };
  const WAYS = {
    '--out': (args: string[], file: string) => runCli([...args, '--out', file]),
    '--out, as JSON': (args: string[], file: string) => runCli([...args, '-o', 'json', '--out', file]),
    '>': (args: string[], file: string) => runInShell(`${CLI} ${args.join(' ')} > ${file}`),
    '>>': (args: string[], file: string) => runInShell(`${CLI} ${args.join(' ')} >> ${file}`),
  };

  async function runInShell(command: string) {
    const child = spawn('bash', ['-c', command], { env: cliEnvironment() });
    const stderr = text(child.stderr);
    const [status] = await once(child, 'close');
    return { status, stderr: await stderr };
  }

  test.each([
    ['--out', 'is deleted'],
    ['--out', 'is truncated'],
    ['--out', 'is replaced'],
    ['--out', 'is moved'],
    ['--out, as JSON', 'is truncated'],
    ['>', 'is deleted'],
    ['>', 'is truncated'],
    ['>>', 'is truncated'],
  ] as const)('of %s %s', async (way, what) => {
    const task = newTask();
    const file = join(await temporaryFolder(), 'file');
    const client = openClient();
    await client.publish(task, raw('1'));
    const running = WAYS[way](['dequeue', task, '-n', '2', '--wait', '10m'], file);
    await until(async () => (await sizeOf(file)) > 0);
    // It waits without a consumer.
    await expect.poll(() => client.depth(task)).toMatchObject({ messages: 0, consumers: 0 });
    await CHANGES[what].change(file);
    await client.publish(task, raw('2'));
    const { status, stderr } = await running;
    expect(status).toBe(3);
    expect(stderr).toContain(CHANGES[what].says);
    expect(stderr).toContain('1 message was removed');
    expect(stderr).not.toContain(`now in ${file}`);
    expect(await bodiesIn(task)).toEqual(['2']);
    expect(await sizeOf(file)).toBe(0);
    // Who truncated it may be about to write to it.
    if (what === 'is truncated') expect(await readdir(dirname(file))).toEqual(['file']);
  });
});

test('a file that never had a name holds what was removed', async () => {
  const task = newTask();
  for (const body of ['1', '2']) await openClient().publish(task, raw(body));
  const file = join(await temporaryFolder(), 'file');
  const command = `exec 3<> ${file}; rm ${file}; ${CLI} dequeue ${task} --all >&3 && cat /dev/fd/3`;
  const { stdout } = await promisify(execFile)('bash', ['-c', command], { env: cliEnvironment() });
  expect(recordsIn(stdout).map(({ body }) => body)).toEqual([1, 2]);
});

describe('a named pipe', () => {
  const PADDING = 'x'.repeat(1_000);

  async function taskAndPipe(count: number) {
    const task = newTask();
    const bodies = Array.from({ length: count }, (_, n) => JSON.stringify({ n, padding: PADDING }));
    const client = openClient();
    await Promise.all(bodies.map((body) => client.publish(task, raw(body))));
    const pipe = join(await temporaryFolder(), 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    return { task, bodies, pipe };
  }

  test('that nobody reads keeps its message in the queue', async () => {
    const { task, bodies, pipe } = await taskAndPipe(1);
    const { status, stderr } = await runCli(['dequeue', task, '--out', pipe]);
    expect(status).toBe(1);
    expect(stderr).toContain(`Cannot write to ${pipe}: nobody has read from this pipe`);
    expect(await bodiesIn(task)).toEqual(bodies);
  });

  test.each([
    ['--timeout', ['--timeout', '3s'], 124],
    ['SIGTERM', [], 143],
  ] as const)('that nobody reads is left at %s', async (_what, options, expected) => {
    const { task, bodies, pipe } = await taskAndPipe(1);
    const child = startCli(['dequeue', task, '--out', pipe, ...options]);
    const ended = once(child, 'close');
    if (options.length === 0) {
      await until(async () => (await observer().depth(task))?.messages === 0);
      child.kill('SIGTERM');
    }
    expect(await ended).toEqual([expected, null]);
    await expect.poll(async () => (await observer().depth(task))?.messages).toBe(1);
    expect(await bodiesIn(task)).toEqual(bodies);
  });

  test('whose reader has stopped reading is left at --timeout', async () => {
    const { task, pipe } = await taskAndPipe(500);
    const reader = spawn('bash', ['-c', `exec 3< ${pipe}; read -u 3 -n 1; exec sleep 60`]);
    const { status } = await runCli(['dequeue', task, '--all', '--out', pipe, '--timeout', '2s'], {
      ownProcess: true,
    });
    reader.kill();
    expect(status).toBe(124);
    // What fits into the pipe counts as delivered.
    await expect.poll(async () => (await observer().depth(task))?.messages).toBeGreaterThan(350);
  });

  test.each([
    ['dequeue --all --out', (task: string, pipe: string) => ['dequeue', task, '--all', '--out', pipe]],
    ['clear --yes --backup', (task: string, pipe: string) => ['clear', task, '--yes', '--backup', pipe]],
  ])('whose reader leaves fails with %s, which says how far it got', async (_what, command) => {
    const { task, bodies, pipe } = await taskAndPipe(500);
    spawn('bash', ['-c', `head -c 100000 ${pipe} > ${pipe}.read`]);
    const { status, stderr } = await runCli(command(task, pipe));
    expect(status).toBe(3);
    const left = await bodiesIn(task);
    expect(left).toEqual(bodies.slice(500 - left.length));
    expect(stderr).toContain(
      `Cannot write to ${pipe}: its reader has closed the pipe. Before that, ${500 - left.length} `,
    );
  });

  test('brings everything to a reader that comes later', async () => {
    const { task, bodies, pipe } = await taskAndPipe(500);
    const running = runCli(['dequeue', task, '--all', '--out', pipe]);
    await until(async () => ((await observer().depth(task))?.messages ?? 500) < 500);
    const records = await readFile(pipe, 'utf8');
    expect((await running).status).toBe(0);
    expect(recordsIn(records).map(({ body }) => JSON.stringify(body))).toEqual(bodies);
    expect(await bodiesIn(task)).toEqual([]);
  });
});

test('a folder is refused before anything is read', async () => {
  const task = newTask();
  await openClient().publish(task, raw('1'));
  const { status, stderr } = await runCli(['dequeue', task, '--out', await temporaryFolder()]);
  expect(status).toBe(2);
  expect(stderr).toContain('it is a directory');
});
