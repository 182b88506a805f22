import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inject, test } from 'vitest';
import type { TaskQueueClient } from '../../src/index.ts';
import { runCli } from '../support/cli.ts';
import { openClient } from '../support/tasks.ts';
import { Transcript } from '../support/transcript.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

/*
 * What an operator sees of the commands that look after many tasks or brokers, on terminals of 80 and 60 columns and
 * piped. See transcripts.slow.test.ts.
 */

/** So long ago that it stays "4d 2h" while the tests run. */
const AGE_MS = ((4 * 24 + 2) * 60 + 30) * 60_000;

const TASK = '786512e2-0c5e-4b6e-9d0f-1c7c1c5d9f00';

const progress = { type: 'notification', message: { jsonrpc: '2.0', method: 'notifications/progress' } };
const question = { type: 'request', message: { jsonrpc: '2.0', id: 7, method: 'elicitation/create' } };

async function scene() {
  const { url } = await newVhost();
  const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: inject('apiUrl').replace(/\/\/.*@/, '//') };
  const client = openClient({ url });
  return { client, env, transcript: await Transcript.begin(env) };
}

/** Without an AMQP timestamp, as the Python package does it. */
async function fill(client: TaskQueueClient, task: string, messages: readonly object[]): Promise<void> {
  const timestamp = new Date(Date.now() - AGE_MS).toISOString();
  for (const message of messages) {
    const body = Buffer.from(JSON.stringify({ ...message, timestamp, original_request_id: null }));
    await client.publish(task, { body, properties: { delivery_mode: 2 } });
  }
}

/** The statistics come some seconds after the messages. */
async function untilDescribed(env: Record<string, string>, task: string, ready: number): Promise<void> {
  await until(async () => {
    const { stdout } = await runCli(['describe', task, '--no-peek', '--json'], { env });
    const { ready: described, body_bytes, idle_since, missing } = JSON.parse(stdout);
    // Each of these is collected separately.
    return described === ready && body_bytes !== null && idle_since !== null && missing.length === 0;
  });
}

test('describe', async () => {
  const { client, env, transcript } = await scene();
  await fill(client, TASK, [progress, progress, question]);
  await untilDescribed(env, TASK, 3);
  transcript.heading('80 columns');
  await transcript.onTerminal(`mcp-taskq describe ${TASK} --no-peek`, { columns: 80 });
  await transcript.onTerminal(`mcp-taskq describe ${TASK}`, { columns: 80 });
  transcript.heading('60 columns');
  await transcript.onTerminal(`mcp-taskq describe ${TASK}`, { columns: 60 });
  transcript.heading('Without the management API');
  await transcript.onTerminal(`mcp-taskq describe ${TASK} --api-url http://127.0.0.1:1`, { columns: 80 });
  transcript.heading('Piped');
  // The statistics may be of a moment in which a peek held the messages.
  await untilDescribed(env, TASK, 3);
  await transcript.piped(`mcp-taskq describe ${TASK} --no-peek`);
  await transcript.piped('mcp-taskq describe nowhere');
  await transcript.matches('describe');
});

test('status', async () => {
  const { transcript } = await scene();
  transcript.heading('80 columns');
  await transcript.onTerminal('mcp-taskq status', { columns: 80 });
  await transcript.onTerminal('mcp-taskq status --api-url http://127.0.0.1:1', { columns: 80 });
  transcript.heading('60 columns');
  await transcript.onTerminal('mcp-taskq status --no-api', { columns: 60 });
  await transcript.onTerminal('mcp-taskq status --no-api --listen 200ms', { columns: 60 });
  transcript.heading('Piped');
  await transcript.piped('mcp-taskq status');
  await transcript.piped('mcp-taskq status --url amqp://127.0.0.1:1');
  await transcript.matches('status');
});

test('check', async () => {
  const { client, env, transcript } = await scene();
  await fill(client, TASK, [progress, progress, question]);
  await untilDescribed(env, TASK, 3);
  // RabbitMQ keeps its lists for a while, and longer when it is busy.
  await until(async () => JSON.parse((await runCli(['check', '--json'], { env })).stdout).ready === 3);
  transcript.heading('80 columns');
  await transcript.onTerminal('mcp-taskq check', { columns: 80 });
  await transcript.onTerminal('mcp-taskq check --age-warn 1h --depth-critical 3', { columns: 80 });
  transcript.heading('60 columns');
  await transcript.onTerminal('mcp-taskq check --age-warn 1h --age-critical 1d', { columns: 60 });
  transcript.heading('Piped');
  await transcript.piped('mcp-taskq check --age-warn 1h --no-peek');
  await transcript.piped('mcp-taskq check --json --depth-warn 2');
  await transcript.piped('mcp-taskq check --format prometheus | grep -v "^#"');
  await transcript.piped('mcp-taskq check --api-url http://127.0.0.1:1');
  await transcript.piped('mcp-taskq check --depth 3');
  await transcript.matches('check');
});

test('cp', async () => {
  const { client, transcript } = await scene();
  await fill(client, '786512e2', [progress, question]);
  transcript.heading('80 columns');
  await transcript.onTerminal('mcp-taskq cp 786512e2 trial --all', { columns: 80 });
  await transcript.onTerminal('mcp-taskq cp 786512e2 trial --all --dry-run', { columns: 80 });
  await transcript.onTerminal('mcp-taskq cp 786512e2 786512e2 --all', { columns: 80 });
  transcript.heading('Piped');
  await transcript.piped(`mcp-taskq cp 786512e2 trial --all --filter 'type == "request"'`);
  await transcript.piped(`mcp-taskq cp 786512e2 trial -n 1 --filter 'type == "response"'`);
  await transcript.piped('mcp-taskq cp 786512e2 trial');
  await transcript.matches('cp');
});

test('context', async () => {
  const { client, transcript } = await scene();
  await fill(client, '786512e2', [question]);
  await mkdir(join(transcript.folder, '.config'));
  const here = `-u "$MCP_TASKQ_URL" --api-url "$MCP_TASKQ_API_URL"`;
  const alone = 'env -u MCP_TASKQ_URL -u MCP_TASKQ_API_URL mcp-taskq';
  const shown = (line: string, columns = 80) => transcript.onTerminal(line, { columns });
  transcript.heading('80 columns');
  await shown('mcp-taskq context');
  await shown(`mcp-taskq context set prod ${here} --protected`);
  await shown(`mcp-taskq context set staging -u amqps://ops@mq/s --password-command 'pass mq'`);
  await shown('mcp-taskq context set x -u amqp://ops:hunter2@mq');
  await shown('mcp-taskq context use staging');
  await shown('mcp-taskq context ls', 120);
  await shown('mcp-taskq context show staging');
  await shown('mcp-taskq context show');
  await transcript.onTerminal(`${alone} clear 786512e2 --context prod`, {
    columns: 80,
    answers: [['Type its name', 'staging\r']],
  });
  transcript.heading('Piped');
  await transcript.piped(`${alone} clear 786512e2 --yes --context prod --dry-run`);
  await transcript.piped(`${alone} dequeue 786512e2 --context prod`);
  await transcript.piped(`${alone} peek 786512e2 --context prd`);
  await transcript.piped('mcp-taskq peek 786512e2 -o raw');
  await transcript.piped('mcp-taskq context ls');
  await transcript.piped('mcp-taskq context rm staging');
  transcript.heading('Narrow terminals');
  await transcript.piped('mcp-taskq context rm prod');
  const url = 'amqps://ops@mq-1.example.com:5671/production';
  await transcript.piped(
    `mcp-taskq context set prod -u ${url} --protected --description 'Ask before you clear'`,
  );
  await transcript.piped('mcp-taskq context set an-unusually-long-name -u amqp://mq/s --description Trials');
  for (const columns of [100, 80, 60, 40]) await shown('mcp-taskq context ls', columns);
  await transcript.matches('context');
});
