import { inject, test } from 'vitest';
import { COMMANDS } from '../../src/cli/command-list.ts';
import type { TaskQueueClient } from '../../src/index.ts';
import { recordsIn, runCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { Transcript } from '../support/transcript.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

/*
 * What an operator sees, command by command, on a terminal and piped: compared with the files in transcripts/.
 * A change that is meant is taken over with `--update` at the end of vitest's command line, and read in the diff.
 */

const ENTER = '\r';
const CTRL_C = '\u0003';
/** So long ago that it stays "4d 2h" while the tests run. */
const AGE_MS = ((4 * 24 + 2) * 60 + 30) * 60_000;

const say = (data: string) => ({
  type: 'notification',
  message: { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data } },
});
const progress = (count: number) => ({
  type: 'notification',
  message: {
    jsonrpc: '2.0',
    method: 'notifications/progress',
    params: { progressToken: 1, progress: count, total: 3 },
  },
});
const ask = (message: string) => ({
  type: 'request',
  message: {
    jsonrpc: '2.0',
    id: 7,
    method: 'elicitation/create',
    params: {
      message,
      requestedSchema: { type: 'object', properties: { confirm: { type: 'boolean' } } },
    },
  },
});

const MESSAGES = [say('Looking through ~/Downloads'), progress(1), progress(2), ask('Delete 3 old files?')];
const BARE = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}';

interface Scene {
  client: TaskQueueClient;
  env: Record<string, string>;
  transcript: Transcript;
}

/** A vhost of its own, in which ids need not be random. */
async function scene(): Promise<Scene> {
  const { url } = await newVhost();
  // Credentials of the URL alone count: some lines change them.
  const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: inject('apiUrl').replace(/\/\/.*@/, '//') };
  return { client: openClient({ url }), env, transcript: await Transcript.begin(env) };
}

async function fill(client: TaskQueueClient, task: string, messages: readonly object[] = MESSAGES) {
  const timestamp = new Date(Date.now() - AGE_MS).toISOString();
  for (const message of messages) {
    const body = JSON.stringify({ ...message, timestamp, original_request_id: null });
    await client.publish(task, {
      body: Buffer.from(body),
      properties: { content_type: 'application/json', delivery_mode: 2 },
    });
  }
}

async function empty(client: TaskQueueClient, task: string): Promise<void> {
  await client.publish(task, raw('{}'));
  await client.clear(task, undefined, { keepQueue: true });
}

test('enqueue', async () => {
  const { transcript } = await scene();
  await transcript.file('messages.jsonl', `${BARE}\n${BARE}\n\n${BARE}\n`);
  await transcript.file('bad.jsonl', `${BARE}\n{"jsonrpc":"1.0"}\n${BARE.slice(0, 20)}`);
  transcript.heading('On a terminal');
  await transcript.onTerminal(`mcp-taskq enqueue 786512e2 '${BARE}'`);
  await transcript.onTerminal('mcp-taskq enqueue 786512e2 --from messages.jsonl');
  await transcript.onTerminal('mcp-taskq enqueue 786512e2', {
    answers: [
      ['Type of the message', ENTER],
      ['Method', ENTER],
      ['Params', `[1]${ENTER}`],
      ['This is not a JSON object', `\b\b\b{"message":"Sure?"}${ENTER}`],
    ],
  });
  await transcript.onTerminal('mcp-taskq enqueue 786512e2', { answers: [['Type of the message', CTRL_C]] });
  await transcript.onTerminal(
    'mcp-taskq enqueue 786512e2 --from messages.jsonl --rate 1/h --limit 2 --timeout 8s',
  );
  transcript.heading('Piped');
  await transcript.piped(`mcp-taskq enqueue 786512e2 '${BARE}'`);
  await transcript.piped('mcp-taskq enqueue 786512e2 --method ping --id 7 --header team=red');
  await transcript.piped('mcp-taskq enqueue 786512e2 --from - < messages.jsonl');
  await transcript.piped('mcp-taskq enqueue 786512e2 --from messages.jsonl --skip 2 --dry-run');
  await transcript.piped('mcp-taskq enqueue 786512e2');
  await transcript.piped('mcp-taskq enqueue 786512e2 --from - < /dev/null');
  await transcript.piped('mcp-taskq enqueue 786512e2 --from bad.jsonl');
  await transcript.piped('mcp-taskq enqueue 786512e2 --from missing.jsonl');
  await transcript.piped('mcp-taskq enqueue 786512e2 hello');
  await transcript.piped('mcp-taskq enqueue 786512e2 - < messages.jsonl');
  await transcript.piped('mcp-taskq enqueue 786512e2 --id 1');
  await transcript.piped(`mcp-taskq enqueue 786512e3 '${BARE}' --no-create`);
  await transcript.matches('enqueue');
});

test('dequeue', async () => {
  const { client, transcript } = await scene();
  await fill(client, '786512e2');
  await fill(client, '41f7c0de');
  await fill(client, '9c1d');
  transcript.heading('On a terminal');
  await transcript.onTerminal('mcp-taskq dequeue 786512e2');
  await transcript.onTerminal('mcp-taskq dequeue 786512e2 --all --dry-run');
  await transcript.onTerminal('mcp-taskq dequeue 786512e2 --all --out drained.jsonl');
  await transcript.onTerminal('mcp-taskq drain 786512e2');
  await transcript.onTerminal('mcp-taskq dequeue mcp:queue:786512e2');
  await transcript.onTerminal('mcp-taskq dequeue 786512e2');
  await transcript.onTerminal('mcp-taskq dequeue 786512e2 --all');
  await transcript.onTerminal('mcp-taskq dequeue nowhere');
  await transcript.onTerminal(
    `mcp-taskq dequeue 9c1d --all --exec 'echo "delivered $MCP_TASKQ_METHOD"; test -z "$MCP_TASKQ_ID"'`,
  );
  await transcript.onTerminal('mcp-taskq dequeue 41f7c0de --all', { answers: [['(y/N)', ENTER]] });
  await transcript.onTerminal('mcp-taskq dequeue 9c1d -n 2 --wait 1m --yes', {
    answers: [['4d 2h', CTRL_C]],
  });
  transcript.heading('Piped');
  await transcript.piped('mcp-taskq dequeue 41f7c0de');
  await transcript.piped(`mcp-taskq dequeue 41f7c0de --filter 'type == "request"' -o raw`);
  await transcript.piped(`mcp-taskq dequeue 41f7c0de --filter 'type = "request"'`);
  await transcript.piped('mcp-taskq dequeue 41f7c0de --all --out drained.jsonl');
  await transcript.piped('mcp-taskq dequeue 41f7c0de --all --out drained.jsonl --append -o json');
  await transcript.piped('mcp-taskq dequeue 41f7c0de --all');
  await transcript.piped('mcp-taskq dequeue 41f7c0de --all | head -n 1');
  await transcript.piped('mcp-taskq dequeue 41f7c0de --wait 100ms');
  await transcript.piped('mcp-taskq dequeue 41f7c0de --wait 1m --timeout 3s');
  await transcript.piped('mcp-taskq dequeue nowhere --all');
  await transcript.piped('mcp-taskq dequeue');
  await transcript.matches('dequeue');
});

test('peek', async () => {
  const { client, transcript } = await scene();
  await fill(client, '786512e2');
  await fill(client, '41f7c0de');
  await empty(client, 'done');
  transcript.heading('On a terminal');
  await transcript.onTerminal('mcp-taskq peek 786512e2');
  await transcript.onTerminal('mcp-taskq peek 786512e2 -n 5');
  await transcript.onTerminal('mcp-taskq peek 786512e2 -n 5 -o wide');
  await transcript.onTerminal('mcp-taskq peek 786512e2 41f7c0de --tail 2');
  await transcript.onTerminal('mcp-taskq peek 786512e2 --skip 3 -o jsonl');
  await transcript.onTerminal(`mcp-taskq peek 786512e2 --filter 'age < duration("1h")'`);
  await transcript.onTerminal('mcp-taskq peek done');
  await transcript.onTerminal('mcp-taskq peek nowhere');
  transcript.heading('Piped');
  await transcript.piped('mcp-taskq peek 41f7c0de');
  await transcript.piped('mcp-taskq peek 41f7c0de --all');
  await transcript.piped('mcp-taskq peek 41f7c0de --all --json | tail -n 1');
  await transcript.piped('mcp-taskq peek 41f7c0de -n 2 -o raw');
  await transcript.piped('mcp-taskq peek 41f7c0de -n 2 -o table');
  await transcript.piped('mcp-taskq peek done');
  await transcript.piped('mcp-taskq peek nowhere');
  await transcript.piped('mcp-taskq peek 41f7c0de --al');
  await transcript.piped('mcp-taskq peek 41f7c0de -n 0');
  await transcript.matches('peek');
});

test('clear', async () => {
  const { client, transcript } = await scene();
  for (const task of ['786512e2', '41f7c0de', '9c1d', 'a1', 'a2']) await fill(client, task);
  transcript.heading('On a terminal');
  await transcript.onTerminal('mcp-taskq clear 786512e2', { answers: [['(y/N)', ENTER]] });
  await transcript.onTerminal('mcp-taskq clear 786512e2', { answers: [['(y/N)', CTRL_C]] });
  await transcript.onTerminal('mcp-taskq clear 786512e2', { answers: [['(y/N)', `y${ENTER}`]] });
  await transcript.onTerminal('mcp-taskq clear a1 a2', { answers: [['confirm:', `y${ENTER}`]] });
  await transcript.onTerminal('mcp-taskq clear a1 a2', { answers: [['confirm:', `8${ENTER}`]] });
  await transcript.onTerminal('mcp-taskq clear 41f7c0de nowhere');
  await transcript.onTerminal('mcp-taskq clear "41*" 9c1d', { answers: [['confirm:', ENTER]] });
  transcript.heading('Piped');
  await transcript.piped('mcp-taskq clear 41f7c0de');
  await transcript.piped('mcp-taskq clear 41f7c0de --dry-run');
  await transcript.piped('mcp-taskq clear 41f7c0de --older-than 7d --yes');
  await transcript.piped('mcp-taskq clear 41f7c0de --backup gone.jsonl --yes');
  await transcript.piped('mcp-taskq clear 9c1d --backup gone.jsonl --yes');
  await transcript.piped('mcp-taskq clear nowhere --yes');
  await transcript.matches('clear');
});

test('mv', async () => {
  const { client, transcript } = await scene();
  await fill(client, '786512e2');
  await empty(client, 'done');
  transcript.heading('On a terminal');
  await transcript.onTerminal('mcp-taskq mv 786512e2 parked -n 1');
  await transcript.onTerminal('mcp-taskq mv 786512e2 parked --all --dry-run');
  await transcript.onTerminal('mcp-taskq mv done parked -n 1');
  await transcript.onTerminal('mcp-taskq mv nowhere parked --all');
  await transcript.onTerminal('mcp-taskq mv "7865*" parked --all', { answers: [['confirm:', ENTER]] });
  transcript.heading('Piped');
  await transcript.piped('mcp-taskq mv 786512e2 parked --all');
  await transcript.piped('mcp-taskq mv 786512e2 parked');
  await transcript.piped('mcp-taskq mv parked parked --all');
  await transcript.piped('mcp-taskq mv nowhere parked --all');
  await transcript.matches('mv');
});

test('watch', async () => {
  const { client, transcript } = await scene();
  await fill(client, '786512e2');
  await empty(client, 'done');
  transcript.heading('On a terminal');
  await transcript.onTerminal('mcp-taskq watch 786512e2', { answers: [['Delete 3', CTRL_C]] });
  await transcript.onTerminal('mcp-taskq watch 786512e2 done --tail 1 --limit 1');
  await transcript.onTerminal('mcp-taskq watch nowhere --idle 3s');
  transcript.heading('Piped');
  await transcript.piped('mcp-taskq watch 786512e2 --tail 2 --limit 2');
  await transcript.piped('mcp-taskq watch nowhere --for 3s');
  await transcript.piped('mcp-taskq watch 786512e2 --for soon');
  await transcript.matches('watch');
});

/** The broker's statistics come every five seconds. */
async function untilIdle(env: Record<string, string>): Promise<void> {
  const isIdle = (time?: string | null) => Boolean(time) && Date.now() - Date.parse(time ?? '') > 8_000;
  const listed = async () => recordsIn((await runCli(['ls'], { env })).stdout);
  await until(async () => (await listed()).every(({ statistics }) => isIdle(statistics?.idle_since)));
}

test('ls', async () => {
  const { client, env, transcript } = await scene();
  await fill(client, '786512e2');
  await fill(client, '41f7c0de', [say('x')]);
  await empty(client, 'done');
  await transcript.file('tasks.txt', '786512e2\nnowhere\n');
  await untilIdle(env);
  transcript.heading('On a terminal');
  await transcript.onTerminal('mcp-taskq ls');
  await transcript.onTerminal('mcp-taskq ls -o wide');
  await transcript.onTerminal('mcp-taskq ls --older-than 1d');
  await transcript.onTerminal('mcp-taskq ls "no-such-*"');
  await transcript.onTerminal('mcp-taskq ls --watch --interval 1m', {
    answers: [['q quits', CTRL_C]],
    atLastAnswer: true,
  });
  transcript.heading('Piped');
  await transcript.piped('mcp-taskq ls');
  await transcript.piped('mcp-taskq ls --non-empty --sort ready --names');
  await transcript.piped('mcp-taskq ls --ids tasks.txt --json');
  await transcript.piped('mcp-taskq ls --watch');
  await transcript.piped('mcp-taskq ls -o raw');
  await transcript.piped('MCP_TASKQ_API_URL=http://127.0.0.1:1 mcp-taskq ls');
  await transcript.matches('ls');
});

test('prune', async () => {
  const { client, env, transcript } = await scene();
  await fill(client, '786512e2');
  await empty(client, 'done');
  const found = async () =>
    recordsIn((await runCli(['prune', '--idle', '0s', '--dry-run'], { env })).stdout).length;
  await until(async () => (await found()) === 1);
  transcript.heading('On a terminal');
  await transcript.onTerminal('mcp-taskq prune');
  await transcript.onTerminal('mcp-taskq prune --idle 0s --dry-run');
  await transcript.onTerminal('mcp-taskq prune --idle 0s', { answers: [['(y/N)', ENTER]] });
  transcript.heading('Piped');
  await transcript.piped('mcp-taskq prune --idle 0s');
  await transcript.piped('mcp-taskq prune --idle 0s --yes');
  await transcript.piped('mcp-taskq prune --idle 0s --yes');
  await transcript.matches('prune');
});

test('broker', async () => {
  const { transcript } = await scene();
  transcript.heading('On a terminal');
  await transcript.onTerminal('mcp-taskq broker --install', {
    answers: [['Ctrl-C stops it.', CTRL_C]],
  });
  transcript.heading('Piped');
  await transcript.piped('mcp-taskq broker --port 70000');
  await transcript.matches('broker');
});

test('completion', async () => {
  const { transcript } = await scene();
  await transcript.piped('mcp-taskq completion bash | head -n 4');
  await transcript.piped('mcp-taskq completion zsh | head -n 4');
  await transcript.piped('mcp-taskq completion fish | head -n 4');
  await transcript.piped('mcp-taskq completion tcsh');
  await transcript.piped('mcp-taskq completion');
  await transcript.matches('completion');
});

test('help', async () => {
  const { transcript } = await scene();
  await transcript.piped('mcp-taskq help');
  for (const topic of ['exit-codes', 'filters']) await transcript.piped(`mcp-taskq help ${topic}`);
  for (const { name, isHidden } of COMMANDS) {
    if (!isHidden) await transcript.piped(`mcp-taskq ${name} --help`);
  }
  await transcript.piped('mcp-taskq help nonsense');
  await transcript.piped('mcp-taskq pek');
  await transcript.piped('mcp-taskq 2>&1 | head -n 3');
  await transcript.matches('help');
});

test('a broker that cannot be used', async () => {
  const { env, transcript } = await scene();
  const commands = ['peek x', 'dequeue x', 'clear x --yes', 'mv x y --all', 'watch x', 'prune --yes', 'ls'];
  commands.push(`enqueue x '${BARE}'`);
  const wrong = env.MCP_TASKQ_URL?.replace('//', '//nobody:wrong@').replace('guest:guest@', '');
  transcript.heading('Nobody listens');
  for (const command of commands) {
    // What needs the management API asks that one first.
    const nobody = 'MCP_TASKQ_URL=amqp://127.0.0.1:1 MCP_TASKQ_API_URL=http://127.0.0.1:1';
    await transcript.piped(`${nobody} mcp-taskq ${command}`);
  }
  transcript.heading('A wrong password');
  for (const command of commands) await transcript.piped(`MCP_TASKQ_URL=${wrong} mcp-taskq ${command}`);
  await transcript.piped(`mcp-taskq peek x --url ${wrong}`);
  transcript.heading('A vhost that is not there');
  await transcript.piped(`mcp-taskq peek x --url ${inject('url')}/staging`);
  await transcript.matches('unusable-broker');
});

test('colours', async () => {
  const { client, transcript } = await scene();
  await fill(client, '786512e2', [ask('Sure?')]);
  const show = (line: string) => transcript.onTerminal(line, { showEscapes: true });
  await show('mcp-taskq peek 786512e2');
  await show('mcp-taskq peek 786512e2 -n 2');
  await show('mcp-taskq ls --ids - < /dev/null');
  transcript.heading('An empty NO_COLOR counts as unset (no-color.org)');
  await show('NO_COLOR= mcp-taskq peek 786512e2 -n 2');
  transcript.heading('Plain');
  await show('NO_COLOR=1 mcp-taskq peek 786512e2 -n 2');
  await show('mcp-taskq peek 786512e2 -n 2 --no-color');
  await show('TERM=dumb mcp-taskq peek 786512e2 -n 2');
  await transcript.piped('mcp-taskq peek 786512e2 -o table');
  transcript.heading('Forced');
  await transcript.piped('FORCE_COLOR=1 mcp-taskq peek 786512e2 -n 2 -o table | tr "\\033" "^"');
  await transcript.matches('colors');
});

test('widths', async () => {
  const { client, env, transcript } = await scene();
  const wide = [ask('三つの古いファイルを削除しますか'), say('Grüße 👋 다운로드 폴더'), progress(1)];
  await fill(client, '作業', wide);
  await fill(client, '786512e2');
  transcript.heading('Wide characters');
  await transcript.onTerminal('mcp-taskq peek 作業 -n 3');
  await transcript.onTerminal('mcp-taskq peek 作業');
  await transcript.onTerminal('mcp-taskq watch 作業 786512e2 --tail 2 --limit 4');
  transcript.heading('40 columns');
  const narrow = (line: string) => transcript.onTerminal(line, { columns: 40 });
  await narrow('mcp-taskq peek 作業 -n 3');
  await narrow('mcp-taskq peek 786512e2');
  await narrow('mcp-taskq watch 786512e2 --limit 2');
  await untilIdle(env);
  await narrow('mcp-taskq ls --no-color');
  await narrow('mcp-taskq peek nowhere');
  await narrow('mcp-taskq ls --no-color --sort oldest --no-peek --limit 1');
  await narrow('mcp-taskq help');
  await narrow('mcp-taskq help peek');
  await narrow('mcp-taskq peek 786512e2 --al');
  await narrow('mcp-taskq check --depth-warn 4');
  await narrow('mcp-taskq clear 786512e2 --dry-run');
  transcript.heading('80 columns');
  await transcript.onTerminal('mcp-taskq peek 786512e2 -n 4', { columns: 80 });
  await transcript.onTerminal('mcp-taskq watch 作業 786512e2 --tail 1 --limit 2', { columns: 80 });
  await fill(client, '41f7c0de-0c5e-4b6e-9d0f-1c7c1c5d9f00', [say('x')]);
  await untilIdle(env);
  await transcript.onTerminal('mcp-taskq ls --no-color', { columns: 80 });
  transcript.heading('60 columns');
  const at60 = (line: string) => transcript.onTerminal(line, { columns: 60 });
  await at60('mcp-taskq ls --no-color');
  await at60('mcp-taskq peek 786512e2 -n 4');
  await at60('mcp-taskq watch 作業 786512e2 --tail 1 --limit 2');
  await at60('mcp-taskq help peek');
  await at60('mcp-taskq help');
  await at60('mcp-taskq describe 786512e2 --no-peek');
  await transcript.matches('widths');
});
