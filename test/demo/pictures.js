// Draws the pictures of the README from what the commands print, and fails if something is cut: `npm run pictures`.
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { RabbitMQTaskMessageQueue } from 'mcp-taskq';
import { terminalSvg } from './terminal-svg.js';

const COLUMNS = 120;
const BIN = fileURLToPath(new URL('../../bin/mcp-taskq.js', import.meta.url));
const [IMPORT, REPORT, CLEANUP] = ['import-4f2a', 'report-91c7', 'tidy-7865'];

const queue = new RabbitMQTaskMessageQueue(process.env.MCP_TASKQ_URL);
await fill();
// The broker gathers its statistics every 5 seconds.
await sleep(11_000);
await draw('ls', await print(['ls']));
await draw('watch', await print(['watch', REPORT, CLEANUP, '--events', '--tail', '2', '--for', '4s'], live));
await queue.close();

async function fill() {
  for (let step = 1; step <= 8; step++) await progress(IMPORT, step, 8);
  await tell(REPORT, 'info', 'Reading 12 tables');
  await progress(CLEANUP, 1, 3);
  await ask(CLEANUP, 0, 'Delete 3 old installers?');
}

/** What happens while somebody watches. */
async function live() {
  await progress(CLEANUP, 2, 3);
  await sleep(350);
  await tell(REPORT, 'warning', '41 orders without a customer');
  await sleep(250);
  await queue.dequeue(CLEANUP);
  await sleep(400);
  await ask(REPORT, 0, 'Leave them out?');
  await sleep(300);
  await progress(CLEANUP, 3, 3);
  await sleep(250);
  await queue.dequeueAll(CLEANUP);
}

function progress(task, step, total) {
  return notify(task, 'notifications/progress', { progressToken: task, progress: step, total });
}

function tell(task, level, data) {
  return notify(task, 'notifications/message', { level, data });
}

function notify(task, method, params) {
  const message = { jsonrpc: '2.0', method, params };
  return queue.enqueue(task, { type: 'notification', timestamp: Date.now(), message });
}

function ask(task, id, message) {
  const params = { mode: 'form', message, requestedSchema: { type: 'object', properties: {} } };
  const request = { jsonrpc: '2.0', id, method: 'elicitation/create', params };
  return queue.enqueue(task, { type: 'request', timestamp: Date.now(), message: request });
}

/** Runs a command on a pseudo-terminal. @returns what it printed, after its command line */
async function print(args, meanwhile) {
  const pty = spawn(process.execPath, [BIN, ...args], { cols: COLUMNS, rows: 40, env: process.env });
  let output = '';
  const ended = new Promise((resolve) => pty.onExit(resolve));
  pty.onData((data) => {
    output += data;
  });
  while (meanwhile && !output.includes('Ctrl-C')) await sleep(50);
  await sleep(meanwhile ? 500 : 0);
  await meanwhile?.();
  await ended;
  return `\u001b[1m$ mcp-taskq ${args.join(' ')}\u001b[0m\n${output}`;
}

async function draw(name, output) {
  const lines = stripVTControlCharacters(output).split(/\r?\n/);
  // A method is shortened to its last part; anything else that ends in dots is cut.
  const cut = lines.filter((line) => /…(?!\/)/.test(line));
  if (cut.length > 0) throw new Error(`The picture of ${name} would be cut:\n${cut.join('\n')}`);
  const columns = Math.max(...lines.map(({ length }) => length));
  await writeFile(
    new URL(`${name}.svg`, import.meta.url),
    terminalSvg(output, columns, `What mcp-taskq ${name} prints`),
  );
}
