import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CallToolResultSchema,
  ElicitRequestSchema,
  type ElicitResult,
} from '@modelcontextprotocol/sdk/types.js';
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

/** A process of the example fleet, and its port. */
async function startExample(tasks: string) {
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
  const ended = once(child, 'exit');
  const terminate = async () => {
    child.kill();
    expect(await ended).toEqual([0, null]);
  };
  onTestFinished(() => void child.kill('SIGKILL'));
  onTestFinished(terminate);
  const [line] = await once(child.stdout, 'data');
  return { port: /port (\d+)/.exec(String(line))?.[1] as string, terminate };
}

/** A client whose requests each go to the process that `nextPort` names. */
async function connect(nextPort: () => string, answer: (question: string) => ElicitResult) {
  const transport = new StreamableHTTPClientTransport(new URL('http://127.0.0.1/mcp'), {
    fetch: (url, init) => {
      const next = new URL(url);
      next.port = nextPort();
      return fetch(next, init);
    },
  });
  const client = new Client({ name: 'c', version: '1' }, { capabilities: { elicitation: { form: {} } } });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer(params.message));
  await client.connect(transport as Parameters<Client['connect']>[0]);
  onTestFinished(() => client.close());
  return client;
}

function tidy(client: Client) {
  return client.experimental.tasks.callToolStream(
    { name: 'tidy', arguments: { folder: '~/Downloads' } },
    CallToolResultSchema,
    { task: { ttl: 60_000 } },
  );
}

test('the example runs as it is: three processes, each request at the next one', {
  timeout: 120_000,
}, async () => {
  const tasks = `${await temporaryFolder()}/tasks.db`;
  const fleet = [await startExample(tasks), await startExample(tasks), await startExample(tasks)];
  let turn = 0;
  const asked: string[] = [];
  const client = await connect(
    () => fleet[turn++ % fleet.length]?.port as string,
    (question) => {
      asked.push(question);
      return { action: 'accept', content: {} };
    },
  );
  const messages = [];
  for await (const message of tidy(client)) messages.push(message);
  expect(messages.at(-1)).toMatchObject({
    type: 'result',
    result: { content: [{ text: 'Deleted 3 files.' }] },
  });
  expect(asked).toEqual(['Delete 3 old files in ~/Downloads?']);
  expect(turn).toBeGreaterThan(4);
});

test('a process that is terminated while it waits for an answer ends at once, and the client learns it from another one', {
  timeout: 120_000,
}, async () => {
  const tasks = `${await temporaryFolder()}/tasks.db`;
  const [first, second] = [await startExample(tasks), await startExample(tasks)];
  let { port } = first;
  let terminated: Promise<void> | undefined;
  const client = await connect(
    () => port,
    () => {
      terminated = first.terminate();
      return { action: 'accept', content: {} };
    },
  );
  const messages = [];
  for await (const message of tidy(client)) {
    messages.push(message);
    // The first process asks; the second one delivers the question.
    if (message.type === 'taskCreated') port = second.port;
  }
  await terminated;
  expect(messages.at(-1)).toMatchObject({
    type: 'result',
    result: { isError: true, content: [{ text: expect.stringContaining('Connection closed') }] },
  });
});
