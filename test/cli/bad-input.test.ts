import { connect } from 'amqplib';
import { expect, inject, onTestFinished, test } from 'vitest';
import { BIN, runCli } from '../support/cli.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';

const RPC = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}';
const AMQP_HOST = () => new URL(inject('url')).host;

/** Every one of these changes nothing, says what is wrong and what to do, and repeats no password. */
test.each<[what: string, args: () => string[], status: number, says: string]>([
  ['an unknown command', () => ['pek', 'task'], 2, 'error: Unknown command "pek"\nhint: Did you mean peek?'],
  [
    'an unknown option',
    () => ['peek', 'task', '--al'],
    2,
    'error: Unknown option --al\nhint: Did you mean --all?',
  ],
  [
    'a limit that is no limit',
    () => ['dequeue', 'task', '-n', 'all'],
    2,
    'error: --limit is invalid: "all". Expected a whole number, 1 or more.\nhint: Did you mean --all?',
  ],
  ['a missing argument', () => ['mv', 'task'], 2, 'error: Missing argument <to>\nhint: "mcp-taskq help mv"'],
  ['a missing value', () => ['ls', '--sort'], 2, 'error: --sort needs a value\nhint: "mcp-taskq help ls"'],
  [
    'a value that is not a choice',
    () => ['ls', '--sort', 'x'],
    2,
    'error: --sort is invalid: "x". Allowed choices',
  ],
  ['--names as JSON', () => ['ls', '--names', '--json'], 2, 'error: --names cannot be used with -o json'],
  [
    'an argument that is not a choice',
    () => ['completion', 'tcsh'],
    2,
    'error: <shell> is invalid: "tcsh". ',
  ],
  [
    'a number that is too small',
    () => ['peek', 'task', '-n', '0'],
    2,
    'error: --limit is invalid: "0". Expected',
  ],
  ['an argument too many', () => ['status', 'x'], 2, 'error: Too many arguments: 1 instead of 0'],
  [
    'a pattern that the shell has expanded',
    () => ['ls', 'job-1.jsonl', 'job-2.jsonl'],
    2,
    'error: Too many arguments: 2 instead of 1\nhint: Quote arguments with spaces or wildcards. ',
  ],
  [
    'a task id that looks like an option',
    () => ['peek', '-V1StGXR8'],
    2,
    'error: Unknown option -V1StGXR8\nhint: If that is a task id, put -- before it. ',
  ],
  [
    'a file without --from',
    () => ['enqueue', 'task', BIN],
    2,
    `error: "${BIN}" is a file, not a message\nhint: To send the messages in a file, use --from.`,
  ],
  ['an empty URL', () => ['peek', 'task', '--url', ''], 2, '--url is empty'],
  ['an empty prefix', () => ['prune', '--prefix', '', '--yes'], 2, '--prefix is empty'],
  ['an empty context', () => ['peek', 'task', '--context', ''], 2, '--context is empty'],
  ['an empty API URL', () => ['ls', '--api-url', ' '], 2, '--api-url is empty'],
  ['an empty password file', () => ['peek', 'task', '--password-file', ''], 2, '--password-file is empty'],
  ['an empty CA file', () => ['peek', 'task', '--tls-ca-file', ''], 2, '--tls-ca-file is empty'],
  [
    'an empty output file',
    () => ['dequeue', 'task', '--all', '--out', ''],
    2,
    '--out is invalid: "". It is empty',
  ],
  [
    'an empty backup',
    () => ['clear', 'task', '--yes', '--backup', ' '],
    2,
    '--backup is invalid: " ". It is empty',
  ],
  ['an empty input file', () => ['enqueue', 'task', '--from', ''], 2, '--from is invalid: "". It is empty'],
  ['an empty file of ids', () => ['ls', '--ids', ''], 2, '--ids is invalid: "". It is empty'],
  // It would find nothing, and that all is well.
  ['an empty pattern to check', () => ['check', ''], 3, 'It is empty'],
  ['an empty pattern to list', () => ['ls', ''], 2, 'It is empty'],
  ['an empty pattern to prune', () => ['prune', '--pattern', '', '--yes'], 2, 'It is empty'],
  [
    'a range of one message',
    () => ['enqueue', 'task', '--method', 'm', '--skip', '1'],
    2,
    '--skip needs --from',
  ],
  [
    'an id prefix for one message',
    () => ['enqueue', 'task', '{}', '--id-prefix', 'p'],
    2,
    '--id-prefix needs --from',
  ],
  [
    'a speed alone',
    () => ['enqueue', 'task', '--from', '-', '--speed', '2'],
    2,
    '--speed needs --keep-timing',
  ],
  ['an empty request id', () => ['enqueue', 'task', '--method', 'm', '--id', ''], 2, 'It is empty'],
  ['a number and all', () => ['dequeue', 'task', '-n', '2', '--all'], 2, '--all cannot be used with --limit'],
  [
    'a number and all to look at',
    () => ['peek', 'task', '-n', '2', '--all'],
    2,
    '--all cannot be used with --limit',
  ],
  ['an empty command', () => ['dequeue', 'task', '--exec', ' '], 2, 'It is empty'],
  ['an empty method', () => ['enqueue', 'task', '--method', ''], 2, 'It is empty'],
  ['an empty task id', () => ['enqueue', '', RPC], 2, 'it is empty'],
  ['an empty task id to look at', () => ['peek', ''], 2, 'it is empty'],
  ['a task id of 246 bytes', () => ['enqueue', 'a'.repeat(246), RPC], 2, '255'],
  ['a task id with a line break', () => ['enqueue', 'a\nb', RPC], 2, 'control character'],
  ['a task id with a line break to look at', () => ['peek', 'a\nb'], 2, 'control character'],
  [
    'another URL scheme',
    () => ['peek', 'task', '-u', 'http://u:s3cret@localhost'],
    2,
    'does not begin with amqp:// or amqps://',
  ],
  ['a URL that is none', () => ['peek', 'task', '-u', 'u:s3cret@localhost:5672'], 2, 'unusable'],
  [
    'a port where nothing listens',
    () => ['peek', 'task', '-u', 'amqp://u:s3cret@127.0.0.1:1'],
    7,
    'nothing listens',
  ],
  [
    'a host that does not exist',
    () => ['peek', 'task', '-u', 'amqp://u:s3cret@host.invalid'],
    7,
    'host name',
  ],
  [
    'a wrong password',
    () => ['peek', 'task', '-u', `amqp://guest:s3cret@${AMQP_HOST()}`],
    4,
    'refuses the user name or password',
  ],
  ['a vhost that does not exist', () => ['peek', 'task', '-u', `amqp://${AMQP_HOST()}/nope`], 4, 'vhost'],
  [
    'TLS to a port without it',
    () => ['peek', 'task', '-u', `amqps://${AMQP_HOST()}`],
    7,
    'does not speak TLS',
  ],
  ['no management API', () => ['ls', '--api-url', 'http://u:s3cret@127.0.0.1:1'], 7, 'rabbitmq_management'],
  [
    'a management API that is something else',
    () => ['ls', '--api-url', `http://${AMQP_HOST()}`],
    7,
    'management API',
  ],
  ['a bad duration', () => ['watch', 'task', '--for', '5 parsecs'], 2, '500ms, 10s, 5m, 2h'],
])('%s ends with a clear error', async (_, args, status, says) => {
  const result = await runCli(args());
  // A monitoring system shows what a check prints there (3).
  const stdout = status === 3 ? expect.stringMatching(/^TASKQ UNKNOWN - [^\n]*\n$/) : '';
  expect(result).toMatchObject({ status, stdout });
  expect(result.stderr).toContain(says);
  expect(result.stderr).not.toContain('s3cret');
  expect(result.stderr).not.toMatch(/^\s+at /m);
});

test('a queue with other arguments is left alone', async () => {
  const { url } = await newVhost();
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  await channel.assertQueue('mcp:queue:task', { durable: true, arguments: { 'x-max-length': 5 } });
  const result = await runCli(['enqueue', 'task', RPC, '-u', url]);
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toContain('with a different x-max-length');
  expect(await channel.checkQueue('mcp:queue:task')).toMatchObject({ messageCount: 0 });
});

test('a message that is larger than the broker accepts is refused before anything is sent, and no queue is left', async () => {
  const task = newTask();
  const lines = (mebibytes: number) =>
    `${RPC}\n${RPC.replace('"x"', JSON.stringify('x'.repeat(mebibytes * 1024 * 1024)))}\n`;
  const result = await runCli(['enqueue', task, '--from', '-'], { input: lines(21) });
  expect(result).toMatchObject({ status: 2, stdout: '' });
  expect(result.stderr).toMatch(
    /The largest body is 22,\d+,\d+ bytes, more than RabbitMQ accepts; nothing was sent/,
  );
  expect(await observer().depth(task)).toBeUndefined();
  // Beyond the library's own limit, which an operator did not choose.
  expect((await runCli(['enqueue', task, '--from', '-'], { input: lines(18) })).status).toBe(0);
  const to = newTask();
  expect((await runCli(['mv', task, to, '--all'])).status).toBe(0);
  const { stdout } = await runCli(['dequeue', to, '--all', '-o', 'jsonl']);
  expect(stdout.length).toBeGreaterThan(18 * 1024 * 1024);
});

test('with the standard input closed no command waits for it', async () => {
  const task = newTask();
  await openClient().publish(task, raw(RPC));
  for (const [args, status] of [
    [['enqueue', task], 2],
    [['clear', task], 2],
    [['prune'], 2],
    [['peek', task], 0],
    [['dequeue', task], 0],
  ] as const) {
    expect([args, (await runCli([...args])).status]).toEqual([args, status]);
  }
});
