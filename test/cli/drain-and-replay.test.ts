import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { StoredMessage } from '../../src/index.ts';
import { recordsIn, runCli, temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const RPC = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1.0}}';

/** A task with so many messages, whose bodies are `{"n":0}`, `{"n":1}`, … */
async function filledTask(count: number): Promise<string> {
  const client = openClient();
  const task = newTask();
  await Promise.all(Array.from({ length: count }, (_, n) => client.publish(task, raw(`{"n":${n}}`))));
  return task;
}

/** The numbers of the messages that are in a task, which stay there. */
async function numbersIn(task: string): Promise<number[]> {
  const messages = await observer().peek(task, { limit: 1000 });
  return messages.map(({ body }) => JSON.parse(body.toString()).n);
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const numbersOf = (output: string) => recordsIn(output).map(({ body }) => body.n);

/** When the messages of an enqueue with these options arrive at a reader, in milliseconds since the command was started. */
async function arrivalsOf(input: string, count: number, options: string[]): Promise<number[]> {
  const task = newTask();
  const arrivals: number[] = [];
  const connection = await connect(inject('url'));
  onTestFinished(() => connection.close().catch(() => {}));
  const channel = await connection.createChannel();
  await channel.assertQueue(`mcp:queue:${task}`, { durable: true });
  const begun = performance.now();
  await channel.consume(`mcp:queue:${task}`, () => arrivals.push(performance.now() - begun), { noAck: true });
  expect((await runCli(['enqueue', task, '--from', '-', ...options], { input })).status).toBe(0);
  await expect.poll(() => arrivals.length).toBe(count);
  // The task's queue is deleted after the test only if nobody consumes from it.
  await connection.close();
  return arrivals;
}

/** With jq, as an operator would, or with its like where there is none. */
async function pickRequests(file: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('jq', ['-c', 'select(.body.type == "request")', file]);
    return stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const records = recordsIn(await readFile(file, 'utf8')).filter(({ body }) => body.type === 'request');
    return records.map((record) => `${JSON.stringify(record)}\n`).join('');
  }
}

describe('peek', () => {
  test('prints the oldest message and leaves it', async () => {
    const task = await filledTask(3);
    const { status, stdout } = await runCli(['peek', task]);
    expect(status).toBe(0);
    expect(recordsIn(stdout)).toMatchObject([
      { task_id: task, properties: { delivery_mode: 2 }, body: { n: 0 } },
    ]);
    expect(await numbersIn(task)).toEqual([0, 1, 2]);
  });

  test('prints a window of the queue', async () => {
    const task = await filledTask(10);
    const { stdout } = await runCli(['peek', task, '--skip', '2', '-n', '3']);
    expect(numbersOf(stdout)).toEqual([2, 3, 4]);
    expect(await numbersIn(task)).toEqual(numbers(0, 10));
  });

  test('prints one JSON document with --json, and bodies alone with -o raw', async () => {
    const task = await filledTask(2);
    const document = await runCli(['peek', task, '--all', '--json']);
    expect(JSON.parse(document.stdout)).toHaveLength(2);
    const bodies = await runCli(['peek', task, '--all', '-o', 'raw']);
    expect(bodies.stdout).toBe('{"n":0}\n{"n":1}\n');
  });

  test('answers 6 for an empty task and 5 for a missing one, and does not create it', async () => {
    const task = await filledTask(1);
    await openClient().drain(task, () => {});
    expect(await runCli(['peek', task])).toMatchObject({ status: 6, stdout: '' });
    const missing = newTask('missing');
    const { status, stderr } = await runCli(['peek', missing]);
    expect(status).toBe(5);
    expect(stderr).toContain(`Task "${missing}" has no queue`);
    expect(await observer().depth(missing)).toBeUndefined();
  });
});

describe('dequeue', () => {
  test('prints the oldest message and removes it', async () => {
    const task = await filledTask(3);
    const { status, stdout, stderr } = await runCli(['dequeue', task]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(numbersOf(stdout)).toEqual([0]);
    expect(await numbersIn(task)).toEqual([1, 2]);
  });

  test('drains what is there, in order, and says how much it was', async () => {
    const task = await filledTask(1200);
    const { status, stdout, stderr } = await runCli(['dequeue', task, '--all']);
    expect(status).toBe(0);
    expect(numbersOf(stdout)).toEqual(numbers(0, 1200));
    expect(stderr).toBe(
      `Removed 1,200 messages from task ${task} on ${new URL(inject('url')).host}, vhost / (from MCP_TASKQ_URL).\n`,
    );
    expect(await observer().depth(task)).toEqual({ messages: 0, consumers: 0 });
  });

  test('answers 6 when nothing is there, but a drain of nothing is a success', async () => {
    const task = await filledTask(1);
    await openClient().drain(task, () => {});
    expect(await runCli(['dequeue', task])).toMatchObject({ status: 6, stdout: '' });
    expect(await runCli(['dequeue', task, '--all'])).toMatchObject({ status: 0, stdout: '' });
  });

  test('answers 5 for a missing task, and does not create it', async () => {
    const task = newTask();
    expect(await runCli(['dequeue', task, '--all'])).toMatchObject({ status: 5, stdout: '' });
    expect(await observer().depth(task)).toBeUndefined();
  });

  test('removes nothing with --dry-run', async () => {
    const task = await filledTask(3);
    const { status, stdout, stderr } = await runCli(['dequeue', task, '-n', '2', '--dry-run']);
    expect(status).toBe(0);
    expect(numbersOf(stdout)).toEqual([0, 1]);
    expect(stderr).toMatch(
      /^2 messages of task \S+ on \S+, vhost \/ \(from MCP_TASKQ_URL\) would be removed; nothing was removed\.$/m,
    );
    expect(await numbersIn(task)).toEqual([0, 1, 2]);
  });

  test('does not touch a file that exists, nor the queue, unless an option allows it', async () => {
    const task = await filledTask(4);
    const file = join(await temporaryFolder(), 'out.jsonl');
    await writeFile(file, 'precious\n');
    const refused = await runCli(['dequeue', task, '--out', file]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('already exists');
    expect(await readFile(file, 'utf8')).toBe('precious\n');
    expect(await numbersIn(task)).toEqual(numbers(0, 4));

    expect((await runCli(['dequeue', task, '--out', file, '--append'])).status).toBe(0);
    expect(await readFile(file, 'utf8')).toMatch(/^precious\n\{.*"n":0\}\}\n$/);
    expect((await runCli(['dequeue', task, '-n', '2', '--out', file, '--overwrite'])).status).toBe(0);
    expect(numbersOf(await readFile(file, 'utf8'))).toEqual([1, 2]);
  });

  test('writes files that nobody else can read, and leaves the mode of those that are there', async () => {
    const task = await filledTask(3);
    const folder = await temporaryFolder();
    const modeOf = async (name: string) => (await stat(join(folder, name))).mode & 0o777;
    const before = process.umask(0);
    try {
      await runCli(['dequeue', task, '--out', 'out.jsonl'], { cwd: folder });
      await writeFile(join(folder, 'shared.jsonl'), '', { mode: 0o640 });
      await runCli(['dequeue', task, '--out', 'shared.jsonl', '--append'], { cwd: folder });
      await runCli(['clear', task, '--yes', '--backup', 'backup.jsonl'], { cwd: folder });
    } finally {
      process.umask(before);
    }
    expect(await modeOf('out.jsonl')).toBe(0o600);
    expect(await modeOf('shared.jsonl')).toBe(0o640);
    expect(await modeOf('backup.jsonl')).toBe(0o600);
  });

  test('makes no file when it fails before the first message', async () => {
    const file = join(await temporaryFolder(), 'out.jsonl');
    expect((await runCli(['dequeue', newTask(), '--all', '--out', file])).status).toBe(5);
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });

  test('waits for messages that are to come, also for a task that is to come', async () => {
    const task = newTask();
    const running = runCli(['dequeue', task, '-n', '2', '--wait', '20s']);
    const client = openClient();
    await client.publish(task, raw('{"n":0}'));
    await client.publish(task, raw('{"n":1}'));
    const { status, stdout } = await running;
    expect(status).toBe(0);
    expect(numbersOf(stdout)).toEqual([0, 1]);
  });

  test('answers 6 when nothing came within --wait', async () => {
    expect((await runCli(['dequeue', newTask(), '--wait', '200ms'])).status).toBe(6);
  });

  test('with --wait looks again at messages that do not match only when others came, and ends in time', async () => {
    const task = await filledTask(2);
    const client = openClient();
    const args = ['dequeue', task, '--wait', '3s', '--filter', 'size > 100'];
    const none = await runCli([...args, '--timeout', '20s']);
    expect([none.status, none.stdout]).toEqual([6, '']);
    expect(none.stderr).toContain(`None of the 2 messages of task "${task}" matches the filter`);
    const running = runCli([...args, '-n', '2', '--timeout', '20s']);
    await client.publish(task, raw('{"n":2}'));
    for (const n of [3, 4]) await client.publish(task, raw(JSON.stringify({ n, text: 'x'.repeat(100) })));
    const { status, stdout } = await running;
    expect([status, numbersOf(stdout)]).toEqual([0, [3, 4]]);
    expect((await client.depth(task))?.messages).toBe(3);
  });

  test('hands messages to a command, and removes those it exits 0 for', async () => {
    const task = await filledTask(4);
    const command =
      'body=$(cat); echo "$MCP_TASKQ_TASK_ID $MCP_TASKQ_PROPERTY_DELIVERY_MODE $body"; test "$body" != \'{"n":2}\'';
    const { status, stdout, stderr } = await runCli(['dequeue', task, '--all', '--exec', command], {
      ownProcess: true,
    });
    expect(status).toBe(3);
    expect(stdout).toBe(`${task} 2 {"n":0}\n${task} 2 {"n":1}\n${task} 2 {"n":2}\n`);
    expect(stderr).toMatch(/^error: The command .* exited with 1\./);
    expect(stderr).toContain(`2 messages were removed from task ${task}`);
    expect(await numbersIn(task)).toEqual([2, 3]);
  });

  test('says that a message was given back when the command for it fails', async () => {
    const task = await filledTask(2);
    const { status, stderr } = await runCli(['dequeue', task, '--all', '--exec', 'exit 7'], {
      ownProcess: true,
    });
    expect(status).toBe(1);
    expect(stderr).toContain(`exited with 7. Its message was given back to task "${task}"`);
    expect(await numbersIn(task)).toEqual([0, 1]);
  });
});

describe('enqueue', () => {
  test('wraps bare JSON-RPC and says what it did', async () => {
    const task = newTask();
    const { status, stdout } = await runCli(['enqueue', task, RPC]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ task_id: task, enqueued: 1 });
    const [message] = (await openClient().peek(task)) as [StoredMessage];
    expect(message.body.toString()).toContain(`"message":${RPC}`);
    expect(message.properties).toMatchObject({ content_type: 'application/json', delivery_mode: 2 });
  });

  test('puts a message together from its parts', async () => {
    const task = newTask();
    const args = ['--method', 'elicitation/create', '--id', '7', '--params', '{"n":9007199254740993}'];
    expect((await runCli(['enqueue', task, ...args, '--header', 'origin=me=you'])).status).toBe(0);
    const [message] = (await openClient().peek(task)) as [StoredMessage];
    expect(message.body.toString()).toContain(
      '"message":{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"n":9007199254740993}}',
    );
    expect(message.properties.headers).toEqual({ origin: 'me=you' });
  });

  test.each([
    ['bad JSON', ['{"a":'], 'not JSON'],
    ['JSON that is no message', ['{"a":1}'], 'neither a record'],
    ['a message and a file', [RPC, '--from', '-'], 'only one of these'],
    ['nothing at all', [], 'No message was given'],
    ['parts without a method', ['--id', '1'], '--method'],
    ['params that are no object', ['--method', 'm', '--params', '[1]'], 'not a JSON object'],
  ])('refuses %s and creates no queue', async (_what, args, reason) => {
    const task = newTask();
    const { status, stdout, stderr } = await runCli(['enqueue', task, ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(reason);
    expect(await observer().depth(task)).toBeUndefined();
  });

  test('fails with 5 for a missing task with --no-create', async () => {
    const task = newTask();
    expect((await runCli(['enqueue', task, RPC, '--no-create'])).status).toBe(5);
    expect(await observer().depth(task)).toBeUndefined();
  });

  test('sends nothing of a file with a bad line, and names the line', async () => {
    const task = newTask();
    const input = `${RPC}\n\n${RPC}\n{"jsonrpc":"1.0","method":"m"}\n${RPC}\n`;
    const { status, stderr } = await runCli(['enqueue', task, '--from', '-'], { input });
    expect(status).toBe(2);
    expect(stderr).toContain('line 4: ');
    expect(await observer().depth(task)).toBeUndefined();
  });

  test('says what happened to a last line that was cut off', async () => {
    const input = `${RPC}\n{"task_id":"a","properties":{},"body":{"n"`;
    const { status, stderr } = await runCli(['enqueue', newTask(), '--from', '-'], { input });
    expect(status).toBe(2);
    expect(stderr).toContain('a drain was interrupted there');
  });

  test('replays what a drain wrote: same bytes, same properties, same order', async () => {
    const client = openClient();
    const task = newTask();
    const bodies = [
      '{"type": "request", "n": 1.0, "big": 9007199254740993, "up": 1e400}',
      '{\n  "pretty": true\n}',
      Buffer.from([0x7b, 0xff, 0x00, 0x0a]),
      '{"__proto__":{"x":1},"a":1,"a":2,"s":"\\u001b]0;x\\u0007 \u009b31m"}',
      '',
    ].map((body) => Buffer.from(body));
    const properties = {
      headers: { bytes: Buffer.from([1, 2]), n: [1, { '!': 'timestamp', value: 7 }] },
      priority: 4,
    };
    for (const body of bodies)
      await client.publish(task, { body, properties: { ...properties, delivery_mode: 2 } });
    const before = await client.peek(task, { limit: 10 });
    const file = join(await temporaryFolder(), 'drained.jsonl');
    expect((await runCli(['dequeue', task, '--all', '--out', file])).status).toBe(0);
    expect((await runCli(['enqueue', task, '--from', file])).status).toBe(0);
    const after = await client.peek(task, { limit: 10 });
    expect(after.map(({ body, properties }) => ({ body, properties }))).toEqual(
      before.map(({ body, properties }) => ({ body, properties })),
    );
  });

  test('replays what another program picked out of a drained file', async () => {
    const client = openClient();
    const task = newTask();
    const bodies = ['request', 'notification', 'request'].map((type, n) => {
      const id = type === 'request' ? `"id":${n},` : '';
      return `{"type":"${type}","n":${n}.0,"message":{"jsonrpc":"2.0",${id}"method":"m"}}`;
    });
    for (const body of bodies) await client.publish(task, raw(body));
    const drained = join(await temporaryFolder(), 'drained.jsonl');
    await runCli(['dequeue', task, '--all', '--out', drained]);
    const picked = join(await temporaryFolder(), 'picked.jsonl');
    await writeFile(picked, await pickRequests(drained));
    expect((await runCli(['enqueue', task, '--from', picked])).status).toBe(0);
    const after = await client.peek(task, { limit: 10 });
    expect(after.map(({ body }) => JSON.parse(body.toString()).n)).toEqual([0, 2]);
  });

  test('says how many messages may be there when the connection is lost; those sent again keep their message_id', async () => {
    const task = newTask();
    const client = openClient();
    const file = join(await temporaryFolder(), 'plain.jsonl');
    // At most 1,000 are in flight: the last 800 are sent only after confirms of others.
    const line = (n: number) => `{"jsonrpc":"2.0","method":"m","params":{"n":${n},"last":${n >= 1_200}}}\n`;
    await writeFile(file, numbers(0, 2_000).map(line).join(''));
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    // The broker stores them, but its confirms do not arrive any more.
    proxy.fault = { kind: 'late', after: '"last":true', ms: 60_000 };
    const running = runCli(['enqueue', task, '--from', file], { env: { MCP_TASKQ_URL: proxy.url } });
    await until(async () => ((await client.depth(task))?.messages ?? 0) > 1_200);
    proxy.fault = { kind: 'gone' };
    proxy.reset();
    const { status, stderr } = await running;
    expect([1, 3]).toContain(status);
    const unsure = Number(/; up to ([\d,]+) more may/.exec(stderr)?.[1]?.replace(',', ''));
    const advice = /^hint: To resume: mcp-taskq (.*)$/m.exec(stderr)?.[1]?.split(' ') ?? [];
    expect((await runCli(advice)).status).toBe(0);
    const idsOf = new Map<number, unknown[]>();
    await client.drain(task, (batch) => {
      for (const { body, properties } of batch) {
        const { n } = JSON.parse(body.toString()).message.params;
        idsOf.set(n, [...(idsOf.get(n) ?? []), properties.message_id]);
      }
    });
    expect(idsOf.size).toBe(2_000);
    // Counted now, as the broker may go on storing for a while what it received before the connection was lost.
    const twice = [...idsOf.values()].filter((ids) => ids.length > 1);
    expect(twice.length).toBeGreaterThan(0);
    expect(twice.length).toBeLessThanOrEqual(unsure);
    for (const [first, ...others] of twice) expect(others).toEqual([first]);
    expect(new Set([...idsOf.values()].flat()).size).toBe(2_000);
  });

  test('names the messages of a file that is replayed twice on purpose differently', async () => {
    const task = newTask();
    for (let time = 0; time < 2; time++)
      await runCli(['enqueue', task, '--from', '-'], { input: `${RPC}\n${RPC}\n` });
    await runCli(['enqueue', task, '--from', '-', '--skip', '1', '--id-prefix', 'mine'], {
      input: `${RPC}\n${RPC}\n`,
    });
    const ids = (await openClient().peek(task, { limit: 10 })).map(({ properties }) => properties.message_id);
    expect(new Set(ids).size).toBe(5);
    expect(ids.at(-1)).toBe('mine-2');
  });

  test('replays a part of a file, marked', async () => {
    const task = await filledTask(5);
    const file = join(await temporaryFolder(), 'drained.jsonl');
    await runCli(['dequeue', task, '--all', '--out', file]);
    expect(
      (await runCli(['enqueue', task, '--from', file, '--skip', '1', '--limit', '3', '--mark'])).status,
    ).toBe(0);
    expect(await numbersIn(task)).toEqual([1, 2, 3]);
    const [message] = (await openClient().peek(task)) as [StoredMessage];
    expect(message.properties.headers).toMatchObject({
      'x-mcp-taskq-replayed-at': expect.stringMatching(/^20/),
    });
  });

  test('sends nothing with --dry-run', async () => {
    const task = newTask();
    const { status, stdout } = await runCli(['enqueue', task, '--from', '-', '--dry-run'], {
      input: `${RPC}\n`,
    });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ enqueued: 0, would_enqueue: 1 });
    expect(await observer().depth(task)).toBeUndefined();
  });

  test.each([
    [['--skip', '5'], `${RPC}\n${RPC}\n`, 'Standard input has no messages after the first 5.'],
    [[], '\n', 'Standard input has no messages.'],
  ])('says that there is nothing to add: %j', async (options, input, says) => {
    const args = ['enqueue', newTask(), '--from', '-', ...options];
    expect(await runCli(args, { input })).toMatchObject({ status: 0, stderr: `${says}\n` });
  });

  test('keeps the gaps there were between messages with --keep-timing, divided by --speed', async () => {
    const queuedAt = (seconds: number) => new Date(Date.UTC(2026, 0, 10, 0, 0, seconds)).toISOString();
    const line = (seconds: number) =>
      `${JSON.stringify({ type: 'notification', message: JSON.parse(RPC), timestamp: queuedAt(seconds) })}\n`;
    const input = line(0) + line(1) + line(3600);
    const arrivals = await arrivalsOf(input, 3, ['--keep-timing', '--speed', '600x']);
    const [first, second, third] = arrivals as [number, number, number];
    // An hour takes six seconds, and a second next to nothing.
    expect(third).toBeGreaterThan(5990);
    expect(second - first).toBeLessThan(third - second);
  });

  test('keeps to a rate', async () => {
    const arrivals = await arrivalsOf(`${RPC}\n`.repeat(30), 30, ['--rate', '10/s']);
    // The last is sent 2.9 seconds after the first.
    expect(arrivals.at(-1)).toBeGreaterThan(2890);
  });
});

describe('clear', () => {
  test('does not ask where nobody can answer: it wants --yes', async () => {
    const task = await filledTask(2);
    const { status, stderr } = await runCli(['clear', task]);
    expect(status).toBe(2);
    expect(stderr).toContain('--yes');
    expect(await numbersIn(task)).toEqual([0, 1]);
  });

  test('removes messages and queues, and says how many', async () => {
    const [one, two] = [await filledTask(3), await filledTask(1)];
    const { status, stdout } = await runCli(['clear', one, two, '--yes']);
    expect(status).toBe(0);
    expect(recordsIn(stdout)).toEqual([
      { task_id: one, removed: 3 },
      { task_id: two, removed: 1 },
    ]);
    expect(await observer().depth(one)).toBeUndefined();
  });

  test('keeps the queue, and the messages in a file, with the options for that', async () => {
    const task = await filledTask(3);
    const file = join(await temporaryFolder(), 'backup.jsonl');
    expect((await runCli(['clear', task, '--yes', '--keep-queue', '--backup', file])).status).toBe(0);
    expect(await observer().depth(task)).toEqual({ messages: 0, consumers: 0 });
    expect(numbersOf(await readFile(file, 'utf8'))).toEqual([0, 1, 2]);
  });

  test('removes nothing when one of the tasks is missing', async () => {
    const task = await filledTask(2);
    expect((await runCli(['clear', task, newTask(), '--yes'])).status).toBe(5);
    expect(await numbersIn(task)).toEqual([0, 1]);
  });
});

test('a drain to standard output by --out does not say that the messages are now in a file', async () => {
  const { stdout, stderr } = await runCli(['dequeue', await filledTask(2), '--all', '--out', '-']);
  expect(numbersOf(stdout)).toEqual([0, 1]);
  expect(stderr).toMatch(/^Removed 2 messages .*\n$/);
  expect(stderr).not.toContain('now in');
});
