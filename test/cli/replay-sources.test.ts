import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { runCli, startCli, temporaryFilesIn, temporaryFolder } from '../support/cli.ts';
import { newTask, observer, openClient } from '../support/tasks.ts';
import { until } from '../support/until.ts';

// Forty megabytes are checked before any is sent, which takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 120_000 });

/** More than is kept in memory of what was checked: it has to be read twice. */
const COUNT = 40;
const MESSAGE = { jsonrpc: '2.0', method: 'm', params: { data: 'x'.repeat(1024 * 1024) } };
const INPUT = `${JSON.stringify(MESSAGE)}\n`.repeat(COUNT);

test('a named pipe is sent whole, as a file is, though it can be read only once', async () => {
  const task = newTask();
  const pipe = join(await temporaryFolder(), 'pipe');
  await promisify(execFile)('mkfifo', [pipe]);
  const writer = createWriteStream(pipe);
  writer.end(INPUT);
  const { status, stdout } = await runCli(['enqueue', task, '--from', pipe]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ enqueued: COUNT });
  expect(await observer().depth(task)).toMatchObject({ messages: COUNT });
});

test('of the standard input nothing is left on the disk, however the command ends', async () => {
  const folder = await temporaryFolder();
  const child = startCli(['enqueue', newTask(), '--from', '-'], { env: temporaryFilesIn(folder) });
  // Far more than fits into the pipe between the two: most of it was read, and kept, when this resolves.
  await new Promise<void>((resolve) => child.stdin.write(INPUT, () => resolve()));
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
  expect(await readdir(folder)).toEqual([]);
});

test('a file that loses messages while they are sent is not said to be sent', async () => {
  const client = openClient();
  const task = newTask();
  const file = join(await temporaryFolder(), 'messages.jsonl');
  await writeFile(file, INPUT);
  const running = runCli(['enqueue', task, '--from', file, '--rate', '4/s']);
  await until(async () => ((await client.depth(task))?.messages ?? 0) > 0, 60_000);
  await truncate(file);
  const { status, stdout, stderr } = await running;
  const { messages } = (await client.depth(task)) as { messages: number };
  expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
  expect(messages).toBeLessThan(COUNT);
  expect(stderr).toContain(`${file} has changed since it was checked`);
  expect(stderr).toContain(`${messages} of ${COUNT} messages added`);
});
