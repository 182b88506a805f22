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
import { note, read, say, type } from './terminal.js';

const { MCP_TASKQ_URL } = process.env;
const TIMEOUT_MS = 120_000;
/** What the tool queues for its client, in order. */
const QUEUED = [
  'notifications/message',
  'notifications/progress',
  'notifications/progress',
  'notifications/progress',
  'elicitation/create',
];

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
    task, and then disappears without fetching the result. The task's messages and questions stay in its queue.`);
  const task = await startTask('~/Downloads');
  note(`client: tools/call tidy ~/Downloads -> task ${task}`);
  await depthIs(task, 5);

  say('It is 3 a.m. Which tasks have messages waiting?');
  await run('mcp-taskq ls --exact');
  const listed = (await read('mcp-taskq ls --exact')).find(({ task_id }) => task_id === task);
  assert.equal(listed?.ready, 5, 'ls lists the task with 5 messages');

  say('What are they? Peeking removes nothing.');
  await run(`mcp-taskq peek ${task} -n 5`);
  assert.deepEqual(
    methodsOf(await read(`mcp-taskq peek ${task} -n 5`)),
    QUEUED,
    'peek prints what is queued',
  );

  say('The last one is a question to the user. In full:');
  await run(`mcp-taskq peek ${task} --skip 4`);
  const [question] = await read(`mcp-taskq peek ${task} --skip 4`);
  assert.match(question?.body.message.params.message, /^Delete 3 old installers/, 'peek prints the question');
  await depthIs(task, 5);

  say('A client calls the tool again. This task can be followed live, by any number of watchers:');
  const second = await startTask('~/Desktop');
  note(`client: tools/call tidy ~/Desktop -> task ${second}`);
  await run(`mcp-taskq watch ${second} --tail 5 --limit 5`);
  const watched = await read(`mcp-taskq peek ${second} -n 5`);
  assert.deepEqual(methodsOf(watched), QUEUED, 'watch ends when all messages are there, and takes none');
  await depthIs(second, 5);

  say('Drain the first task to a file. A message is removed only once it is safe on disk.');
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

  say('The client is back, and asks for the result of its task: it gets every replayed message, in order.');
  const result = await client.experimental.tasks.getTaskResult(task, CallToolResultSchema);
  note(`client: the result is "${result.content[0].text}"`);
  assert.equal(result.content[0].text, 'Deleted 3 files in ~/Downloads.');
  assert.deepEqual(client.received, ['log', 'progress 1', 'progress 2', 'progress 3', 'question']);

  say('The second task is no longer needed. Remove its messages, and its queue with them:');
  await depthIs(second, 5);
  await run(`mcp-taskq clear ${second} --yes`);

  say('Nothing is left.');
  await run('mcp-taskq ls');
  const left = (await read('mcp-taskq ls')).filter(({ task_id }) => [task, second].includes(task_id));
  assert.deepEqual(left, [], 'ls lists neither task');
  assert.equal(await queues.depth(task), undefined, 'the first queue is gone');
  assert.equal(await queues.depth(second), undefined, 'the second queue is gone');
}

/** Types a command and waits for its end. What it shows is for people: no check depends on it. */
function run(line) {
  return type(line, { cwd: folder });
}

function methodsOf(records) {
  return records.map(({ body }) => body.message.method);
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
  const giveUpAt = Date.now() + 60_000;
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
