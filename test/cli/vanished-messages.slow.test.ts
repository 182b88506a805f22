import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { type CliResult, runCli, temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/* A command that takes all messages of a task says how many of those counted at its start it did not get. */

/** More than are delivered at once. */
const COUNT = 2_500;

async function filledTask(count: number, padding = ''): Promise<string> {
  const task = newTask('vanishing');
  const client = openClient();
  await Promise.all(
    Array.from({ length: count }, (_, n) => client.publish(task, raw(JSON.stringify({ n, padding })))),
  );
  return task;
}

async function openChannel() {
  const connection = await connect(inject('url'));
  onTestFinished(() => connection.close());
  return connection.createChannel();
}

const isWritten = async (file: string) => ((await stat(file).catch(() => undefined))?.size ?? 0) > 0;
const linesOf = async (file: string) => (await readFile(file, 'utf8')).split('\n').length - 1;

interface Way {
  args: (task: string, target: string) => string[];
  /** Where messages are delivered all at once: more bytes than the system keeps on their way. */
  padding?: string;
  /** Whether it has taken some messages. */
  hasBegun: (target: string) => Promise<boolean>;
  /** How many it says it has taken, and how many there are. */
  taken: (result: CliResult, target: string) => Promise<[said: number, found: number]>;
}

const toFile = (args: (task: string, file: string) => string[], pattern: RegExp): Way => ({
  args,
  hasBegun: isWritten,
  taken: async ({ stdout, stderr }, file) => {
    const [, said = ''] = pattern.exec(stdout + stderr) ?? [];
    return [Number(said.replaceAll(',', '')), await linesOf(file)];
  },
});

const toTask = (...more: string[]): Way => ({
  args: (task, to) => ['mv', task, to, '--all', ...more],
  hasBegun: async (to) => ((await observer().depth(to))?.messages ?? 0) > 0,
  taken: async ({ stdout }, to) => [JSON.parse(stdout).moved, (await observer().depth(to))?.messages ?? 0],
});

const WAYS: Record<string, Way> = {
  dequeue: toFile((task, file) => ['dequeue', task, '--all', '--out', file], /Removed ([\d,]+) message/),
  'dequeue -n': toFile(
    (task, file) => ['dequeue', task, '-n', String(COUNT), '--out', file],
    /Removed ([\d,]+) message/,
  ),
  'dequeue --wait': toFile(
    (task, file) => ['dequeue', task, '--all', '--wait', '1s', '--out', file],
    /Removed ([\d,]+) message/,
  ),
  'dequeue --filter': toFile(
    (task, file) => ['dequeue', task, '--all', '--filter', 'body.n >= 0', '--out', file],
    /Removed ([\d,]+) message/,
  ),
  clear: {
    ...toFile((task, file) => ['clear', task, '--yes', '--backup', file], /"removed":(\d+)/),
    padding: 'x'.repeat(8_000),
  },
  mv: toTask(),
  'mv --filter': toTask('--filter', 'body.n >= 0'),
};

const cases = Object.entries(WAYS);

async function runWhile(way: Way, end: (task: string) => Promise<unknown>) {
  const task = await filledTask(COUNT, way.padding);
  const target = way.hasBegun === isWritten ? join(await temporaryFolder(), 'out.jsonl') : newTask('to');
  // Some messages, and the rest after the end.
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  proxy.fault = { kind: 'hold', afterBytes: 20_000 };
  const running = runCli(way.args(task, target), { env: { MCP_TASKQ_URL: proxy.url } });
  await until(() => way.hasBegun(target));
  await end(task);
  proxy.fault = { kind: 'none' };
  const result = await running;
  const [said, found] = await way.taken(result, target);
  expect(said).toBeLessThan(COUNT);
  expect(found).toBe(said);
  return {
    ...result,
    task,
    missed: `${(COUNT - said).toLocaleString('en')} of the 2,500 messages of task "${task}"`,
  };
}

describe('a queue that is deleted meanwhile', () => {
  test.each(cases)('%s says how many messages are gone (3)', async (_name, way) => {
    const channel = await openChannel();
    const { status, stderr, missed } = await runWhile(way, (task) =>
      channel.deleteQueue(`mcp:queue:${task}`),
    );
    expect({ status, stderr }).toEqual({
      status: 3,
      stderr: expect.stringContaining(
        `error: ${missed} counted at the start were not there any more: the queue was deleted`,
      ),
    });
  });
});

describe('messages that are purged meanwhile', () => {
  test.each(cases.filter(([name]) => !name.includes(' ')))('%s notes how many (0)', async (_name, way) => {
    const channel = await openChannel();
    const { status, stderr, missed } = await runWhile(way, (task) => channel.purgeQueue(`mcp:queue:${task}`));
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringContaining(
        `${missed} counted at the start were not there any more: taken by another reader, expired, dropped by a limit, purged, or deleted with a queue that was declared again.`,
      ),
    });
  });
});

test('a limit, a filter and a wait leave nothing to say', async () => {
  const folder = await temporaryFolder();
  for (const args of [
    ['-n', '3'],
    ['-n', '3', '--filter', 'body.n > 1'],
    ['--all', '--filter', 'body.n > 1'],
    ['-n', '30'],
    ['--all', '--wait', '100ms'],
  ]) {
    const task = await filledTask(10);
    const out = join(folder, `${task}.jsonl`);
    const { status, stderr } = await runCli(['dequeue', task, ...args, '--out', out]);
    expect({ args, status, stderr }).toEqual({
      args,
      status: 0,
      stderr: expect.stringMatching(/^Removed .*\n$/),
    });
  }
});
