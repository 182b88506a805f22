import { describe, expect, test } from 'vitest';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { cliOnTerminal } from '../support/terminal.ts';

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
  for (let n = 0; n < count; n++) await client.publish(task, raw(body));
  return task;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ESCAPES = /\u001b/;

describe('on a terminal', () => {
  test('one message is shown in full, in colour', async () => {
    const terminal = cliOnTerminal(['peek', await filledTask(1)]);
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toContain('request  elicitation/create  id 7\n');
    expect(terminal.text).toMatch(/queued +2026-01-10T00:46:05.123Z, \d+d/);
    expect(terminal.text).toContain('        "message": "Sure?"\n');
    expect(terminal.output).toMatch(ESCAPES);
  });

  test('several messages are shown a line each', async () => {
    const terminal = cliOnTerminal(['peek', await filledTask(3), '-n', '2']);
    expect(await terminal.ended).toBe(0);
    const lines = terminal.text.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ +# +AGE +TYPE +METHOD +ID +SIZE +MESSAGE$/);
    expect(lines[2]).toMatch(/^ +2 .* request +↻? *elicitation\/create +7 .* Sure\?$/);
    expect(lines[3]).toBe('1 message more behind them.');
  });

  test.each([
    [{ NO_COLOR: '1' }, false],
    [{ NO_COLOR: '' }, true],
    [{ TERM: 'dumb' }, false],
  ])('colours follow %j', async (env, expected) => {
    const terminal = cliOnTerminal(['peek', await filledTask(1)], env);
    await terminal.ended;
    expect(ESCAPES.test(terminal.output)).toBe(expected);
  });

  test('a message does nothing to it, whatever the form of the output', async () => {
    const body = '{"type":"request","message":{"method":"\\u001b]0;x\\u0007 \u009b31m\u202e"}}';
    const task = await filledTask(2, body);
    for (const args of [['-n', '1'], ['-n', '2'], ['-o', 'jsonl'], ['--json'], ['-o', 'raw']]) {
      const terminal = cliOnTerminal(['peek', task, ...args, '--no-color']);
      expect(await terminal.ended).toBe(0);
      expect(terminal.output).toContain('\\u009b3');
      expect(terminal.output.replaceAll('\r\n', '').replace(/[↻…]/g, '')).toMatch(/^[\x20-\x7e]+$/);
    }
  });
});

describe('clear on a terminal', () => {
  test('shows what would go and asks; Enter means no and ends with 8', async () => {
    const task = await filledTask(2);
    const terminal = cliOnTerminal(['clear', task]);
    await terminal.shows(`Remove 2 messages of task ${task}? (y/N)`);
    terminal.type('\r');
    expect(await terminal.ended).toBe(8);
    expect((await openClient().depth(task))?.messages).toBe(2);
  });

  test('removes after y', async () => {
    const task = await filledTask(2);
    const terminal = cliOnTerminal(['clear', task]);
    await terminal.shows('(y/N)');
    terminal.type('y\r');
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toContain(`Removed 2 messages of task ${task}.`);
    expect(await openClient().depth(task)).toBeUndefined();
  });

  test('wants the count typed when there are several tasks', async () => {
    const [one, two] = [await filledTask(2), await filledTask(1)];
    const declined = cliOnTerminal(['clear', one, two]);
    await declined.shows('Type 3 to do it:');
    declined.type('y\r');
    expect(await declined.ended).toBe(8);
    const terminal = cliOnTerminal(['clear', one, two]);
    await terminal.shows('Type 3 to do it:');
    terminal.type('3\r');
    expect(await terminal.ended).toBe(0);
    expect(await openClient().depth(two)).toBeUndefined();
  });

  test('ends with 130 on Ctrl-C, and nothing was done', async () => {
    const task = await filledTask(2);
    const terminal = cliOnTerminal(['clear', task]);
    await terminal.shows('(y/N)');
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(130);
    expect((await openClient().depth(task))?.messages).toBe(2);
  });
});

describe('enqueue on a terminal', () => {
  test('asks what to send', async () => {
    const task = newTask();
    const terminal = cliOnTerminal(['enqueue', task]);
    await terminal.shows('what is it?');
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
    await terminal.shows('what is it?');
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(130);
    expect(await openClient().depth(task)).toBeUndefined();
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
    expect((await openClient().depth(task))?.messages).toBe(2);
  });
});
