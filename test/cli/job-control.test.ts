import { execFile } from 'node:child_process';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, test } from 'vitest';
import { BIN, cliEnvironment, temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { findPython } from '../support/python.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal, Terminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_Z = '\u001a';

/** Saves and restores the cursor's position, or switches whether long lines are broken. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const OTHER_STATES = /\u001b[78]|\u001b\[\?7[hl]/;

/** An interactive shell, which has the job control that Ctrl-Z needs. */
async function openShell(): Promise<Terminal> {
  const shell = new Terminal('bash', ['--norc', '--noprofile', '-i'], { PS1: '$ ' }, 200);
  await shell.shows('$ ');
  shell.type(`alias mcp='"${process.execPath}" "${BIN}"'\r`);
  return shell;
}

async function filledTask(count: number): Promise<string> {
  const client = openClient();
  const task = newTask();
  for (let n = 0; n < count; n++) await client.publish(task, raw(`{"n":${n}}`));
  return task;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

describe('Ctrl-Z and fg', () => {
  test('leave the question of clear to be answered', async () => {
    const task = await filledTask(2);
    const shell = await openShell();
    shell.type(`mcp clear ${task}; echo "status=$?"\r`);
    await shell.shows('(y/N)');
    shell.type(CTRL_Z);
    await shell.shows(/Stopped/);
    const before = shell.text.length;
    shell.type('fg\r');
    await until(() => shell.text.slice(before).includes('? (y/N)'));
    shell.type('y\r');
    await shell.shows('Removed 2 messages');
    await until(() => shell.text.endsWith('$ '));
  });

  test('leave Ctrl-C at that question its meaning', async () => {
    const task = await filledTask(1);
    const shell = await openShell();
    shell.type(`mcp clear ${task}\r`);
    await shell.shows('(y/N)');
    shell.type(CTRL_Z);
    await shell.shows(/Stopped/);
    const before = shell.text.length;
    shell.type('fg\r');
    await until(() => shell.text.slice(before).includes('Remove 1 message'));
    shell.type(CTRL_C);
    await until(() => shell.text.slice(before).endsWith('$ '));
    expect(shell.text.slice(before)).toContain('Stopped; nothing was done.');
    shell.type('echo "status=$?"\r');
    await shell.shows('status=130');
    expect((await observer().depth(task))?.messages).toBe(1);
  });

  test('take ls --watch off the alternate screen, and back to it', async () => {
    const shell = await openShell();
    shell.type('mcp ls --watch "no-such-*"\r');
    await until(() => shell.output.includes('\u001b[?1049h'));
    await shell.shows('q quits');
    shell.type(CTRL_Z);
    await shell.shows(/Stopped/);
    const stopped = shell.output.lastIndexOf('\u001b[?1049l');
    expect(stopped).toBeGreaterThan(shell.output.lastIndexOf('\u001b[?1049h'));
    expect(shell.output.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shell.output.lastIndexOf('\u001b[?25l'));
    shell.type('fg\r');
    await until(() => shell.output.lastIndexOf('\u001b[?1049h') > stopped);
    shell.type(CTRL_C);
    await until(() => shell.output.lastIndexOf('\u001b[?1049l') > stopped);
  });

  test('clear the line of a progress bar', async () => {
    const file = join(await temporaryFolder(), 'messages.jsonl');
    await writeFile(file, '{"jsonrpc":"2.0","method":"m"}\n'.repeat(6_000));
    const shell = await openShell();
    shell.type(`mcp enqueue ${newTask()} --from ${file} --rate 60/s\r`);
    await shell.shows(/[█░]{30} [1-9]/);
    shell.type(CTRL_Z);
    await shell.shows(/Stopped/);
    const stopped = shell.output.indexOf('Stopped');
    const cleared = shell.output.lastIndexOf('\r\u001b[K\u001b[?25h', stopped);
    expect(cleared).toBeGreaterThan(shell.output.lastIndexOf('█', stopped));
    expect(cleared).toBeGreaterThan(shell.output.lastIndexOf('░', stopped));
    shell.type('fg\r');
    await until(() => /[█░]{30} [1-9]/.test(shell.text.slice(shell.text.indexOf('Stopped'))));
    shell.type(CTRL_C);
    await shell.shows(/Stopped: [\d,]+ of 6,000/);
    // Neither where lines are broken, nor a position that meanwhile holds something else.
    expect(shell.output).not.toMatch(OTHER_STATES);
  });
});

test('Ctrl-\\ at a progress bar gives the cursor back', async () => {
  const file = join(await temporaryFolder(), 'messages.jsonl');
  await writeFile(file, '{"jsonrpc":"2.0","method":"m"}\n'.repeat(6_000));
  const terminal = cliOnTerminal(['enqueue', newTask(), '--from', file, '--rate', '60/s']);
  await terminal.shows(/[█░]{30} [1-9]/);
  terminal.type('\u001c');
  expect(await terminal.ended).toBe(131);
  expect(terminal.output.split(/[█░]/).at(-1)).toContain('\r\u001b[K\u001b[?25h');
  expect(terminal.output).not.toMatch(OTHER_STATES);
});

describe('Ctrl-C in a dequeue --exec', () => {
  test('lets the command finish, and ends with 130', async () => {
    const task = await filledTask(3);
    const folder = await temporaryFolder();
    const command = `touch ${folder}/begun; until [ -e ${folder}/go ] || [ ! -e ${folder}/begun ]; do sleep 0.05; done`;
    const terminal = cliOnTerminal(['dequeue', task, '--all', '--exec', command]);
    await until(() => exists(join(folder, 'begun')));
    terminal.type(CTRL_C);
    await terminal.shows('Ctrl-C again ends it');
    await writeFile(join(folder, 'go'), '');
    expect(await terminal.ended).toBe(130);
    expect(terminal.text).toContain('1 message was removed');
    expect((await observer().depth(task))?.messages).toBe(2);
  });

  test('ends the command when it comes twice; its message stays', async () => {
    const task = await filledTask(1);
    const folder = await temporaryFolder();
    const command = `touch ${folder}/begun; trap 'touch ${folder}/ended; exit 1' TERM; while [ -e ${folder}/begun ]; do sleep 0.05; done`;
    const terminal = cliOnTerminal(['dequeue', task, '--exec', command]);
    await until(() => exists(join(folder, 'begun')));
    terminal.type(CTRL_C);
    await terminal.shows('Ctrl-C again ends it');
    terminal.type(CTRL_C);
    expect(await terminal.ended).toBe(130);
    await until(() => exists(join(folder, 'ended')));
    await expect.poll(async () => (await observer().depth(task))?.messages).toBe(1);
  });
});

test('a broker that does not answer is said so on a terminal after two seconds', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const task = await filledTask(1);
  proxy.fault = { kind: 'stall' };
  const terminal = cliOnTerminal(['peek', task, '-u', proxy.url]);
  await terminal.shows('No answer from the broker for 2s; still waiting.');
  terminal.type(CTRL_C);
  expect(await terminal.ended).toBe(130);
});

describe('Ctrl-D at a question', () => {
  test('declines, like any answer that is not yes', async () => {
    const task = await filledTask(1);
    const terminal = cliOnTerminal(['clear', task]);
    await terminal.shows('(y/N)');
    terminal.type(CTRL_D);
    expect(await terminal.ended).toBe(8);
    expect(terminal.text).toContain('error: Declined, as there is no answer; nothing was done');
    expect((await observer().depth(task))?.messages).toBe(1);
  });

  test('declines what has to be typed, unless there is text on the line', async () => {
    const tasks = [await filledTask(1), await filledTask(1)];
    const terminal = cliOnTerminal(['clear', ...tasks]);
    await terminal.shows('confirm:');
    terminal.type(`x${CTRL_D}`);
    await terminal.shows('confirm: x');
    terminal.type(`\u007f${CTRL_D}`);
    expect(await terminal.ended).toBe(8);
  });

  test('composes no message', async () => {
    const task = await filledTask(1);
    const terminal = cliOnTerminal(['enqueue', task]);
    await terminal.shows('Type of the message');
    terminal.type(CTRL_D);
    expect(await terminal.ended).toBe(8);
    expect((await observer().depth(task))?.messages).toBe(1);
  });
});

describe('the state of a terminal stays that of', () => {
  test('the shell, when a command in the background ends', async () => {
    const folder = await temporaryFolder();
    const shell = await openShell();
    const watch = `"${process.execPath}" "${BIN}" watch ${await filledTask(1)} --for 3s`;
    shell.type(`tty > ${folder}/tty; (${watch} > /dev/null 2>&1; : > ${folder}/ended) & sleep 1\r`);
    await until(() => exists(join(folder, 'ended')));
    const { stdout } = await promisify(execFile)('sh', ['-c', `stty -a < "$(cat ${folder}/tty)"`]);
    expect(stdout).toContain('-icanon');
  });

  test('less, when the command before it ends later', async () => {
    const file = join(await temporaryFolder(), 'state');
    const shell = await openShell();
    const watch = `"${process.execPath}" "${BIN}" watch ${await filledTask(1)} --for 3s`;
    const less = '(sleep 1; stty sane < /dev/tty; exec cat > /dev/null)';
    shell.type(`stty raw -echo; ${watch} | ${less}; stty -a > ${file}.new; mv ${file}.new ${file}\r`);
    await until(() => exists(file));
    expect(await readFile(file, 'utf8')).toMatch(/[^-]icanon/);
  });
});

/** Runs a command on a terminal of its own, closes that once it shows a text, and prints how the command ended. */
const CLOSE_TERMINAL = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[2], sys.argv[2:])
shown = b''
while sys.argv[1].encode() not in shown: shown += os.read(terminal, 65536)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

const python = findPython('pty');

test.skipIf(python === undefined).each([
  ['watch', '"n":0', [129]],
  ['ls --watch', 'q quits', [129]],
  // Depends on what comes first: the end of the input, or the signal.
  ['clear', '(y/N)', [8, 129]],
])('%s ends cleanly when its terminal is closed', async (command, shown, statuses) => {
  const task = await filledTask(1);
  const words = [process.execPath, BIN, ...command.split(' '), task];
  const env = { ...cliEnvironment(), TERM: 'xterm' };
  const ending = promisify(execFile)(python as string, ['-c', CLOSE_TERMINAL, shown, ...words], { env });
  expect(statuses).toContain(Number((await ending).stdout));
  expect((await observer().depth(task))?.messages).toBe(1);
});
