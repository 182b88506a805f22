import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { BIN, cliEnvironment, recordsIn, runCli, temporaryFolder } from '../support/cli.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { callApi } from '../support/vhost.ts';

const record = (n: number) =>
  `{"task_id":"a","redelivered":false,"properties":{"priority":1},"body":{"n":${n}.0}}`;
const LINES = `${record(0)}\n${record(1)}\n${record(2)}\n`;
const BODIES = ['{"n":0.0}', '{"n":1.0}', '{"n":2.0}'];

async function bodiesIn(task: string): Promise<string[]> {
  return (await observer().peek(task, { limit: 1000 })).map(({ body }) => body.toString());
}

const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);

describe('enqueue --from takes', () => {
  test.each<[what: string, text: string | Buffer]>([
    ['a byte order mark', `\ufeff${LINES}`],
    ['CRLF', LINES.replaceAll('\n', '\r\n')],
    ['blank lines and spaces', `\n  ${LINES.replaceAll('\n', ' \n\n')}  \n`],
    ['no line feed at the end', LINES.trimEnd()],
    ['gzip', gzipSync(LINES)],
    [
      'gzip of several members, with a byte order mark',
      Buffer.concat([gzipSync(`\ufeff${record(0)}\n`), gzipSync(`${record(1)}\n${record(2)}\n`)]),
    ],
    ['an array', `[${record(0)},${record(1)} , ${record(2)}]`],
    ['an array as -o json writes it', `[\n${record(0)},\n${record(1)},\n${record(2)}\n]\n`],
    [
      'an array with a byte order mark and CRLF',
      `\ufeff[\r\n${record(0)},\r\n${record(1)},\r\n${record(2)}\r\n]\r\n`,
    ],
  ])('%s, from a file and from the standard input', async (_what, text) => {
    const file = join(await temporaryFolder(), 'input');
    await writeFile(file, text);
    for (const [from, input] of [
      [file, ''],
      ['-', text],
    ] as const) {
      const task = newTask();
      const { status, stderr } = await runCli(['enqueue', task, '--from', from], { input });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(await bodiesIn(task)).toEqual(BODIES);
      const [message] = await observer().peek(task);
      expect(message?.properties).toEqual({ priority: 1 });
    }
  });

  test.each<[what: string, text: string]>([
    [
      'pretty-printed records',
      `${JSON.stringify(JSON.parse(record(0)), null, 2)}\n${JSON.stringify(JSON.parse(record(1)), null, 2)}\n`,
    ],
    ['a pretty-printed array', JSON.stringify([JSON.parse(record(0)), JSON.parse(record(1))], null, 2)],
    [
      'records with brackets and quotes in strings',
      JSON.stringify([{ body: { n: 0 } }, { body: { n: 1, s: ']}",\\"{[' } }], null, 2),
    ],
  ])('%s', async (_what, input) => {
    const task = newTask();
    const { status, stderr } = await runCli(['enqueue', task, '--from', '-'], { input });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect((await bodiesIn(task)).map((body) => JSON.parse(body).n)).toEqual([0, 1]);
  });

  test('a part of an array, and what a drain with -o json wrote', async () => {
    const task = newTask();
    const client = openClient();
    for (const body of BODIES) await client.publish(task, raw(body));
    const file = join(await temporaryFolder(), 'drained.json');
    expect((await runCli(['dequeue', task, '--all', '-o', 'json', '--out', file])).status).toBe(0);
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveLength(3);
    expect((await runCli(['enqueue', task, '--from', file, '--skip', '1', '--limit', '1'])).status).toBe(0);
    expect(await bodiesIn(task)).toEqual(['{"n":1.0}']);
  });

  test('an array of more than is kept in memory', async () => {
    const task = newTask();
    const padding = 'x'.repeat(1_000_000);
    const numbers = Array.from({ length: 18 }, (_, n) => n);
    const input = JSON.stringify(
      numbers.map((n) => ({ body: { n, padding } })),
      null,
      1,
    );
    // More than 16 MiB.
    expect((await runCli(['enqueue', task, '--from', '-'], { input })).status).toBe(0);
    expect((await bodiesIn(task)).map((body) => JSON.parse(body).n)).toEqual(numbers);
  });
});

describe('enqueue --from names', () => {
  test.each<[what: string, input: Buffer, says: string]>([
    ['UTF-16', utf16(LINES), 'is UTF-16, not UTF-8'],
    ['UTF-16 without a mark', Buffer.from(LINES, 'utf16le'), 'is UTF-16, not UTF-8'],
    ['gzip that is cut off', gzipSync(LINES).subarray(0, 40), 'gzip'],
    [
      'gzip with more after zero bytes',
      Buffer.concat([gzipSync(LINES), Buffer.alloc(9), gzipSync(LINES)]),
      'gzip',
    ],
    ['a ZIP archive', Buffer.from('PK\u0003\u0004xxxx'), 'a ZIP archive'],
    ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]), 'zstd'],
    ['a damaged member of an array', Buffer.from(`[${record(0)},\n{"body":}]`), 'line 2: '],
    ['an array that does not end', Buffer.from(`[${record(0)},\n`), 'line 2: '],
    ['a member that does not end', Buffer.from(`[${record(0)},\n{"body": [1`), 'line 2: '],
    ['a damaged line among good ones', Buffer.from(`{"task_id":"a","bo\n${LINES}`), 'line 1: '],
  ])('%s, and sends nothing', async (_what, input, says) => {
    const task = newTask();
    const { status, stdout, stderr } = await runCli(['enqueue', task, '--from', '-'], { input });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(await observer().depth(task)).toBeUndefined();
  });
});

describe('ls --ids', () => {
  test.each<[what: string, encode: (ids: string[]) => string | Buffer]>([
    ['a byte order mark', (ids) => `\ufeff${ids.join('\n')}`],
    ['CRLF', (ids) => `${ids.join('\r\n')}\r\n`],
    ['trailing spaces', (ids) => `${ids.join('  \n')} \t\n`],
    ['gzip', (ids) => gzipSync(ids.join('\n'))],
  ])('takes %s', async (_what, encode) => {
    const tasks = [newTask(), newTask()];
    const client = openClient();
    for (const task of tasks) await client.publish(task, raw('{}'));
    const { status, stdout, stderr } = await runCli(['ls', '--ids', '-'], { input: encode(tasks) });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(
      recordsIn(stdout)
        .map(({ task_id }) => task_id)
        .toSorted(),
    ).toEqual(tasks.toSorted());
  });

  test('leaves nothing open where the URL is unusable', async () => {
    const args = ['ls', '--ids', '-', '--url', 'amqp://h/a/b'];
    const { status, stderr } = await runCli(args, { input: 'x\n', ownProcess: true });
    expect(status).toBe(2);
    expect(stderr).not.toContain('garbage collection');
  });

  test('counts the tasks that have no queue', async () => {
    const task = newTask();
    await openClient().publish(task, raw('{}'));
    const { status, stderr } = await runCli(['ls', '--ids', '-'], { input: `${task}\nno-such-task\n` });
    expect(status).toBe(0);
    expect(stderr).toContain('1 of 2 tasks has no queue: "no-such-task"');
  });

  test('of many tasks, which are looked up together, leave no warning of Node', async () => {
    const input = Array.from({ length: 20 }, (_, index) => `no-such-task-${index}\n`).join('');
    const { stderr } = await runCli(['ls', '--ids', '-'], { input });
    expect(stderr).toMatch(/^20 of 20 tasks have no queue: .*\n$/);
  });
});

describe('bytes that are not UTF-8 name no other task', () => {
  // What they become when they are decoded.
  const replaced = 'caf\ufffd';
  const latin1 = Buffer.from('caf\xe9\n', 'latin1');

  test.each([
    ['clear -', ['clear', '-', '--yes']],
    ['clear - --null', ['clear', '-', '--null', '--yes']],
    ['ls --ids', ['ls', '--ids', '-']],
  ])('on the standard input of %s', async (_what, args) => {
    await openClient().publish(replaced, raw('{}'));
    const { status, stdout, stderr } = await runCli(args, { input: latin1 });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^error: (Line 1 of s|S)tandard input is not UTF-8\n/);
    expect((await observer().depth(replaced))?.messages).toBeGreaterThan(0);
    await openClient().clear(replaced);
  });

  test.skipIf(process.platform !== 'linux')('on the command line', async () => {
    for (const [command, expected] of [
      ['clear --yes', 2],
      ['check', 3],
    ] as const) {
      // Node passes only UTF-8 on.
      const words = `exec "$NODE" "$BIN" ${command} "$(printf 'caf\\351')"`;
      const env = { ...cliEnvironment(), NODE: process.execPath, BIN };
      const { status, stderr } = spawnSync('sh', ['-c', words], { env, encoding: 'utf8' });
      expect({ status, stderr }).toEqual({
        status: expected,
        stderr: expect.stringMatching(/^error: An argument is not UTF-8\n/),
      });
    }
  });

  test('and a task of that very id can be used', async () => {
    await openClient().publish(replaced, raw('{}'));
    const { status } = await runCli(['clear', replaced, '--yes'], { ownProcess: true });
    expect(status).toBe(0);
  });
});

describe('--password-file takes', () => {
  const withUser = () => {
    const url = new URL(inject('url'));
    url.username = 'guest';
    return url.href;
  };

  test.each([
    ['a byte order mark', '\ufeffguest'],
    ['a line feed', 'guest\n'],
    ['CRLF', 'guest\r\n'],
    ['trailing spaces', 'guest \t\n'],
    ['further lines', 'guest\nanother\n'],
  ])('%s', async (_what, text) => {
    const file = join(await temporaryFolder(), 'password');
    await writeFile(file, text);
    const args = ['peek', 'no-such-task', '-u', withUser(), '--password-file', file];
    expect((await runCli(args)).status).toBe(5);
  });

  test('the password of the user in the broker URL, for an API URL without a user too', async () => {
    const user = `user-${randomUUID()}`;
    await callApi('PUT', `users/${user}`, { password: 'pw', tags: 'management' });
    onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
    await callApi('PUT', `permissions/%2F/${user}`, { configure: '', write: '', read: '' });
    const file = join(await temporaryFolder(), 'password');
    await writeFile(file, 'pw\n');
    const url = inject('url').replace('//', `//${user}@`);
    const args = ['ls', '--limit', '1', '-u', url, '--password-file', file, '--api-url', inject('apiUrl')];
    const { status, stderr } = await runCli(args);
    expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.not.stringContaining('refuses') });
  });

  test.each([
    ['UTF-16', utf16('guest\n'), 'UTF-16'],
    ['an empty file', Buffer.from('\ufeff\n'), 'is empty'],
  ])('no %s', async (_what, bytes, says) => {
    const file = join(await temporaryFolder(), 'password');
    await writeFile(file, bytes);
    const { status, stderr } = await runCli(['peek', 'x', '-u', withUser(), '--password-file', file]);
    expect(status).toBe(2);
    expect(stderr).toContain(says);
  });
});

test.each([
  ['ls', 2],
  ['check', 3],
  ['watch', 2],
  ['peek some', 2],
  ['clear', 2],
  ['mv some', 2],
  ['enqueue', 2],
])('%s says that a URL belongs to --url, and not its password', async (command, status) => {
  const result = await runCli([...command.split(' '), 'amqp://u:sesame@127.0.0.1:1/v']);
  expect(result).toMatchObject({ status, stderr: expect.stringContaining('Give it with --url') });
  expect(result.stdout + result.stderr).not.toContain('sesame');
});
