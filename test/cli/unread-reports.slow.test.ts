import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { cliInPath, temporaryFolder } from '../support/cli.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';

/** Runs a line of bash in which a pipe ends with the status of the first command that fails. */
async function bash(line: string, env: Record<string, string> = {}) {
  const shell = await cliInPath(env);
  const { status, stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', line], {
    env: shell.env,
    cwd: await temporaryFolder(),
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** Tasks with a message each. */
async function tasksWith(count: number): Promise<string[]> {
  const client = openClient();
  const tasks = Array.from({ length: count }, () => newTask());
  for (const task of tasks) await client.publish(task, raw('{}'));
  return tasks;
}

test('clear clears all of its tasks when nobody reads its report', async () => {
  const tasks = await tasksWith(3);
  const { status, stderr } = await bash(`mcp-taskq clear ${tasks.join(' ')} --yes | true`);
  expect([status, stderr]).toEqual([0, '']);
  const client = openClient();
  expect(await Promise.all(tasks.map((task) => client.depth(task)))).toEqual(tasks.map(() => undefined));
});

test('cp says that messages were not copied when nobody reads its report', async () => {
  const client = openClient();
  const task = newTask();
  await Promise.all(Array.from({ length: 1_001 }, () => client.publish(task, raw('{}'))));
  const { status, stderr } = await bash(`mcp-taskq cp ${task} ${newTask()} --all | true`);
  expect(stderr).toMatch(/^error: 1 message after the oldest 1,000 messages of task \S+ was not copied$/m);
  expect(status).toBe(3);
});

test.each([
  ['check', 'check --depth-critical 1', 2],
  ['check, for programs,', 'check --depth-critical 1 --format prometheus', 2],
  ['status', 'status --api-url http://127.0.0.1:1', 1],
  ['status, for people,', 'status --api-url http://127.0.0.1:1 -o table', 1],
])('%s has the status of its result when nobody reads that', async (_what, words, status) => {
  await tasksWith(1);
  // The broker's statistics come every five seconds.
  await expect.poll(async () => (await bash(`mcp-taskq ${words}`)).status, { interval: 500 }).toBe(status);
  expect((await bash(`mcp-taskq ${words} | true`)).status).toBe(status);
});

test('mv says once how far it got when it cannot write its report', async () => {
  const [from, to] = [...(await tasksWith(1)), newTask()];
  const { status, stderr } = await bash(`mcp-taskq mv ${from} ${to} --all > /dev/full`);
  expect(status).toBe(3);
  const far = `Before that, 1 message was moved from task ${from} to task ${to}; any others are still there.`;
  expect(stderr).toMatch(/^error: Cannot write to standard output: ENOSPC: [^.]*\. [^.]*\.$/m);
  expect(stderr).toContain(far);
});

test.each([
  ['goes on when nobody reads its report', '| true', 0, /^2 queues deleted on /m, 0],
  [
    'says how far it got when it cannot write its report',
    '> /dev/full',
    3,
    /ENOSPC[^.]*\. Before that, 1 queue was deleted$/m,
    1,
  ],
])('prune %s', async (_what, redirected, status, says, left) => {
  const { url } = await newVhost();
  const env = { MCP_TASKQ_URL: url };
  const client = openClient({ url });
  for (const task of ['a', 'b']) await client.publish(task, raw('{}'));
  for (const task of ['a', 'b']) await client.dequeue(task);
  const prune = 'mcp-taskq prune --idle 0s';
  // The broker's statistics come every five seconds.
  await expect
    .poll(async () => (await bash(`${prune} --dry-run | wc -l`, env)).stdout.trim(), { interval: 500 })
    .toBe('2');
  const ended = await bash(`${prune} --yes ${redirected}`, env);
  expect(ended).toMatchObject({ status, stderr: expect.stringMatching(says) });
  const depths = await Promise.all(['a', 'b'].map((task) => client.depth(task)));
  expect(depths.filter((depth) => depth !== undefined)).toHaveLength(left);
});
