import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { BIN, runCli, temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { aliveAmong } from '../support/processes.ts';
import { screenOf } from '../support/screen.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal, runOnTerminal, Terminal, withoutStalls } from '../support/terminal.ts';
import { until } from '../support/until.ts';

const MESSAGE = JSON.stringify({
  type: 'request',
  message: { jsonrpc: '2.0', id: 7, method: 'elicitation/create', params: { message: 'Sure?' } },
  timestamp: '2026-01-10T00:46:05.123456+00:00',
  original_request_id: null,
});

/** A task with so many copies of a message. */
async function filledTask(count: number, body = MESSAGE): Promise<string> {
  const client = openClient();
  const task = newTask();
  await Promise.all(Array.from({ length: count }, () => client.publish(task, raw(body))));
  return task;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ESCAPES = /\u001b/;

const NEW_QUEUE = /^Task "\S+" has no queue yet; this creates one\.\r?\n/m;

describe('on a terminal', () => {
  test('one message is shown in full, in colour', async () => {
    const terminal = cliOnTerminal(['peek', await filledTask(1)]);
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toContain('request  elicitation/create  id 7\n');
    expect(terminal.text).toMatch(/queued +2026-01-10T00:46:05.123Z, \d+d/);
    expect(terminal.text).toContain('        "message": "Sure?"\n');
    expect(terminal.output).toMatch(ESCAPES);
  });

  test('JSON stays JSON, and what is said meanwhile has lines of its own', async () => {
    const task = await filledTask(3);
    const terminal = await runOnTerminal(['peek', task, `${task}-missing`, '-n', '2', '-o', 'json']);
    expect(terminal.status).toBe(3);
    const lines = withoutStalls(terminal.text).trim().split('\n');
    const isData = (line: string) => /^[[\]{,]/.test(line);
    const said = lines.filter((line) => !isData(line)).join(' ');
    const missing = String.raw`Task "\S+" has no queue "\S+" on [^"]+; skipped\.`;
    expect(said).toMatch(
      new RegExp(String.raw`^1 more message after these\. ${missing} error: 1 task skipped$`),
    );
    expect(JSON.parse(lines.filter(isData).join('\n'))).toHaveLength(2);
  });

  test.each(['--help', 'ls --help'])('that does not say its size has 80 columns for %s', async (words) => {
    const command = `stty cols 0 rows 0; exec "${process.execPath}" "${BIN}" ${words} --no-pager`;
    const terminal = new Terminal('sh', ['-c', command]);
    expect(await terminal.ended).toBe(0);
    const lengths = terminal.text.split('\n').map((line) => line.length);
    expect(Math.max(...lengths)).toBeGreaterThan(70);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(80);
  });

  test('several messages are shown a line each', async () => {
    const terminal = await runOnTerminal(['peek', await filledTask(3), '-n', '2']);
    expect(terminal.status).toBe(0);
    const lines = withoutStalls(terminal.text).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^# +AGE +TYPE +METHOD +ID +SIZE +MESSAGE$/);
    expect(lines[2]).toMatch(/^2 .* request +elicitation\/create +7 .* Sure\?$/);
    expect(lines[3]).toBe('1 more message after these.');
  });

  test.each([
    [{ NO_COLOR: '1' }, false],
    [{ NO_COLOR: '' }, true],
    [{ TERM: 'dumb' }, false],
  ])('colours follow %j', async (env, expected) => {
    const terminal = await runOnTerminal(['peek', await filledTask(1)], env);
    expect(ESCAPES.test(terminal.output)).toBe(expected);
  });

  test('a message does nothing to it, whatever the form of the output', async () => {
    const body = '{"type":"request","message":{"method":"\\u001b]0;x\\u0007 \u009b31m\u202e"}}';
    const task = await filledTask(2, body);
    for (const args of [['-n', '1'], ['-n', '2'], ['-o', 'jsonl'], ['--json'], ['-o', 'raw']]) {
      const terminal = await runOnTerminal(['peek', task, ...args, '--no-color']);
      expect(terminal.status).toBe(0);
      expect(terminal.output).toContain('\\u009b3');
      expect(terminal.output.replaceAll('\r\n', '').replace(/[↻…]/g, '')).toMatch(/^[\x20-\x7e]+$/);
    }
  });
});

test('JSON for programs has escapes for what a terminal would obey', async () => {
  const odd = '\u202eevil\u2028';
  const [task, other] = [`${newTask()}${odd}`, `${newTask()}${odd}`];
  const message = '{"jsonrpc":"2.0","method":"m"}';
  const env = { XDG_CONFIG_HOME: await temporaryFolder() };
  const set = ['context', 'set', 'odd', '-u', 'amqp://h', '--description', odd];
  await runCli(set, { env });
  await runCli(['enqueue', task, message]);
  const commands = [
    ['enqueue', task, message, '--json'],
    ['cp', task, other, '--all', '--json'],
    ['mv', task, other, '--all', '--json'],
    ['clear', other, '--yes', '--json'],
    ['context', 'ls', '-o', 'json'],
    ['context', 'ls', '-o', 'jsonl'],
    ['context', 'show', 'odd', '-o', 'json'],
    ['context', 'show', 'odd', '-o', 'jsonl'],
  ];
  for (const args of commands) {
    const { status, stdout } = await runCli(args, { env });
    expect({ args, status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('evil') });
    expect(JSON.stringify(JSON.parse(stdout))).toContain(odd);
    expect(stdout).toMatch(/^[\x20-\x7e\n]+$/);
  }
});

describe('clear on a terminal', () => {
  test('shows what would go and asks; Enter means no and ends with 8', async () => {
    const task = await filledTask(2);
    const terminal = cliOnTerminal(['clear', task], {}, 300);
    await terminal.shows(
      `Remove 2 messages from task ${task} on ${new URL(inject('url')).host}, vhost / (from MCP_TASKQ_URL)? (y/N)`,
    );
    terminal.type('\r');
    expect(await terminal.ended).toBe(8);
    expect((await observer().depth(task))?.messages).toBe(2);
  });

  test('removes after y', async () => {
    const task = await filledTask(2);
    const terminal = cliOnTerminal(['clear', task]);
    await terminal.shows('(y/N)');
    terminal.type('y\r');
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toContain(`Removed 2 messages from task ${task} on `);
    expect(await observer().depth(task)).toBeUndefined();
  });

  test('wants the count typed when there are several tasks', async () => {
    const [one, two] = [await filledTask(2), await filledTask(1)];
    const declined = cliOnTerminal(['clear', one, two], {}, 300);
    await declined.shows('Type 3 to confirm:');
    declined.type('y\r');
    expect(await declined.ended).toBe(8);
    const terminal = cliOnTerminal(['clear', one, two], {}, 300);
    await terminal.shows('Type 3 to confirm:');
    terminal.type('3\r');
    expect(await terminal.ended).toBe(0);
    expect(await observer().depth(two)).toBeUndefined();
  });

  test('ends with 130 on Ctrl-C, and nothing was done', async () => {
    const task = await filledTask(2);
    const terminal = cliOnTerminal(['clear', task]);
    await terminal.shows('(y/N)');
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(130);
    expect((await observer().depth(task))?.messages).toBe(2);
  });
});

describe('enqueue on a terminal', () => {
  test('asks what to send', async () => {
    const task = newTask();
    const terminal = cliOnTerminal(['enqueue', task]);
    await terminal.shows('Type of the message');
    terminal.type('\r');
    await terminal.shows('Method');
    terminal.type('\r');
    await terminal.shows('Params');
    terminal.type('{"message":"Sure?"}\r');
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toContain(`Added 1 message to task ${task}.`);
    const [message] = await openClient().peek(task);
    expect(JSON.parse(message?.body.toString() ?? '')).toMatchObject({
      type: 'request',
      message: { method: 'elicitation/create', params: { message: 'Sure?' } },
    });
  });

  test('sends nothing after Ctrl-C', async () => {
    const task = newTask();
    const terminal = cliOnTerminal(['enqueue', task]);
    await terminal.shows('Type of the message');
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(130);
    expect(await observer().depth(task)).toBeUndefined();
  });
});

describe('enqueue at its prompt', () => {
  test.each([
    ['--timeout', ['--timeout', '10s'], undefined, 124],
    ['SIGTERM', [], 'SIGTERM', 143],
  ] as const)('ends with %s, and nothing was sent', async (_what, args, signal, status) => {
    const task = newTask();
    const terminal = cliOnTerminal(['enqueue', task, ...args]);
    await terminal.shows('Type of the message');
    if (signal) terminal.kill(signal);
    expect(await terminal.ended).toBe(status);
    expect(await observer().depth(task)).toBeUndefined();
  });

  test('does not ask where the question cannot be seen', async () => {
    const terminal = new Terminal('sh', ['-c', `"${process.execPath}" "${BIN}" enqueue x 2>/dev/null`]);
    expect(await terminal.ended).toBe(2);
  });
});

describe('long work', () => {
  const COUNT = 600;
  /** When it has moved: it is first drawn with none done. How long it takes is said after three seconds. */
  const BAR = /[█░]{30} [1-9]\d*\/600 {2}\d+\/s/;

  async function fileOf(count: number): Promise<string> {
    const file = join(await temporaryFolder(), 'messages.jsonl');
    await writeFile(file, `${JSON.stringify(JSON.parse(MESSAGE))}\n`.repeat(count));
    return file;
  }

  test('shows how far it is on a terminal, and leaves nothing of that there', async () => {
    const task = newTask();
    const terminal = cliOnTerminal(['enqueue', task, '--from', await fileOf(COUNT), '--rate', '60/s']);
    await terminal.shows(BAR);
    await terminal.shows(/[█░]{30} [1-9]\d*\/600 {2}\d+\/s {2}\ds left/);
    expect(await terminal.ended).toBe(0);
    expect(withoutNewQueue(screenOf(withoutStalls(terminal.output), 100))).toBe(
      `Added 600 messages to task ${task}.\n`,
    );
  });

  test('shows the numbers, rather than the bar, where there is no room for both', async () => {
    const args = ['enqueue', newTask(), '--from', await fileOf(COUNT), '--rate', '120/s'];
    const terminal = cliOnTerminal(args, {}, 40);
    await terminal.shows(/[1-9]\d*\/600 {2}\d+\/s/);
    expect(terminal.text).not.toMatch(/[█░]/);
    expect(await terminal.ended).toBe(0);
  });

  test('shows it on stderr alone: a drain into a pipe has it too, and the pipe nothing of it', async () => {
    const task = await filledTask(2 * COUNT);
    const folder = await temporaryFolder();
    // Much less at a time than a pipe holds beside the messages, so that some are removed long before the others.
    const slowly = 'for n in 1 2 3 4 5 6 7 8; do sleep 0.3; head -c 40000; done; cat';
    const drain = `"${process.execPath}" "${BIN}" dequeue ${task} --all | (${slowly}) > "$0/out"`;
    const terminal = new Terminal('sh', ['-c', drain, folder], {}, 300);
    await terminal.shows(/[█░]{30} [1-9][\d,]*\/1,200 {2}/);
    await terminal.ended;
    expect(screenOf(withoutStalls(terminal.output), 300)).toMatch(
      /^Removed 1,200 messages from task \S+ on \S+, vhost \/ \(from MCP_TASKQ_URL\)\.\n$/,
    );
    const lines = (await readFile(join(folder, 'out'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).task_id)).toEqual(Array(2 * COUNT).fill(task));
  });

  test.each([
    ['without a terminal', undefined, COUNT],
    ['on a dumb terminal', 'dumb', COUNT],
    ['when it is short', 'xterm-256color', 499],
  ])('shows nothing of it %s', async (_what, term, count) => {
    const task = newTask();
    const args = ['enqueue', task, '--from', await fileOf(count), '--rate', '600/s'];
    if (term === undefined) {
      expect(await runCli(args)).toMatchObject({
        stdout: `${JSON.stringify({ task_id: task, enqueued: count })}\n`,
        stderr: '',
      });
    } else {
      const terminal = cliOnTerminal(args, { TERM: term });
      await terminal.ended;
      expect(withoutNewQueue(withoutStalls(terminal.output))).toBe(
        `Added ${count} messages to task ${task}.\r\n`,
      );
    }
  });

  test('takes the bar away before it says that it was stopped', async () => {
    const task = newTask();
    // It takes ten seconds, so that Ctrl-C finds it at work, however late it comes.
    const terminal = cliOnTerminal(['enqueue', task, '--from', await fileOf(COUNT), '--rate', '60/s']);
    await terminal.shows(BAR);
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(130);
    expect(withoutNewQueue(screenOf(withoutStalls(terminal.output), 100))).toMatch(
      /^(\^C)?Stopped: \d+ of 600 messages added/,
    );
  });
});

describe('watch on a terminal', () => {
  test('shows messages as they come, and ends with 0 on Ctrl-C', async () => {
    const task = await filledTask(1);
    const terminal = cliOnTerminal(['watch', task]);
    await terminal.shows('Sure?');
    await openClient().publish(task, raw(MESSAGE.replace('Sure?', 'Really?')));
    await terminal.shows('Really?');
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(0);
    expect((await observer().depth(task))?.messages).toBe(2);
  });

  test('says in colour that it is interrupted, and that it goes on', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const terminal = cliOnTerminal(['watch', await filledTask(1), '-u', proxy.url]);
    await terminal.shows('Sure?');
    proxy.reset();
    await terminal.shows(/^Task events are interrupted: .*; waiting for the broker$/m);
    await terminal.shows(/^resumed after .* were missed$/m);
    expect(terminal.output).toContain('\u001b[33mTask events');
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(0);
  });
});

/** The tasks of these tests are new ones, of which enqueue says so. */
function withoutNewQueue(text: string): string {
  expect(text).toMatch(NEW_QUEUE);
  return text.replace(NEW_QUEUE, '');
}

test('the messages of a peek go through PAGER where they are longer than the screen', async () => {
  const client = openClient();
  const task = newTask();
  await Promise.all(Array.from({ length: 60 }, () => client.publish(task, raw('{}'))));
  const env = { PAGER: 'sed "s/^/page: /"' };
  const terminal = cliOnTerminal(['peek', task, '--all', '--no-color'], env);
  expect(await terminal.ended).toBe(0);
  expect(terminal.text).toMatch(/^page: +#.*\n(page: +\d+ .*\n){60}/m);
});

test('a topic of the help goes through PAGER where it is longer than the screen', async () => {
  const terminal = cliOnTerminal(['help', 'connection', '--no-color'], { PAGER: 'sed "s/^/page: /"' });
  expect(await terminal.ended).toBe(0);
  const lines = terminal.text.trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(24);
  expect(lines.filter((line) => !line.startsWith('page: '))).toEqual([]);
  expect((await runCli(['help', 'connection'], { env: { PAGER: 'false' } })).stdout).toContain('--url');
  const direct = cliOnTerminal(['help', 'connection', '--no-pager', '--no-color'], { PAGER: 'false' });
  expect(await direct.ended).toBe(0);
  expect(direct.output).not.toContain('\u001b[');
  expect(direct.text).toContain('--url');
  // Which a shell would run as nothing.
  const blank = cliOnTerminal(['help', 'connection', '--no-color'], { PAGER: ' ' });
  expect(await blank.ended).toBe(0);
  expect(blank.text).toContain('--url');
});

test('less shows every character where no locale is set, as in most containers', async () => {
  const locale = { LANG: undefined, LC_ALL: undefined, LC_CTYPE: undefined, LESSCHARSET: undefined };
  const terminal = cliOnTerminal(['help', 'output', '--no-color'], { ...locale, PAGER: 'less -FRX +G' });
  await terminal.shows(/MCP_TASKQ_PROPERTY_…/);
  terminal.type('q');
  expect(await terminal.ended).toBe(0);
});

test('a pager is said not to run where there is no shell to run it', async () => {
  const command = `PATH=/nowhere; exec "${process.execPath}" "${BIN}" help connection`;
  const terminal = new Terminal('sh', ['-c', command], { PAGER: 'less' });
  expect(await terminal.ended).toBe(0);
  expect(terminal.text).toBe('The pager "less" cannot be run: correct PAGER, or use --no-pager.\n');
});

test.each([
  ['SIGTERM, also while it is still written to', 'TERM', [0, 143]],
  ['Ctrl-\\', 'QUIT', [131]],
])('a pager ends with the command at %s', async (_what, signal, statuses) => {
  const task = await filledTask(60);
  const file = join(await temporaryFolder(), 'pid');
  const pager = `echo $$ > ${file}; kill -${signal} $PPID; exec sleep 600`;
  const terminal = cliOnTerminal(['peek', task, '--all'], { PAGER: pager });
  expect(statuses).toContain(await terminal.ended);
  const pid = Number(await readFile(file, 'utf8'));
  await until(() => aliveAmong([pid]).length === 0);
});
