// Measures mcp-taskq beside its peers: `npm run bench`, or `npm run bench -- peek` for the workloads that have
// the word in their name. Prints a Markdown table. MCP_TASKQ_URL and MCP_TASKQ_API_URL say where the broker is;
// it is filled with queues and messages, so it should be one for this purpose.
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RabbitMQTaskMessageQueue, TaskQueueClient } from 'mcp-taskq';
import { hold } from './contest.js';
import { fillQueue } from './fill-queue.js';
import { BareQueue } from './peers/bare-queue.js';
import {
  fetchRabbitmqadmin,
  findPika,
  isInstalled,
  rabbitmqadminArguments,
  runProgram,
} from './peers/programs.js';
import { PythonPackage } from './peers/python-package.js';
import { machine, TABLE_HEAD, tableRows } from './report.js';
import { bulk } from './workloads/bulk.js';
import { commandLine } from './workloads/command-line.js';
import { inFlight } from './workloads/in-flight.js';
import { listing } from './workloads/listing.js';
import { oneAtATime } from './workloads/one-at-a-time.js';
import { scale } from './workloads/scale.js';
import { shortTasks } from './workloads/short-tasks.js';

/** @typedef {Awaited<ReturnType<typeof setUp>>} Bench */

const WORKLOADS = [oneAtATime, inFlight, shortTasks, bulk, commandLine, listing, scale];

const { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: apiUrl } = process.env;
if (!url || !apiUrl) throw new Error('No broker: MCP_TASKQ_URL and MCP_TASKQ_API_URL are not set');

const words = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'mcp-taskq-bench-'));
const bench = await setUp();
try {
  const workloads = WORKLOADS.flatMap((make) => make(bench)).filter(
    ({ work }) => words.length === 0 || words.some((word) => work.includes(word)),
  );
  const rows = [];
  for (const workload of workloads) {
    process.stderr.write(`${workload.work} `);
    rows.push(...tableRows(await hold(workload)));
    process.stderr.write('\n');
  }
  const { serverProperties } = bench.bare.connection.connection;
  process.stdout.write(`${machine(serverProperties.version)}\n\n${[...TABLE_HEAD, ...rows].join('\n')}\n`);
} finally {
  await bench.close();
  await rm(folder, { recursive: true });
}

/** What the workloads work with. */
async function setUp() {
  const ours = new RabbitMQTaskMessageQueue(url);
  const client = new TaskQueueClient(url);
  const bare = await BareQueue.open(url);
  const pika = findPika();
  const pythonPackage = pika && new PythonPackage(pika, url);
  const admin = await fetchRabbitmqadmin(apiUrl, folder);
  const bin = pathOf('../../bin/mcp-taskq.js');
  return {
    ours,
    client,
    bare,
    url,
    apiUrl,
    folder,
    queueName: (task) => `mcp:queue:${task}`,
    fill: (queue, count) => fillQueue(bare, queue, count),
    /** Runs the command line tool. */
    taskq: (args, options) => runNode(bin, args, options),
    /** Runs one of the bare driver's scripts. */
    bareScript: (name, args, options) => runNode(pathOf(`./peers/${name}`), args, options),
    /** The Python package's pattern as a contestant. */
    python({ prepare, run }, how) {
      const name = `Python package’s pattern, ${how}`;
      return pythonPackage ? { name, prepare, run: () => run(pythonPackage) } : { name, missing: 'pika' };
    },
    /** An installed program as a contestant. */
    program(file, args, how, input) {
      const name = `${file}, ${how}`;
      if (!isInstalled(file)) return { name, missing: 'not installed' };
      const run = async () => {
        const stdin = input === undefined ? 'ignore' : openSync(input, 'r');
        await runProgram(file, args, { stdin });
        if (stdin !== 'ignore') closeSync(stdin);
      };
      return { name, run };
    },
    rabbitmqadmin(args, name) {
      if ('missing' in admin) return { name, missing: admin.missing };
      const all = [admin.file, ...rabbitmqadminArguments(apiUrl), ...args];
      return { name, run: () => runProgram('python3', all) };
    },
    async close() {
      await Promise.all([ours.close(), client.close(), bare.close(), pythonPackage?.close()]);
    },
  };
}

function runNode(file, args, { reportMemory = false } = {}) {
  const memoryReport = new URL('./report-memory.js', import.meta.url).href;
  return runProgram(process.execPath, [...(reportMemory ? ['--import', memoryReport] : []), file, ...args]);
}

function pathOf(file) {
  return fileURLToPath(new URL(file, import.meta.url));
}
