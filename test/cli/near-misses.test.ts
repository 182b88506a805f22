import { randomUUID } from 'node:crypto';
import { describe, expect, inject, test } from 'vitest';
import { runCli } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';

async function filledTask(count: number): Promise<string> {
  const client = openClient();
  const task = newTask();
  await Promise.all(Array.from({ length: count }, (_, n) => client.publish(task, raw(`{"n":${n}}`))));
  return task;
}

describe('an id that has no queue', () => {
  test.each([
    ['a character off', (task: string) => `${task.slice(0, -1)}_`],
    ['two characters swapped', (task: string) => `at${task.slice(2)}`],
    ['its start', (task: string) => task.slice(0, -6)],
    ['the same in capitals', (task: string) => task.toUpperCase()],
    ['the same with a space at its end', (task: string) => `${task} `],
  ])('that is %s leads to the one that is meant', async (_what, mistype) => {
    const task = await filledTask(1);
    const { status, stderr } = await runCli(['peek', mistype(task)]);
    expect(status).toBe(5);
    expect(stderr).toContain(`Did you mean "${task}"`);
  });

  test.each([
    ['dequeue', []],
    ['clear', ['--yes']],
    ['mv', ['other', '--all']],
  ])('leads to the one that is meant with %s too', async (command, rest) => {
    const task = await filledTask(1);
    const { status, stderr } = await runCli([command, `${task.slice(0, -1)}_`, ...rest]);
    expect(status).toBe(5);
    expect(stderr).toContain(`Did you mean "${task}"`);
    expect((await observer().depth(task))?.messages).toBe(1);
  });

  test('that is the name of a queue leads to its task, with and without the management API', async () => {
    const task = await filledTask(1);
    for (const env of [{}, { MCP_TASKQ_API_URL: 'http://127.0.0.1:1' }]) {
      const { status, stderr } = await runCli(['peek', `mcp:queue:${task}`], { env });
      expect(status).toBe(5);
      expect(stderr).toContain(`The task id is "${task}".`);
    }
  });

  test('leads to the one that is meant also where the management API takes more than a second', async () => {
    const task = await filledTask(1);
    const proxy = await FaultProxy.inFrontOf(inject('apiUrl'));
    proxy.fault = { kind: 'late', after: '/api/queues/', ms: 1_500 };
    const env = { MCP_TASKQ_API_URL: proxy.url.replace('amqp:', 'http:') };
    const { stderr } = await runCli(['peek', `${task.slice(0, -1)}_`], { env });
    expect(stderr).toContain(`Did you mean "${task}"`);
  });

  test('is only said to be missing where nothing is like it, or the API does not answer', async () => {
    for (const env of [{}, { MCP_TASKQ_API_URL: 'http://127.0.0.1:1' }]) {
      const { status, stderr } = await runCli(['peek', randomUUID()], { env });
      expect(status).toBe(5);
      expect(stderr).toContain('"mcp-taskq ls" lists tasks');
      expect(stderr).not.toContain('Did you mean');
    }
  });

  test('that is a pattern, where only an id will do, leads to ls', async () => {
    const url = inject('url');
    for (const args of [['describe'], ['dequeue'], ['cp']]) {
      const rest = args[0] === 'cp' ? ['other', '--all'] : [];
      const { status, stderr } = await runCli([...args, 'no-such-*', ...rest, '--url', url]);
      expect(status).toBe(5);
      expect(stderr).toContain(`not a pattern; "mcp-taskq ls 'no-such-*' --url ${url}" lists`);
    }
  });

  test('leads to ls on the broker that was asked', async () => {
    const url = inject('url').replace('//', '//guest:guest@');
    const context = ['--url', url, '--prefix', 'my tasks:'];
    const { stderr } = await runCli(['peek', randomUUID(), ...context]);
    expect(stderr).toContain(`"mcp-taskq ls --url ${url} --prefix 'my tasks:'" lists tasks`);
  });

  test.each([
    ['peek', randomUUID()],
    ['clear', `${randomUUID()}*`, '--yes'],
  ])('is reported by %s with the broker, which may be the wrong one', async (...args) => {
    const { status, stderr } = await runCli([...args, '--url', inject('url')]);
    expect(status).toBe(5);
    expect(stderr).toContain(` on ${new URL(inject('url')).host}, vhost /\n`);
  });

  test('is said to be by watch', async () => {
    const task = await filledTask(1);
    const missing = `${task.slice(0, -1)}_`;
    const { status, stderr } = await runCli(['watch', missing, '--for', '1500ms']);
    expect(status).toBe(0);
    expect(stderr).toContain(`Task "${missing}" has no queue yet. Did you mean "${task}"`);
    expect(await observer().depth(missing)).toBeUndefined();
  });
});

const OTHER_NAMES = [
  ['delete', 'clear'],
  ['rm', 'clear'],
  ['purge', 'clear'],
  ['drain', 'dequeue'],
  ['get', 'peek'],
  ['consume', 'dequeue'],
  ['tail', 'watch'],
  ['follow', 'watch'],
  ['stats', 'ls'],
  ['list', 'ls'],
  ['publish', 'enqueue'],
  ['send', 'enqueue'],
  ['put', 'enqueue'],
  ['move', 'mv'],
] as const;

test('a command of another tool is said to have another name here, and does nothing', async () => {
  const task = await filledTask(1);
  for (const [name, meant] of OTHER_NAMES) {
    for (const args of [
      [name, task, '--yes', '--all'],
      ['help', name],
    ]) {
      const { status, stdout, stderr } = await runCli(args);
      expect({ name, status, stdout }).toEqual({ name, status: 2, stdout: '' });
      expect(stderr).toContain(`mcp-taskq calls it ${meant}`);
    }
  }
  expect((await observer().depth(task))?.messages).toBe(1);
});

test.each([
  [['peek', 'a', '--count', '3'], 'Did you mean --limit?'],
  [['mv', 'a', 'b', '--count=3'], 'Did you mean --limit?'],
  [['peek', 'a', '--format', 'json'], 'Did you mean --output?'],
  [['enqueue', 'a', '--file', 'b'], 'Did you mean --from?'],
  [['clear', 'a', '--file', 'b'], 'Did you mean --backup?'],
  [['peek', 'a', '--host', 'b'], 'Did you mean --url?'],
  [['peek', 'a', '--password', 'b'], 'Did you mean --password-file?'],
  [['ls', '--older', '1h'], 'Did you mean --older-than?'],
  [['dequeue', 'a', '-o', 'a.jsonl'], 'Did you mean --out a.jsonl?'],
  [['-n', '2', 'peek', 'a'], 'Options of a command come after its name.'],
  [['version'], 'Did you mean --version?'],
  [['-v'], 'Did you mean --version?'],
  [['peek', 'a', '-v'], 'Did you mean --verbose?'],
  [['-help'], 'Did you mean --help?'],
  [['peek', 'a', '-limit=3'], 'Did you mean --limit?'],
  [['peek', '-abc'], 'If that is a task id, put -- before it.'],
  // Not --null, --tail and --rate.
  [['clear', '--all'], '"mcp-taskq help clear"'],
  [['peek', '--task', 'a'], '"mcp-taskq help peek"'],
  [['enqueue', 'a', '--data', 'b'], '"mcp-taskq help enqueue"'],
])('%j is answered with an option that may be meant, if any', async (args, hint) => {
  const { status, stdout, stderr } = await runCli(args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(`\nhint: ${hint}`);
});

test('a task or message may be called like a command of another tool', async () => {
  const task = await filledTask(1);
  expect((await runCli(['enqueue', 'delete', '--method', 'get', '--dry-run'])).status).toBe(0);
  expect((await runCli(['peek', task, '--filter', 'method != "rm"'])).status).toBe(0);
});

test('messages that --skip leaves out are not called absent', async () => {
  const task = await filledTask(3);
  const skipped = 'error: Task "%" has 3 messages waiting; --skip 3 leaves nothing\n'.replace('%', task);
  for (const args of [
    ['peek', task],
    ['peek', task, '--all'],
    ['peek', task, '--filter', 'body.n == 0'],
    ['cp', task, `${task}-2`, '-n', '1'],
    ['cp', task, `${task}-2`, '-n', '1', '--dry-run'],
  ])
    expect(await runCli([...args, '--skip', '3'])).toMatchObject({ status: 6, stderr: skipped });
  const unmatched = async (command: string[], ...args: string[]) => {
    const { status, stderr } = await runCli([...command, ...args, '--filter', 'body.n == 0']);
    expect(status).toBe(6);
    return stderr;
  };
  for (const command of [
    ['peek', task],
    ['cp', task, `${task}-2`, '-n', '1'],
  ]) {
    expect(await unmatched(command, '--skip', '1')).toContain(
      `None of the last 2 messages of task "${task}"`,
    );
    expect(await unmatched(command, '--skip', '2')).toContain(`The last message of task "${task}" does not`);
  }
  await expect(observer().depth(`${task}-2`)).resolves.toBeUndefined();
  const beyond = { status: 2, stderr: 'error: --skip must be less than 1,000\n' };
  expect(await runCli(['peek', task, '--all', '--skip', '1000'])).toMatchObject(beyond);
});

describe('a filter that nothing matches', () => {
  test('says how many messages it has looked at', async () => {
    const task = await filledTask(1_001);
    const peek = await runCli(['peek', task, '--filter', 'body.n == 1000']);
    expect(peek.status).toBe(6);
    expect(peek.stderr).toContain(
      `None of the first 1,000 of 1,001 messages of task "${task}" matches the filter`,
    );
    const skipping = await runCli(['peek', task, '--skip', '2', '--filter', 'body.n == 1000']);
    expect(skipping.stderr).toContain(
      `None of the messages 3 to 1,000 (of 1,001) of task "${task}" matches the filter`,
    );
    const rehearsal = await runCli(['dequeue', task, '--filter', 'type == "x"', '--dry-run']);
    expect(rehearsal.status).toBe(6);
    expect(rehearsal.stderr).toContain('None of the first 1,000 of 1,001 messages');
    const dequeue = await runCli(['dequeue', task, '--filter', 'type == "x"']);
    expect(dequeue.status).toBe(6);
    expect(dequeue.stderr).toContain('None of the 1,001 messages');
    expect((await observer().depth(task))?.messages).toBe(1_001);
  });

  test('for want of a field that no message has says that too', async () => {
    const task = await filledTask(3);
    const { status, stderr } = await runCli(['dequeue', task, '--filter', 'body.m == 1']);
    expect(status).toBe(6);
    expect(stderr).toContain('None of the 3 messages looked at has a field that the filter needs ("m").');
  });

  test('and cannot be evaluated on any of them is a usage error', async () => {
    const task = await filledTask(3);
    for (const filter of ['body.n.matches("x")', 'string(body.n) > 5']) {
      expect([filter, (await runCli(['dequeue', task, '--all', '--filter', filter])).status]).toEqual([
        filter,
        2,
      ]);
    }
    expect((await observer().depth(task))?.messages).toBe(3);
  });
});

test('a dry run names the broker', async () => {
  const task = await filledTask(1);
  const { stderr } = await runCli(['dequeue', task, '--all', '--dry-run']);
  expect(stderr).toContain(
    `on ${new URL(inject('url')).host}, vhost / (from MCP_TASKQ_URL) would be removed`,
  );
});
