import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { recordsIn, runCli, startCli, temporaryFolder } from '../support/cli.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/*
 * Files that keep a command waiting, or cannot be written to.
 */

async function bodiesIn(task: string): Promise<string[]> {
  const bodies: string[] = [];
  await openClient().drain(task, (batch) => {
    for (const { body } of batch) bodies.push(body.toString());
  });
  return bodies;
}

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
      await until(async () => (await openClient().depth(task))?.messages === 0);
      child.kill('SIGTERM');
    }
    expect(await ended).toEqual([expected, null]);
    await expect.poll(async () => (await openClient().depth(task))?.messages).toBe(1);
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
    await expect.poll(async () => (await openClient().depth(task))?.messages).toBeGreaterThan(350);
  });

  test('brings everything to a reader that comes later', async () => {
    const { task, bodies, pipe } = await taskAndPipe(500);
    const running = runCli(['dequeue', task, '--all', '--out', pipe]);
    await until(async () => ((await openClient().depth(task))?.messages ?? 500) < 500);
    const text = await readFile(pipe, 'utf8');
    expect((await running).status).toBe(0);
    expect(recordsIn(text).map(({ body }) => JSON.stringify(body))).toEqual(bodies);
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
