// Shows what mcp-taskq is for, on real messages: `npm run demo`. Every step is checked; the demo ends with
// status 1 when one of them does not show what it should.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  CallToolResultSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { TaskQueueClient } from 'mcp-taskq';
import { note, say, type } from './terminal.js';

const { MCP_TASKQ_URL } = process.env;
const TIMEOUT_MS = 120_000;

const queues = new TaskQueueClient(MCP_TASKQ_URL);
const folder = await mkdtemp(join(tmpdir(), 'mcp-taskq-demo-'));
const client = await startServer();
try {
  await Promise.race([present(), timeout()]);
} catch (error) {
  process.stderr.write(`\nThe demo failed: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await client.close();
  await queues.close();
  await rm(folder, { recursive: true });
}

async function present() {
  say(`An MCP server is running, with the messages of its tasks in RabbitMQ. A client calls its tool "tidy" as a
    task, and then is not heard of again: nobody asks for the result. What the task has to tell and to ask stays in
    the task's queue.`);
  const task = await startTask('~/Downloads');
  note(`client: tools/call tidy ~/Downloads -> task ${task}`);
  await depthIs(task, 5);

  say('It is 3 a.m. Which tasks have messages waiting?');
  const list = await run('mcp-taskq ls');
  assert.match(list, new RegExp(`^ *5 .* ${task}`, 'm'), 'ls shows the task with 5 messages');

  say('What are they? Looking takes nothing.');
  const messages = await run(`mcp-taskq peek ${task} -n 5`);
  assert.equal(messages.match(/notifications\/progress/g)?.length, 3, 'peek shows 3 progress notifications');

  say('The last one is a question to the user. In full:');
  const question = await run(`mcp-taskq peek ${task} --skip 4`);
  assert.match(question, /elicitation\/create.*Delete 3 old installers/s, 'peek shows the question');
  await depthIs(task, 5);

  say('Somebody calls the tool again. This task can be followed live, by any number of watchers:');
  const second = await startTask('~/Desktop');
  note(`client: tools/call tidy ~/Desktop -> task ${second}`);
  const live = await run(`mcp-taskq watch ${second} --limit 5`);
  assert.match(live, /Looking through ~\/Desktop.*3\/3.*Delete 3 old/s, 'watch shows all messages in order');
  await depthIs(second, 5);

  say('Drain the first task to a file. A message is removed once it is safe on disk.');
  await run(`mcp-taskq dequeue ${task} --all --out drained.jsonl`);
  const drained = (await readFile(join(folder, 'drained.jsonl'), 'utf8')).trimEnd().split('\n');
  assert.equal(drained.length, 5, 'the file has 5 lines');
  assert.equal(JSON.parse(drained[4]).body.message.method, 'elicitation/create');
  await depthIs(task, 0);

  say('And replay it: the same bytes and properties, in the same order.');
  await run(`mcp-taskq enqueue ${task} --from drained.jsonl`);
  await depthIs(task, 5);
  const replayed = await queues.peek(task, { limit: 5 });
  assert.deepEqual(
    replayed.map(({ body }) => body.toString()),
    drained.map((line) => JSON.stringify(JSON.parse(line).body)),
    'the replayed messages are those that were drained',
  );

  say('The client is back, and asks for the result of its task: it gets all that was replayed, in order.');
  const result = await client.experimental.tasks.getTaskResult(task, CallToolResultSchema);
  note(`client: the result is "${result.content[0].text}"`);
  assert.equal(result.content[0].text, 'Deleted 3 files in ~/Downloads.');
  assert.deepEqual(client.received, ['log', 'progress 1', 'progress 2', 'progress 3', 'question']);

  say('The second task is of no use to anybody. Remove its messages, and its queue with them:');
  const cleared = await run(`mcp-taskq clear ${second} --yes`);
  assert.match(cleared, /\b5 messages\b/, 'clear says how many went');

  say('And nothing is left.');
  const rest = await run('mcp-taskq ls');
  assert.ok(!rest.includes(task) && !rest.includes(second), 'ls shows neither task');
  assert.equal(await queues.depth(task), undefined, 'the first queue is gone');
  assert.equal(await queues.depth(second), undefined, 'the second queue is gone');
}

/** Types a command and waits for its end. */
function run(line) {
  return type(line, { cwd: folder });
}

/** The MCP server, as a child process, and a client that answers yes to every question. */
async function startServer() {
  const server = fileURLToPath(new URL('./mcp-server.js', import.meta.url));
  const mcp = new Client(
    { name: 'demo-client', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } } },
  );
  mcp.received = [];
  mcp.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    mcp.received.push('log');
    note(`client: the server says "${params.data}"`);
  });
  mcp.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    mcp.received.push('question');
    note(`client: the server asks "${params.message}", and the user says yes`);
    return { action: 'accept', content: { delete: true } };
  });
  await mcp.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [server],
      env: { PATH: process.env.PATH, MCP_TASKQ_URL },
    }),
  );
  return mcp;
}

async function startTask(place) {
  const { task } = await client.request(
    { method: 'tools/call', params: { name: 'tidy', arguments: { folder: place } } },
    CreateTaskResultSchema,
    {
      task: { ttl: 300_000 },
      onprogress: ({ progress, total }) => {
        client.received.push(`progress ${progress}`);
        note(`client: progress ${progress} of ${total}`);
      },
    },
  );
  return task.taskId;
}

/** Waits for the queue to have this many messages, as the broker counts them. */
async function depthIs(task, wanted) {
  const giveUpAt = Date.now() + 10_000;
  for (;;) {
    const depth = await queues.depth(task);
    if (depth?.messages === wanted) return;
    if (Date.now() > giveUpAt) throw new Error(`Task ${task} has ${depth?.messages} messages, not ${wanted}`);
    await sleep(50);
  }
}

async function timeout() {
  await sleep(TIMEOUT_MS, undefined, { ref: false });
  throw new Error(`it took longer than ${TIMEOUT_MS / 1000} s`);
}
