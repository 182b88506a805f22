import { execFile, execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { cliInPath, runCli, temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { Terminal } from '../support/terminal.ts';
import { newVhost } from '../support/vhost.ts';

const run = promisify(execFile);

const FILES = { bash: 'mcp-taskq.bash', zsh: '_mcp-taskq', fish: 'mcp-taskq.fish' };
const SHELLS = ['bash', 'zsh', 'fish'] as const;
const path = (shell: keyof typeof FILES) =>
  fileURLToPath(new URL(`../../completions/${FILES[shell]}`, import.meta.url));

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A busy machine takes longer than a person would wait. */
const PATIENT = { MCP_TASKQ_TIMEOUT: '20s' };

async function filledTask(name: string): Promise<string> {
  const task = newTask(name);
  await openClient().publish(task, raw('{}'));
  return task;
}

test.each(SHELLS)('the %s file under completions/ is up to date (npm run completions)', async (shell) => {
  expect((await runCli(['completion', shell])).stdout).toBe(await readFile(path(shell), 'utf8'));
});

test('task ids come from the broker, and quickly nothing when it is away', async () => {
  const task = await filledTask('completion');
  const ids = await runCli(['__task-ids', task.slice(0, 20)], { env: PATIENT, ownProcess: true });
  expect(ids.stdout.split('\n')).toContain(task);
  // One that refuses, and one that accepts and never answers, for which other commands wait a minute.
  const silent = await FaultProxy.inFrontOf(inject('apiUrl'));
  silent.fault = { kind: 'stall' };
  for (const away of ['http://127.0.0.1:1', silent.url.replace('amqp:', 'http:')]) {
    const start = performance.now();
    const outcome = await runCli(['__task-ids', ''], {
      env: { MCP_TASKQ_API_URL: away },
      ownProcess: true,
    });
    expect(outcome).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(performance.now() - start).toBeLessThan(30_000);
  }
});

test('a password in a pipe that nobody writes to does not keep Tab waiting', async () => {
  const pipe = join(await temporaryFolder(), 'password');
  await run('mkfifo', [pipe]);
  const { stdout } = await runCli(['__task-ids', '', '--password-file', pipe], { ownProcess: true });
  expect(stdout).toBe('');
});

test('an id that no command takes is not offered', async () => {
  const { url } = await newVhost();
  const model = await connect(url);
  onTestFinished(() => model.close());
  const channel = await model.createChannel();
  for (const task of ['a', 'b\u001b[31m', 'c\td']) await channel.assertQueue(`mcp:queue:${task}`);
  const { stdout } = await runCli(['__task-ids', '', '-u', url], { env: PATIENT, ownProcess: true });
  expect(stdout).toBe('a\n');
});

describe.skipIf(!isInstalled('bash'))('bash', () => {
  const complete = (...words: string[]) => completeWith({}, ...words);

  async function completeWith(more: Record<string, string>, ...words: string[]): Promise<string[]> {
    const { env } = await cliInPath({ ...PATIENT, ...more });
    const script = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mcp_taskq; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run('bash', ['--norc', '-c', script, path('bash'), 'mcp-taskq', ...words], {
      env,
    });
    return stdout.split('\n').filter((word) => word !== '');
  }

  test('completes commands, options and their values', async () => {
    expect(await complete('pe')).toEqual(['peek']);
    expect(await complete('-u', 'amqp', 'deq')).toEqual(['dequeue']);
    expect(await complete('dequeue', '--o')).toEqual(['--out', '--overwrite', '--output']);
    expect(await complete('peek', '-o', 'json')).toEqual(['json', 'jsonl']);
    expect(await complete('completion', 'z')).toEqual(['zsh']);
    const dashed = await filledTask('--no-dash');
    expect(await complete('describe', '--', '--no-')).toEqual([dashed]);
    expect(await complete('help', 'ex')).toEqual(['exit-codes']);
  });

  test('completes the names of contexts', async () => {
    const { folder } = await cliInPath();
    const file = join(folder, 'mcp-taskq', 'contexts.json');
    await mkdir(dirname(file));
    await writeFile(file, '{"contexts": {"prod": {"url": "amqp://p"}, "dev": {"url": "amqp://d"}}}');
    const env = { XDG_CONFIG_HOME: folder };
    expect(await completeWith(env, 'peek', '--context', '')).toEqual(['prod', 'dev']);
    expect(await completeWith(env, 'context', 'use', 'p')).toEqual(['prod']);
    expect(await completeWith(env, 'context', 'u')).toEqual(['use']);
    expect(await completeWith({ XDG_CONFIG_HOME: '/nonexistent' }, 'peek', '--context', '')).toEqual([]);
  });

  test('completes task ids', async () => {
    const task = await filledTask('bash');
    expect(await complete('peek', task.slice(0, 12))).toEqual([task]);
  });
});

describe.skipIf(!isInstalled('bash'))('bash on a terminal', () => {
  test('completes with the Tab key', async () => {
    const { env } = await cliInPath(PATIENT);
    const task = await filledTask('tab');
    const bash = new Terminal('bash', ['--norc', '-i'], { ...env, PS1: '> ' });
    bash.type(`source ${path('bash')} && echo rea""dy\r`);
    await bash.shows('ready');
    bash.type('mcp-taskq pee\t');
    await bash.shows('mcp-taskq peek ');
    bash.type(`${task.slice(0, 12)}\t`);
    await bash.shows(task);
    bash.type('--ski\t');
    await bash.shows('--skip');
  });
});

describe.skipIf(!isInstalled('bash'))('bash without the package bash-completion', () => {
  async function openBash(env: Record<string, string> = {}) {
    const { env: inherited } = await cliInPath({ ...PATIENT, ...env });
    const bash = new Terminal('bash', ['--norc', '-i'], { ...inherited, PS1: '> ' }, 200);
    bash.type(`source ${path('bash')} && ! declare -F _get_comp_words_by_ref && echo rea""dy\r`);
    await bash.shows('ready');
    return bash;
  }

  test('completes ids with colons, and words behind them', async () => {
    const task = await filledTask('a:b=c:d');
    const bash = await openBash();
    bash.type(`mcp-taskq peek ${task.slice(0, task.indexOf('c:d') + 6)}\t`);
    await bash.shows(task);
    bash.type('--ski\t');
    await bash.shows(`${task} --skip`);
  });

  test('completes ids in quotes, and quotes in ids', async () => {
    await filledTask('"its" $HOME\'s: a');
    const bash = await openBash();
    for (const [start, shown] of [
      [`'"its`, `'"its" $HOME'\\''s: a`],
      ['"\\"its', '"\\"its\\" \\$HOME\'s: a'],
      ['\\"its', '\\"its\\"\\ \\$HOME\\\'s:\\ a'],
    ] as const) {
      bash.type(`\u0015mcp-taskq peek ${start}\t`);
      await bash.shows(`mcp-taskq peek ${shown}`);
    }
  });

  test('completes after --option=, and asks the broker that the line names', async () => {
    const task = await filledTask('named');
    const bash = await openBash({ MCP_TASKQ_URL: 'amqp://127.0.0.1:1', MCP_TASKQ_API_URL: '' });
    bash.type('mcp-taskq peek --output=jsonl\t');
    await bash.shows('--output=jsonl ');
    bash.type(`--url=${inject('url')} --api-url=${inject('apiUrl')} ${task.slice(0, 12)}\t`);
    await bash.shows(`${inject('apiUrl')} ${task}`);
  });

  test('completes methods', async () => {
    const bash = await openBash();
    bash.type('mcp-taskq enqueue x --method elic\t');
    await bash.shows('--method elicitation/create');
    bash.type('--method=notifications/prog\t');
    await bash.shows('--method=notifications/progress');
  });
});

describe.skipIf(!isInstalled('fish'))('fish', () => {
  async function complete(line: string): Promise<string[]> {
    const { env } = await cliInPath(PATIENT);
    const script = `source ${path('fish')}; complete -C ${JSON.stringify(line)}`;
    const { stdout } = await run('fish', ['--no-config', '-c', script], { env });
    return stdout.split('\n').flatMap((text) => text.split('\t')[0] || []);
  }

  test('completes commands, options, their values and task ids', async () => {
    expect(await complete('mcp-taskq pe')).toEqual(['peek']);
    expect(await complete('mcp-taskq dequeue --ov')).toEqual(['--overwrite']);
    expect(await complete('mcp-taskq peek -o json')).toContain('jsonl');
    const task = await filledTask('fish');
    expect(await complete(`mcp-taskq peek ${task.slice(0, 12)}`)).toEqual([task]);
    const spaced = await filledTask('fish and chips');
    for (const start of ["'fish and", '"fish and', 'fish\\ and'])
      expect(await complete(`mcp-taskq peek ${start}`)).toContain(spaced);
    expect(await complete('mcp-taskq enqueue x --method=elic')).toEqual(['--method=elicitation/create']);
    expect(await complete(`mcp-taskq peek --api-url=http://127.0.0.1:1 ${task.slice(0, 12)}`)).toEqual([]);
  });
});

describe.skipIf(!isInstalled('zsh'))('zsh', () => {
  test('completes commands, options and task ids', async () => {
    const { env } = await cliInPath(PATIENT);
    const task = await filledTask('zsh');
    const zsh = new Terminal('zsh', ['-f', '-i'], { ...env, PS1: '> ' });
    zsh.type(`autoload -U compinit && compinit -u -D && source ${path('zsh')} && echo rea""dy\r`);
    // It loads all its completions.
    await zsh.shows('ready');
    zsh.type('mcp-taskq pee\t');
    await zsh.shows('mcp-taskq peek');
    zsh.type(`${task.slice(0, 12)}\t`);
    await zsh.shows(task);
    zsh.type('--ski\t');
    await zsh.shows('--skip');
    // After an option that every command has.
    for (const option of ['-o jsonl', '--json']) {
      zsh.type(`\u0015mcp-taskq peek ${option} ${task.slice(0, 12)}\t`);
      await zsh.shows(`${option} ${task}`);
    }
    zsh.type('\u0015mcp-taskq enqueue x --method=elic\t');
    await zsh.shows('--method=elicitation/create');
  });
});
