import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { BIN, runCli, temporaryFolder } from '../support/cli.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { Terminal } from '../support/terminal.ts';

/** A configuration folder of one test, and no broker in the environment. */
async function configuration() {
  const folder = await temporaryFolder();
  const env = { XDG_CONFIG_HOME: folder, MCP_TASKQ_URL: undefined, MCP_TASKQ_API_URL: undefined };
  const file = join(folder, 'mcp-taskq', 'contexts.json');
  return {
    env,
    file,
    context: (...args: string[]) => runCli(['context', ...args], { env }),
    stored: () => JSON.parse(readFileSync(file, 'utf8')),
  };
}

async function filledTask(name: string, count = 2): Promise<string> {
  const task = newTask(name);
  const client = openClient();
  for (let index = 0; index < count; index++) await client.publish(task, raw(`${index}`));
  return task;
}

test('set, ls, show, use and rm do what they say', async () => {
  const { context, stored, file } = await configuration();
  const set = await context(
    'set',
    'dev',
    '-u',
    'amqp://dev',
    '--connect-timeout',
    '90s',
    '--description',
    'Ours',
  );
  expect(set).toMatchObject({ status: 0, stdout: '' });
  expect(set.stderr).toContain('mcp-taskq context use dev');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await context('set', 'dev', '--protected', '--tls-ca-file', '/etc/ca.pem');
  expect(stored()).toEqual({
    contexts: {
      dev: {
        url: 'amqp://dev',
        description: 'Ours',
        tls_ca_file: '/etc/ca.pem',
        connect_timeout: '90s',
        protected: true,
      },
    },
  });
  await context('set', 'dev', '--unprotected', '--unset', 'tls-ca-file', 'description');
  expect(stored().contexts.dev).toEqual({ url: 'amqp://dev', connect_timeout: '90s' });
  expect((await context('use', 'dev')).stderr).toContain('Context dev is selected');
  expect(JSON.parse((await context('ls', '-o', 'json')).stdout)).toEqual([
    { name: 'dev', current: true, url: 'amqp://dev', connect_timeout: '90s' },
  ]);
  expect(JSON.parse((await context('show')).stdout)).toMatchObject({ name: 'dev', in_effect: true });
  expect((await context('use', '--none')).status).toBe(0);
  expect((await context('show')).status).toBe(6);
  expect((await context('rm', 'dev')).stderr).toContain('Deleted context dev');
  expect(stored()).toEqual({ contexts: {} });
});

test('a command works on the broker of its context', async () => {
  const { env, context } = await configuration();
  const task = await filledTask('context');
  await context('set', 'here', '-u', inject('url'), '--api-url', inject('apiUrl'));
  expect((await runCli(['peek', task, '--context', 'here'], { env })).status).toBe(0);
  const other = { ...env, MCP_TASKQ_URL: 'amqp://127.0.0.1:1' };
  expect((await runCli(['peek', task, '--context', 'here'], { env: other })).status).toBe(0);
  await context('use', 'here');
  expect((await runCli(['peek', task], { env })).status).toBe(0);
  const overridden = await runCli(['peek', task], { env: other });
  expect(overridden.status).toBe(7);
  expect(overridden.stderr).toContain('MCP_TASKQ_URL is set, so context here is not used');
});

test('an error about the broker says what named it, unless that was the command line', async () => {
  const { env, context } = await configuration();
  await context('set', 'old', '-u', 'amqp://127.0.0.1:1');
  const named = async (more: Record<string, string>, ...args: string[]) =>
    / The broker URL comes from (.+?)\.(?: |$)/m.exec(
      (await runCli(args, { env: { ...env, ...more } })).stderr,
    )?.[1];
  const away = { RABBITMQ_URL: 'amqp://127.0.0.1:1' };
  for (const command of ['status', 'ls', 'check']) expect(await named(away, command)).toBe('RABBITMQ_URL');
  expect(await named({ AMQP_URL: '"amqp://h"' }, 'peek', 'x')).toBe('AMQP_URL');
  expect(await named(away, 'peek', 'x', '--context', 'old')).toBe('context old');
  expect(await named(away, 'peek', 'x', '--url', 'amqp://127.0.0.1:1')).toBeUndefined();
  expect(await named(away, 'ls', '--api-url', 'http://127.0.0.1:1')).toBeUndefined();
});

test('a password stays out of the file unless the person insists, and out of every output', async () => {
  const { env, context, stored, file } = await configuration();
  const refused = await context('set', 'c', '-u', 'amqp://ann:hunter2@h');
  expect(refused).toMatchObject({ status: 2, stdout: '' });
  expect(refused.stderr).not.toContain('hunter2');
  const asked = await runCli(['context', 'set', 'c', '-u', 'amqp://ann@h', '--store-password'], {
    env,
    input: 'hunter2\n',
  });
  expect(asked.stderr).toContain('in clear text');
  const unanswered = await runCli(['context', 'set', 'd', '-u', 'amqp://ann@h', '--store-password'], { env });
  expect(unanswered.stderr).toContain(
    'printf %s PASSWORD | mcp-taskq context set d -u amqp://ann@h --store-password',
  );
  expect(stored().contexts.c).toEqual({ url: 'amqp://ann@h', password: 'hunter2' });
  for (const args of [['ls', '-o', 'table'], ['ls'], ['show', 'c'], ['show', 'c', '-o', 'table']]) {
    const shown = await context(...args);
    expect(shown.stdout + shown.stderr).not.toContain('hunter2');
  }
  await context('set', 'c', '--password-command', 'pass show mq');
  expect(readFileSync(file, 'utf8')).not.toContain('hunter2');
});

test('each of several processes that change one context at once changes only what it was given', async () => {
  const { context, stored } = await configuration();
  await context('set', 'c', '-u', 'amqp://h');
  const changes = [
    ['--protected'],
    ['--description', 'Ours'],
    ['--prefix', 'p:'],
    ['--connect-timeout', '90s'],
  ];
  await Promise.all(changes.map((change) => context('set', 'c', ...change)));
  expect(stored().contexts.c).toEqual({
    url: 'amqp://h',
    protected: true,
    description: 'Ours',
    prefix: 'p:',
    connect_timeout: '90s',
  });
});

test('a user without a home folder has no contexts, and can use commands', async () => {
  const isInNoList = `import os from 'node:os';
    os.userInfo = () => { throw new Error('ENOENT') };
    os.homedir = () => process.env.HOME ?? os.userInfo()`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(isInNoList)}`;
  const cwd = await temporaryFolder();
  const here = { XDG_CONFIG_HOME: join(cwd, '.config') };
  await runCli(['context', 'set', 'here', '-u', 'amqp://h'], { env: here });
  // An empty one is not the folder in which the command runs.
  for (const HOME of [undefined, '', '.']) {
    const env = { XDG_CONFIG_HOME: undefined, HOME, NODE_OPTIONS };
    const listed = await runCli(['context', 'ls', '--json'], { env, cwd, ownProcess: true });
    expect(listed).toMatchObject({ status: 0, stdout: '[]\n' });
  }
});

test('a folder that cannot be created, and a file that is none, end a command at once', async () => {
  const home = { XDG_CONFIG_HOME: undefined, HOME: '/proc' };
  const refused = await runCli(['context', 'set', 'c', '-u', 'amqp://h'], { env: home });
  expect(refused).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^error: Cannot write .*ENOENT.*\nhint: XDG_CONFIG_HOME sets/),
  });

  const { env, context, file } = await configuration();
  mkdirSync(dirname(file));
  await promisify(execFile)('mkfifo', [file]);
  for (const run of [context('ls'), context('set', 'c', '-u', 'amqp://h'), runCli(['peek', 'x'], { env })])
    expect(await run).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('is unusable: it is not a regular file'),
    });
});

test('--timeout ends a password command too', async () => {
  const { env, context } = await configuration();
  await context('set', 'c', '-u', 'amqp://u@h', '--password-command', 'exec sleep 50');
  const since = performance.now();
  const run = (...args: string[]) => runCli([...args, '--context', 'c', '--timeout', '100ms'], { env });
  expect(await run('peek', 'x')).toMatchObject({
    status: 124,
    stderr: 'error: The command did not end within 100ms (--timeout)\n',
  });
  expect((await run('check')).status).toBe(3);
  expect(performance.now() - since).toBeLessThan(45_000);
});

test('a password comes from a pipe, and --timeout ends the wait for it', async () => {
  const pipe = join(await temporaryFolder(), 'pipe');
  await promisify(execFile)('mkfifo', [pipe]);
  const url = inject('url').replace('amqp://', 'amqp://guest@');
  const run = (...args: string[]) => runCli(['peek', 'nothing', '-u', url, '--password-file', ...args]);
  // Nobody opens it; somebody does, and writes nothing. Processes of their own, so that neither reads the pipe any more.
  const expire = (options: string[]) => runCli(['peek', 'nothing', ...options], { ownProcess: true });
  const options = ['-u', url, '--password-file', pipe, '--timeout', '100ms'];
  expect(await expire(options)).toMatchObject({ status: 124 });
  const silent = await open(pipe, 'r+');
  expect(await expire(options)).toMatchObject({ status: 124 });
  await silent.close();
  const [outcome] = await Promise.all([
    run(pipe),
    promisify(execFile)('sh', ['-c', 'echo guest > "$0"', pipe]),
  ]);
  expect(outcome.status).toBe(5);
  const inBash = (file: string) =>
    promisify(execFile)('bash', [
      '-c',
      `"$0" "$1" peek nothing -u "$2" --password-file ${file}`,
      process.execPath,
      BIN,
      url,
    ]);
  await expect(inBash('<(echo guest)')).rejects.toMatchObject({ code: 5 });
  await expect(inBash('<(true)')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is empty'),
  });
});

test('the password comes from the command of the context', async () => {
  const { env, context } = await configuration();
  const url = inject('url').replace('amqp://', 'amqp://guest@');
  await context('set', 'right', '-u', url, '--password-command', 'echo guest');
  await context('set', 'wrong', '-u', url, '--password-command', 'echo hunter2');
  await context('set', 'broken', '-u', url, '--password-command', 'exit 3');
  expect((await runCli(['peek', 'nothing', '--context', 'right'], { env })).status).toBe(5);
  const wrong = await runCli(['peek', 'nothing', '--context', 'wrong', '--verbose'], { env });
  expect(wrong.status).toBe(4);
  expect(wrong.stderr).not.toContain('hunter2');
  expect(await runCli(['peek', 'nothing', '--context', 'broken'], { env })).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('The password command of context broken exited with 3: exit 3'),
  });
});

test.each([
  [['set', 'a b', '-u', 'amqp://h'], /is not a valid context name/],
  [['set', 'x'], /it has no url/],
  [['set', 'x', '-u', 'amqp://h', '--unset', 'nothing'], /Unknown setting "nothing"/],
  [['set', 'x', '-u', 'h:5672'], /The broker URL is unusable: it does not begin with/],
  [['set', 'x', '-u', 'amqp://h:99999'], /The broker URL amqp:\/\/… is unusable/],
  [['set', 'x', '-u', 'amqp://h', '--api-url', 'h:15672'], /The management API URL is unusable/],
  [['set', 'x', '-u', 'amqp://h', '--api-url', 'http://h:15672/#/'], /The management API URL is unusable/],
  [
    ['set', 'x', '-u', 'amqp://ops:hunter2@h/v'],
    /: mcp-taskq context set x -u 'amqp:\/\/ops@h\/v' --password-command 'pass show mq'$/m,
  ],
  [
    ['set', 'x', '-u', 'amqp://h', '--timeout', '5s'],
    /A context does not store --timeout\nhint: Set MCP_TASKQ_TIMEOUT/,
  ],
  [['set', 'x', '-u', 'amqp://h', '--context', 'y'], /A context does not store --context/],
  [['ls', '--none'], /"context ls" does not take --none/],
  [['set'], /needs the name of a context/],
  [['use', 'x'], /Unknown context "x"/],
  [['rm', 'x'], /Unknown context "x"/],
  [['ls', '--protected'], /takes none of the settings/],
  [['move', 'x'], /Allowed choices are ls, show, use, set, rm/],
])('context %j is refused', async (args, message) => {
  const { context } = await configuration();
  const { status, stderr } = await context(...args);
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});

test('the environment that comes before a selected context is named', async () => {
  const { env, context } = await configuration();
  await context('set', 'c', '-u', 'amqp://h');
  const used = await runCli(['context', 'use', 'c'], { env: { ...env, AMQP_URL: 'amqp://x' } });
  expect(used.stderr).toContain('warning: AMQP_URL in the environment takes precedence.');
});

test('private brokers and completion have no use for a context: its password command is not run', async () => {
  const { env, context } = await configuration();
  const evidence = join(await temporaryFolder(), 'ran');
  await context('set', 'c', '-u', 'amqp://h', '--password-command', `touch ${evidence}; echo x`);
  await context('use', 'c');
  await runCli(['__task-ids', ''], { env });
  await runCli(['context', 'ls'], { env });
  await runCli(['broker', '--port', '70000'], { env });
  expect(() => statSync(evidence)).toThrow('ENOENT');
  expect((await runCli(['__contexts'], { env })).stdout).toBe('c\n');
});

const REMOVING: [command: string, ...rest: string[]][] = [['dequeue'], ['clear'], ['mv', 'parked', '--all']];

test.each(REMOVING)(
  'in a protected context %s wants the name typed, or --yes and --context',
  async (name, ...rest) => {
    const { env, context } = await configuration();
    const task = await filledTask(name);
    const parked = newTask('parked');
    await context('set', 'prod', '-u', inject('url'), '--api-url', inject('apiUrl'), '--protected');
    const words = [name, task, ...rest.map((word) => (word === 'parked' ? parked : word))];
    const args = (...more: string[]) => [...words, ...more];
    const refused = await runCli(args('--context', 'prod'), { env });
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toContain(
      'Context prod is protected: confirmation needed, but this is not a terminal',
    );
    expect(refused.stderr).toContain('--yes together with --context prod');
    expect((await runCli(['peek', task, '--context', 'prod'], { env })).status).toBe(0);

    const typed = new Terminal(process.execPath, [BIN, ...args('--context', 'prod')], env);
    await typed.shows('Type its name');
    typed.type('dev\r');
    expect(await typed.ended).toBe(8);
    expect(await observer().depth(task)).toMatchObject({ messages: 2 });

    const agreed = new Terminal(process.execPath, [BIN, ...args('--context', 'prod')], env);
    await agreed.shows('Type its name');
    agreed.type('prod\r');
    if (name === 'clear') {
      await agreed.shows('(y/N)');
      agreed.type('y\r');
    }
    expect(await agreed.ended).toBe(0);
    expect((await observer().depth(task))?.messages ?? 0).toBeLessThan(2);
  },
);

test('a protected context takes --yes only beside --context on the command line', async () => {
  const { env, context } = await configuration();
  const task = await filledTask('yes');
  await context('set', 'prod', '-u', inject('url'), '--protected');
  await context('use', 'prod');
  expect((await runCli(['clear', task, '--yes'], { env })).status).toBe(2);
  expect(
    (await runCli(['clear', task, '--yes'], { env: { ...env, MCP_TASKQ_CONTEXT: 'prod' } })).status,
  ).toBe(2);
  expect((await runCli(['clear', task, '--dry-run'], { env })).status).toBe(0);
  expect((await runCli(['clear', task, '--yes', '--context', 'prod'], { env })).status).toBe(0);
});
