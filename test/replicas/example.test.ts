import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { build } from 'rolldown';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/cli.ts';

const source = fileURLToPath(new URL('../examples/replicas/server.ts', import.meta.url));
/** In the repository, where the packages that it imports are found, this one included. */
const folder = fileURLToPath(new URL(`../../dist/.example-${process.pid}`, import.meta.url));

beforeAll(async () => {
  await build({
    input: source,
    platform: 'node',
    external: /^[^./]/,
    output: { dir: folder },
    logLevel: 'warn',
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A process of the example fleet. @returns its port */
async function startExample(tasks: string): Promise<string> {
  const child = spawn(process.execPath, [`${folder}/server.js`], {
    env: {
      PATH: process.env.PATH ?? '',
      PORT: '0',
      TASKS: tasks,
      RABBITMQ_URL: inject('url'),
      REPLICAS_SECRET: 'the same for every process',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    child.kill();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
  const [line] = await once(child.stdout, 'data');
  return /port (\d+)/.exec(String(line))?.[1] as string;
}

test('the example runs as it is: three processes, each request at the next one', {
  timeout: 120_000,
}, async () => {
  const tasks = `${await temporaryFolder()}/tasks.db`;
  const ports = [await startExample(tasks), await startExample(tasks), await startExample(tasks)];
  let turn = 0;
  const transport = new StreamableHTTPClientTransport(new URL('http://127.0.0.1/mcp'), {
    fetch: (url, init) => {
      const next = new URL(url);
      next.port = ports[turn++ % ports.length] as string;
      return fetch(next, init);
    },
  });
  const client = new Client({ name: 'c', version: '1' }, { capabilities: { elicitation: { form: {} } } });
  const asked: string[] = [];
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return { action: 'accept', content: {} };
  });
  await client.connect(transport as Parameters<Client['connect']>[0]);
  onTestFinished(() => client.close());
  const stream = client.experimental.tasks.callToolStream(
    { name: 'tidy', arguments: { folder: '~/Downloads' } },
    CallToolResultSchema,
    { task: { ttl: 60_000 } },
  );
  const messages = [];
  for await (const message of stream) messages.push(message);
  expect(messages.at(-1)).toMatchObject({
    type: 'result',
    result: { content: [{ text: 'Deleted 3 files.' }] },
  });
  expect(asked).toEqual(['Delete 3 old files in ~/Downloads?']);
  expect(turn).toBeGreaterThan(4);
});
