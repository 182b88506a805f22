import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { connect } from 'amqplib';
import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { stopAfterFile } from '../support/broker.ts';
import { BIN, recordsIn, runCli, startCli } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal, runOnTerminal, Terminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost, vhostWithUser } from '../support/vhost.ts';

const HOME = '\u001b[H';
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ESCAPES = /\u001b\[[0-9;?]*[a-zA-Z]/g;

/** A vhost with three tasks of 0, 1 and 12 messages. */
async function threeTasks(atEnd?: typeof stopAfterFile): Promise<{ MCP_TASKQ_URL: string }> {
  const { url } = await newVhost({}, atEnd);
  const client = openClient({ url });
  for (const [task, count] of [
    ['none', 1],
    ['one', 1],
    ['twelve', 12],
  ] as const) {
    for (let n = 0; n < count; n++) await client.publish(task, raw('{}'));
  }
  await client.clear('none', undefined, { keepQueue: true });
  return { MCP_TASKQ_URL: url };
}

/** For the tests that change nothing there. */
let three: { MCP_TASKQ_URL: string };
beforeAll(async () => {
  three = await threeTasks(stopAfterFile);
});

describe('ls', () => {
  test('prints a record for each task; with --exact, with counts of this moment', async () => {
    const env = three;
    const { status, stdout, stderr } = await runCli(['ls', '--exact'], { env });
    expect([status, stderr]).toEqual([0, '']);
    const records = recordsIn(stdout);
    expect(records.map(({ task_id, ready, unacked }) => [task_id, ready, unacked])).toEqual([
      ['none', 0, 0],
      ['one', 1, 0],
      ['twelve', 12, 0],
    ]);
    expect(records[0]).toMatchObject({ counted: true, type: 'classic', state: 'running' });
    expect(JSON.parse((await runCli(['ls', '--json'], { env })).stdout)).toHaveLength(3);
  });

  test('prints the names that the options choose, in their order', async () => {
    const env = three;
    for (const [args, expected] of [
      [['--names'], ['none', 'one', 'twelve']],
      [
        ['--names', '--reverse'],
        ['twelve', 'one', 'none'],
      ],
      [
        ['--names', '--sort', 'ready'],
        ['twelve', 'one', 'none'],
      ],
      [['--names', '--sort', 'ready', '--limit', '1'], ['twelve']],
      [
        ['--names', '--non-empty'],
        ['one', 'twelve'],
      ],
      [['--names', '--min', '2'], ['twelve']],
      [
        ['--names', '*n?'],
        ['none', 'one'],
      ],
      [['--names', 'no-such-*'], []],
      [
        ['--names', '-o', 'raw'],
        ['none', 'one', 'twelve'],
      ],
    ] as const) {
      const { status, stdout } = await runCli(['ls', '--exact', ...args], { env });
      expect([args, status, stdout.split('\n').slice(0, -1)]).toEqual([args, 0, expected]);
    }
  });

  test('compares idle times with a month too, as prune does', async () => {
    expect(await runCli(['ls', '--idle', '30d'], { env: three })).toMatchObject({ status: 0, stdout: '' });
  });

  test.each([
    ['--idle', '1h'],
    ['--sort', 'idle'],
  ])('with --ids refuses %s %s, which it cannot know', async (...args) => {
    const { status, stderr } = await runCli(['ls', '--ids', '-', ...args], { input: 'one\n' });
    expect(status).toBe(2);
    expect(stderr).toContain('--ids cannot be combined with --idle or --sort idle');
  });

  test('with --ids counts over AMQP alone, in the order given, and leaves out what has no queue', async () => {
    const env = { ...three, MCP_TASKQ_API_URL: 'http://127.0.0.1:1' };
    const { status, stdout } = await runCli(['ls', '--ids', '-'], { env, input: 'twelve\nmissing\none\r\n' });
    expect(status).toBe(0);
    expect(recordsIn(stdout)).toMatchObject([
      { task_id: 'twelve', ready: 12, unacked: null, type: null, state: null },
      { task_id: 'one', ready: 1, statistics: { consumers: 0 } },
    ]);
  });

  test('says how to get on without the management plugin, and ends with 7', async () => {
    const { status, stdout, stderr } = await runCli(['ls', '--api-url', 'http://me:s3cret@127.0.0.1:1']);
    expect([status, stdout]).toEqual([7, '']);
    expect(stderr).toMatch(/rabbitmq-plugins enable rabbitmq_management/);
    expect(stderr).not.toContain('s3cret');
  });

  test('is not a failure when its reader has seen enough', async () => {
    const child = startCli(['ls'], { env: three });
    child.stdout.once('readable', () => child.stdout.destroy());
    const status = await new Promise((resolve) => child.once('close', resolve));
    expect(status).toBe(0);
  });

  test('is a table with totals on a terminal, where no name does harm', async () => {
    const env = await threeTasks();
    // This package makes no such queue, but others may.
    const connection = await connect(env.MCP_TASKQ_URL);
    await (await connection.createChannel()).assertQueue('mcp:queue:evil\u009b31m\u202e');
    await connection.close();
    const terminal = cliOnTerminal(['ls', '--no-color', '--exact'], env);
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toMatch(/READY +UNACKED +~CONS +~OLDEST +TASK\n/);
    expect(terminal.text).toMatch(/^ +12 +[0?] .* twelve$/m);
    expect(terminal.text).toContain('4 task queues, 13 messages ready, 0 unacknowledged');
    for (const output of [[], ['--names'], ['-o', 'jsonl'], ['--json']]) {
      const other = await runOnTerminal(['ls', '--no-color', ...output], env);
      expect(other.status).toBe(0);
      expect(other.output).toContain('evil\\u009b31m\\u202e');
      expect(other.output).not.toMatch(/[\u009b\u202e]/);
    }
  });

  test('with --watch stays up to date until Ctrl-C or q', async () => {
    const env = await threeTasks();
    const terminal = cliOnTerminal(['ls', '--watch', '--interval', '200ms'], env);
    await terminal.shows('3 task queues, 13 messages ready');
    await openClient({ url: env.MCP_TASKQ_URL }).publish('one', raw('{}'));
    await terminal.shows('3 task queues, 14 messages ready');
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(0);
    // Each refresh listens to the end, and leaves nothing behind.
    expect(terminal.text).not.toContain('Warning');
    const other = cliOnTerminal(['ls', '--watch'], env);
    await other.shows('q quits');
    other.type('q');
    expect(await other.ended).toBe(0);
  });

  test('with --watch takes a terminal that does not say its size for one of 80 columns and 24 rows', async () => {
    const { url } = await newVhost();
    const client = openClient({ url });
    for (let n = 0; n < 30; n++) await client.publish(`task-${n}`, raw('{}'));
    const command = `stty cols 0 rows 0; exec "${process.execPath}" "${BIN}" ls --watch --interval 1m`;
    const terminal = new Terminal('sh', ['-c', command], { MCP_TASKQ_URL: url });
    await terminal.shows('1–19 of 30');
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
  });

  test.each([
    [['--names'], '--names cannot be used with --watch'],
    [['--json'], '--watch cannot be used with -o json'],
    [['-o', 'jsonl'], '--watch cannot be used with -o jsonl'],
  ])('with --watch refuses %j, which a live table does not show', async (args, says) => {
    const terminal = await runOnTerminal(['ls', '--watch', ...args]);
    expect(terminal.status).toBe(2);
    expect(terminal.text).toContain(`error: ${says}`);
  });

  test('with --watch refuses a terminal that cannot be redrawn', async () => {
    const terminal = await runOnTerminal(['ls', '--watch'], { TERM: 'dumb' });
    expect(terminal.status).toBe(2);
    expect(terminal.output).not.toContain('\u001b');
    expect(terminal.text).toContain('(TERM=dumb)');
  });

  test('with --watch scrolls, and no line is wider than the terminal', async () => {
    const { url } = await newVhost();
    const client = openClient({ url });
    const ids = Array.from({ length: 60 }, (_, n) => `task-${String(n).padStart(2, '0')}-${'x'.repeat(80)}`);
    await Promise.all(ids.map((id) => client.publish(id, raw('{}'))));
    const terminal = cliOnTerminal(['ls', '--watch', '--interval', '1m'], { MCP_TASKQ_URL: url }, 60);
    await terminal.shows(/^1–\d+ of 60 /m);
    expect(terminal.text).not.toContain('task-59');
    terminal.type('G');
    await terminal.shows(/–60 of 60 /);
    terminal.type('g');
    await terminal.shows(/–60 of 60 [\s\S]*task-00/);
    terminal.type('\u001b[B');
    await terminal.shows(/^2–/m);
    // Each time it is drawn from the top.
    for (const line of terminal.output.replaceAll(HOME, '\n').split('\n'))
      expect(line.replace(ESCAPES, '').replaceAll('\r', '')).toMatch(/^.{0,60}$/);
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
  });

  test('with --watch says within seconds that the API does not answer, and goes on when it does', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('apiUrl'));
    const env = { ...three, MCP_TASKQ_API_URL: proxy.url.replace('amqp:', 'http:') };
    const terminal = cliOnTerminal(['ls', '--watch', '--interval', '200ms'], env);
    await terminal.shows('q quits');
    proxy.fault = { kind: 'stall' };
    await terminal.shows(/No answer from the broker for [2-4]s; still waiting/);
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
  });
});

describe('ls by the statistics', () => {
  const AGE_MS = 5 * 3_600_000;

  /** As the Python package publishes: the time is in the body alone. */
  async function undated(url: string, task: string, ageMs: number): Promise<void> {
    const timestamp = new Date(Date.now() - ageMs).toISOString();
    const body = JSON.stringify({ type: 'request', message: {}, timestamp, original_request_id: null });
    await openClient({ url }).publish(task, raw(body));
  }

  const list = async (url: string, ...args: string[]) => {
    const { stdout, stderr } = await runCli(['ls', ...args], { env: { MCP_TASKQ_URL: url } });
    return { records: recordsIn(stdout), stderr };
  };
  const idleTimes = async (url: string) =>
    (await list(url)).records.map(({ statistics }) => statistics?.idle_since ?? null);

  /** For longer than the statistics need to follow. A new queue was counted until they had it, which may show later. */
  const untilIdle = async (url: string) => {
    await until(async () => (await idleTimes(url)).every((time) => Date.now() - Date.parse(time) > 8_000));
    await until(async () => {
      const before = await idleTimes(url);
      await sleep(3_000);
      return isDeepStrictEqual(await idleTimes(url), before);
    });
  };

  test('ends no idle time, whatever is listed, and neither does completion', async () => {
    const [{ url }, { url: unlisted }] = [await newVhost(), await newVhost()];
    for (const task of ['a', 'b']) await undated(url, task, AGE_MS);
    await undated(unlisted, 'control', AGE_MS);
    const control = `queues${new URL(unlisted).pathname}/${encodeURIComponent('mcp:queue:control')}`;
    const controlIdle = async () => {
      const answer = (await (await callApi('GET', control)).json()) as { idle_since?: string };
      return answer.idle_since;
    };
    const env = { MCP_TASKQ_URL: url };
    let before: unknown[];
    let after: unknown[];
    let isDisturbed: boolean;
    let rounds = 0;
    do {
      await untilIdle(url);
      before = await idleTimes(url);
      const known = await controlIdle();
      for (const args of [[], ['--sort', 'idle'], ['a'], ['--names'], ['--no-peek', '--older-than', '1h']])
        await runCli(['ls', ...args], { env });
      await runCli(['__task-ids', 'a'], { env });
      await runCli(['describe', 'a', '--no-peek'], { env });
      // It shows that statistics would have followed by now.
      await undated(url, `c${rounds++}`, AGE_MS);
      await until(async () => (await idleTimes(url))[before.length] != null);
      after = (await idleTimes(url)).slice(0, before.length);
      // RabbitMQ wakes all queues when its memory fills up: then this says nothing.
      isDisturbed = (await controlIdle()) !== known;
    } while (isDisturbed);
    expect(before).toHaveLength(rounds + 1);
    expect(after).toEqual(before);
    await runCli(['ls', '--exact', 'c0'], { env });
    await until(async () => (await idleTimes(url)).every((time, n) => time !== after[n]));
  });

  test('finds the oldest message by its envelope where the publisher set no timestamp, and says that it looked', async () => {
    const { url } = await newVhost();
    await undated(url, 'new', 1_000);
    await undated(url, 'old', AGE_MS);
    await undated(url, 'older', 2 * AGE_MS);
    await untilIdle(url);
    const { records, stderr } = await list(url, '--sort', 'oldest');
    expect(records.map(({ task_id }) => task_id)).toEqual(['older', 'old', 'new']);
    expect(Date.now() - Date.parse(records[0].statistics.oldest_at)).toBeGreaterThan(2 * AGE_MS - 1);
    expect(stderr).toContain('Looked into 3 tasks');
    expect((await list(url, '--older-than', '6h')).records.map(({ task_id }) => task_id)).toEqual(['older']);
    const blind = await list(url, '--older-than', '6h', '--no-peek');
    expect([blind.records, blind.stderr]).toEqual([
      [],
      '3 queues left out: how old their oldest messages are is not known.\n',
    ]);
    expect((await list(url, '--peek', 'old')).records[0].statistics.oldest_at).not.toBeNull();
    expect((await list(url, 'old')).records[0].statistics.oldest_at).toBeNull();
  });

  test('lists a queue at once, however new it is, and says how much is in it when the statistics know', async () => {
    const { url } = await newVhost();
    await undated(url, 'new', 0);
    expect((await list(url)).records).toMatchObject([{ task_id: 'new', ready: expect.any(Number) }]);
    await until(async () => (await list(url)).records[0].ready === 1);
  });

  test('with --no-consumers lists what nobody reads', async () => {
    const { url } = await newVhost();
    await undated(url, 'left', 0);
    await undated(url, 'read', 0);
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    const channel = await connection.createChannel();
    await channel.prefetch(1);
    await channel.consume('mcp:queue:read', () => {});
    const found = async () =>
      (await list(url, '--no-consumers')).records.map(({ task_id }) => task_id).join();
    await until(async () => (await found()) === 'left');
  });
});

describe('a list that is longer than the screen', () => {
  let many: { MCP_TASKQ_URL: string };
  beforeAll(async () => {
    const { url } = await newVhost({}, stopAfterFile);
    const client = openClient({ url });
    await Promise.all(Array.from({ length: 60 }, (_, n) => client.publish(`task-${n + 10}`, raw('{}'))));
    many = { MCP_TASKQ_URL: url };
  });

  test('goes through PAGER, and what there is to say comes after that', async () => {
    const env = { ...many, PAGER: 'sed "s/^/page: /"' };
    const terminal = cliOnTerminal(['ls', '--no-color'], env);
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toMatch(/^page: READY.*\n(page: .*\n){60}60 task queues/m);
    // What fits needs no pager, and neither do programs.
    for (const args of [['--no-pager'], ['task-1*']]) {
      const direct = cliOnTerminal(['ls', '--no-color', ...args], env);
      expect(await direct.ended).toBe(0);
      expect(direct.text).toMatch(/^READY[\s\S]*\d+ task queues/);
    }
    expect((await runCli(['ls', '-o', 'table'], { env })).stdout).toMatch(/^READY/);
  });

  test('ends with 0 when its reader leaves the pager, and says so when that cannot be run', async () => {
    const early = cliOnTerminal(['ls', '--no-color'], { ...many, PAGER: 'head -n 2' });
    expect(await early.ended).toBe(0);
    expect(early.text).toMatch(/^READY.*\n.*\n60 task queues/);
    const none = cliOnTerminal(['ls', '--no-color'], { ...many, PAGER: 'no-such-pager' });
    expect(await none.ended).toBe(0);
    expect(none.text).toContain('The pager "no-such-pager" cannot be run');
  });

  test('is left with q in less, which is the default', async () => {
    const terminal = cliOnTerminal(['ls', '--no-color'], { ...many, PAGER: undefined });
    await terminal.shows(/^:$|:$/m);
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toContain('60 task queues');
  });
});

describe('prune', () => {
  const FOUND = { interval: 500 };
  const dryRun = async (env: Record<string, string>) =>
    recordsIn((await runCli(['prune', '--idle', '0s', '--dry-run'], { env })).stdout);

  test('lists what would be deleted, asks on a terminal, where Enter means no, and deletes just that with --yes', async () => {
    const env = await threeTasks();
    const client = openClient({ url: env.MCP_TASKQ_URL });
    // The broker's statistics come every five seconds.
    await expect.poll(() => dryRun(env), FOUND).toEqual([{ task_id: 'none', outcome: 'would_delete' }]);
    const refused = await runCli(['prune', '--idle', '0s'], { env });
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('--yes');
    const terminal = cliOnTerminal(['prune', '--idle', '0s'], env);
    await terminal.shows('Delete 1 empty, unused queue');
    terminal.type('\r');
    expect(await terminal.ended).toBe(8);
    expect(await client.depth('none')).toBeDefined();
    // Which counting the messages may have deferred.
    await expect.poll(() => dryRun(env), FOUND).toHaveLength(1);
    const { status, stdout, stderr } = await runCli(['prune', '--idle', '0s', '--yes'], { env });
    expect([status, recordsIn(stdout)]).toEqual([0, [{ task_id: 'none', outcome: 'deleted' }]]);
    expect(stderr).toMatch(/^1 queue deleted on \S+, vhost test-/m);
    expect(await client.depth('none')).toBeUndefined();
    expect((await client.depth('one'))?.messages).toBe(1);
    expect((await runCli(['prune', '--yes'], { env })).stderr).toContain('nothing to do');
  });

  test('says, dry or not, that the user may not delete the queues', async () => {
    const { url, userUrl } = await vhostWithUser({ configure: '', write: '', read: '' }, 'monitoring');
    await openClient({ url }).publish('a', raw('{}'));
    await openClient({ url }).dequeue('a');
    await expect.poll(() => dryRun({ MCP_TASKQ_URL: url }), FOUND).toHaveLength(1);
    for (const way of ['--dry-run', '--yes']) {
      const refused = await runCli(['prune', '--idle', '0s', way], { env: { MCP_TASKQ_URL: userUrl } });
      expect(refused).toMatchObject({
        status: 4,
        stderr: expect.stringContaining('lacks configure permission'),
      });
    }
  });

  test('prints one JSON document with --json, however many queues there are', async () => {
    const { url } = await newVhost();
    const env = { MCP_TASKQ_URL: url };
    const json = async () =>
      JSON.parse((await runCli(['prune', '--idle', '0s', '--dry-run', '--json'], { env })).stdout);
    expect(await json()).toEqual([]);
    const client = openClient({ url });
    for (const task of ['a', 'b']) await client.publish(task, raw('{}'));
    for (const task of ['a', 'b']) await client.dequeue(task);
    await expect.poll(json, FOUND).toEqual([
      { task_id: 'a', outcome: 'would_delete' },
      { task_id: 'b', outcome: 'would_delete' },
    ]);
  });
});
