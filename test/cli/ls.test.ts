import { connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { recordsIn, runCli, startCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal } from '../support/terminal.ts';
import { newVhost } from '../support/vhost.ts';

/** A vhost with three tasks of 0, 1 and 12 messages. */
async function threeTasks(): Promise<{ MCP_TASKQ_URL: string }> {
  const { url } = await newVhost();
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

describe('ls', () => {
  test('prints a record for each task, with counts of this moment', async () => {
    const env = await threeTasks();
    const { status, stdout, stderr } = await runCli(['ls'], { env });
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

  test.each([
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
  ])('%j prints %j', async (args, expected) => {
    const { status, stdout } = await runCli(['ls', ...args], { env: await threeTasks() });
    expect([status, stdout.split('\n').slice(0, -1)]).toEqual([0, expected]);
  });

  test('with --ids counts over AMQP alone, in the order given, and leaves out what has no queue', async () => {
    const env = { ...(await threeTasks()), MCP_TASKQ_API_URL: 'http://127.0.0.1:1' };
    const { status, stdout } = await runCli(['ls', '--ids', '-'], { env, input: 'twelve\nmissing\none\r\n' });
    expect(status).toBe(0);
    expect(recordsIn(stdout)).toMatchObject([
      { task_id: 'twelve', ready: 12, unacked: null },
      { task_id: 'one', ready: 1, statistics: { consumers: 0 } },
    ]);
  });

  test('says how to get on without the management plugin, and ends with 7', async () => {
    const { status, stdout, stderr } = await runCli(['ls', '--api-url', 'http://me:s3cret@127.0.0.1:1']);
    expect([status, stdout]).toEqual([7, '']);
    expect(stderr).toMatch(/rabbitmq-plugins enable rabbitmq_management/);
    expect(stderr).not.toContain('s3cret');
  });

  test('is no failure when its reader has seen enough', async () => {
    const child = startCli(['ls'], { env: await threeTasks() });
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
    const terminal = cliOnTerminal(['ls', '--no-color'], env);
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toMatch(/READY +UNACKED +~CONS +~IDLE +~OLDEST +TYPE +STATE +TASK\n/);
    expect(terminal.text).toMatch(/^ +12 +0 .* classic +running +twelve$/m);
    expect(terminal.text).toContain('4 task queues, 13 messages ready, 0 unacked');
    for (const output of [[], ['--names'], ['-o', 'jsonl'], ['--json']]) {
      const other = cliOnTerminal(['ls', '--no-color', ...output], env);
      expect(await other.ended).toBe(0);
      expect(other.output).toContain('evil\\u009b31m\\u202e');
      expect(other.output).not.toMatch(/[\u009b\u202e]/);
    }
  });

  test('with --watch stays up to date until Ctrl-C', async () => {
    const env = await threeTasks();
    const terminal = cliOnTerminal(['ls', '--watch', '--interval', '200ms'], env);
    await terminal.shows('3 task queues, 13 messages ready');
    await openClient({ url: env.MCP_TASKQ_URL }).publish('one', raw('{}'));
    await terminal.shows('3 task queues, 14 messages ready');
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(0);
  });
});

describe('prune', () => {
  const FOUND = { timeout: 20_000, interval: 500 };
  const dryRun = async (env: Record<string, string>) =>
    recordsIn((await runCli(['prune', '--idle', '0s', '--dry-run'], { env })).stdout);

  test('tells what would go, asks nobody without a terminal, and then deletes just that', async () => {
    const env = await threeTasks();
    const client = openClient({ url: env.MCP_TASKQ_URL });
    // The broker's statistics come every five seconds.
    await expect.poll(() => dryRun(env), FOUND).toEqual([{ task_id: 'none', outcome: 'would_delete' }]);
    const refused = await runCli(['prune', '--idle', '0s'], { env });
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('--yes');
    expect(await client.depth('none')).toBeDefined();
    const { status, stdout, stderr } = await runCli(['prune', '--idle', '0s', '--yes'], { env });
    expect([status, recordsIn(stdout)]).toEqual([0, [{ task_id: 'none', outcome: 'deleted' }]]);
    expect(stderr).toMatch(/^1 queue deleted on \S+, vhost test-/m);
    expect(await client.depth('none')).toBeUndefined();
    expect((await client.depth('one'))?.messages).toBe(1);
    expect((await runCli(['prune', '--yes'], { env })).stderr).toContain('nothing to do');
  }, 60_000);

  test('asks on a terminal, where Enter means no', async () => {
    const env = await threeTasks();
    await expect.poll(() => dryRun(env), FOUND).toHaveLength(1);
    const terminal = cliOnTerminal(['prune', '--idle', '0s'], env);
    await terminal.shows('Delete 1 empty, unused queue');
    terminal.type('\r');
    expect(await terminal.ended).toBe(8);
    expect(await openClient({ url: env.MCP_TASKQ_URL }).depth('none')).toBeDefined();
  }, 60_000);
});
