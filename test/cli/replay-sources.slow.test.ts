import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, watch } from 'node:fs';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { cliInPath, runCli, startCli, temporaryFilesIn, temporaryFolder } from '../support/cli.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';
import { callApi } from '../support/vhost.ts';

/** More than is kept in memory of what was checked: it has to be read twice. */
const COUNT = 20;
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
  const running = runCli(['enqueue', task, '--from', file, '--rate', '2/s']);
  await until(async () => ((await client.depth(task))?.messages ?? 0) > 0);
  await truncate(file);
  const { status, stdout, stderr } = await running;
  const { messages } = (await client.depth(task)) as { messages: number };
  expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
  expect(messages).toBeLessThan(COUNT);
  expect(stderr).toContain(`${file} has changed since it was checked`);
  expect(stderr).toContain(`${messages} of ${COUNT} messages added`);
});

describe('a named pipe that nobody writes to', () => {
  async function newPipe(): Promise<string> {
    const pipe = join(await temporaryFolder(), 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    return pipe;
  }

  test.each([
    ['enqueue', (pipe: string) => ['enqueue', newTask(), '--from', pipe]],
    ['ls', (pipe: string) => ['ls', '--ids', pipe]],
  ])('does not keep %s beyond --timeout', async (_what, args) => {
    const { status, stderr } = await runCli([...args(await newPipe()), '--timeout', '1s'], {
      ownProcess: true,
    });
    expect(status).toBe(124);
    expect(stderr).toContain('--timeout');
  });

  test('is left at SIGTERM', async () => {
    const folder = await temporaryFolder();
    const child = startCli(['enqueue', newTask(), '--from', await newPipe()], {
      env: temporaryFilesIn(folder),
    });
    const ended = once(child, 'close');
    // Where what it reads is kept: by then it has opened the pipe.
    const watcher = watch(folder);
    await once(watcher, 'change');
    watcher.close();
    child.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
  });
});

test('a terminal at which nobody types does not keep enqueue beyond --timeout', async () => {
  const terminal = cliOnTerminal(['enqueue', newTask(), '--from', '/dev/tty', '--timeout', '1s']);
  expect(await terminal.ended).toBe(124);
});

describe('a file of the management API', () => {
  async function fetched(options: object) {
    const task = newTask();
    const properties = { headers: { team: 'red' }, message_id: 'a', delivery_mode: 2 };
    const messages = [
      { ...raw('{"n": 1.0, "text": "\u00fc"}'), properties },
      { body: Buffer.from([0xff]), properties: {} },
    ];
    for (const message of messages) await openClient().publish(task, message);
    const path = `queues/%2F/${encodeURIComponent(`mcp:queue:${task}`)}/get`;
    const answer = await callApi('POST', path, { count: 9, ackmode: 'ack_requeue_true', ...options });
    const file = join(await temporaryFolder(), 'get.json');
    await writeFile(file, await answer.text());
    return { file, messages, ...(await runCli(['enqueue', task, '--from', file])) };
  }

  test.each(['auto', 'base64'])('is not sent, and the advice makes records of it: %s', async (encoding) => {
    const { file, messages, status, stderr } = await fetched({ encoding });
    expect(status).toBe(2);
    const task = newTask();
    const advice = /^hint: .*?: (jq .*)$/m.exec(stderr)?.[1];
    await promisify(execFile)('bash', ['-c', `${advice} ${file} | mcp-taskq enqueue ${task} --from -`], {
      env: (await cliInPath()).env,
    });
    expect(await openClient().peek(task, { limit: 9 })).toMatchObject(messages);
  });

  test('that is cut off is said to be so', async () => {
    const { status, stderr } = await fetched({ encoding: 'auto', truncate: 5 });
    expect([status, stderr]).toEqual([2, expect.stringContaining('it is cut off, at 5 of 24 bytes')]);
  });
});

describe('a file with messages of several tasks', () => {
  /** Two tasks and a file of their messages, which are in no queue any more. */
  async function clearedTasks() {
    const [a, b] = [`${newTask()}.[x]^$`, newTask()];
    const client = openClient();
    // What jq would write otherwise.
    for (const n of [1, 2]) await client.publish(a, raw(`{"n": ${n}.0, "of": {"task_id":"${b}","x":0}}`));
    await client.publish(b, raw('{"n":3}'));
    const file = join(await temporaryFolder(), 'gone.jsonl');
    expect((await runCli(['clear', a, b, '--yes', '--backup', file])).status).toBe(0);
    return { a, b, file };
  }

  const bodiesIn = async (task: string) =>
    (await runCli(['dequeue', task, '--all', '-o', 'raw'])).stdout.trimEnd().split('\n');
  const runShell = async (command = '') =>
    promisify(execFile)('bash', ['-c', command], { env: (await cliInPath()).env });

  test('is not sent to one of them, and the advice sends only what was its own, byte for byte', async () => {
    const { a, file } = await clearedTasks();
    const { status, stderr } = await runCli(['enqueue', a, '--from', file]);
    expect(status).toBe(2);
    expect(stderr).toContain('messages of 2 tasks');
    expect(await openClient().depth(a)).toBeUndefined();
    await runShell(/^hint: .*?: (grep .*)$/m.exec(stderr)?.[1]);
    const [first, second, ...more] = await bodiesIn(a);
    expect([first, second]).toEqual([
      expect.stringContaining('"n": 1.0'),
      expect.stringContaining('"n": 2.0'),
    ]);
    expect(more).toEqual([]);
  });

  test('is not sent either if it is one array', async () => {
    const { b, file } = await clearedTasks();
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const array = join(await temporaryFolder(), 'array.json');
    await writeFile(array, `[\n${lines.join(',\n')}\n]\n`);
    const { status, stderr } = await runCli(['enqueue', b, '--from', array]);
    expect(status).toBe(2);
    await runShell(/^hint: .*?: (jq .*)$/m.exec(stderr)?.[1]);
    expect(await bodiesIn(b)).toEqual(['{"n":3}']);
  });

  test('is sent as far as --skip and --limit choose messages of one, to any task', async () => {
    const { file } = await clearedTasks();
    const other = newTask();
    expect((await runCli(['enqueue', other, '--from', file, '--limit', '2'])).status).toBe(0);
    expect((await runCli(['enqueue', other, '--from', file, '--skip', '2'])).status).toBe(0);
    expect((await runCli(['enqueue', other, '--from', file, '--skip', '1'])).status).toBe(2);
    expect(await bodiesIn(other)).toHaveLength(3);
  });
});

test('input that cannot be copied is a failure with the name of the folder, and not a bug', async () => {
  const env = temporaryFilesIn('/nonexistent');
  const { status, stderr } = await runCli(['enqueue', newTask(), '--from', '-'], { env, ownProcess: true });
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(
      /^error: Cannot copy standard input to \/nonexistent: ENOENT: .*\nhint: TMPDIR sets .*\n$/,
    ),
  });
});
