import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { progressBody } from '../messages.js';
import { runProgram } from '../peers/programs.js';
import { duration } from '../report.js';

const COUNT = 50_000;
const FEW = 200;

/** Whole processes, from start to end. @param {import('../bench.js').Bench} bench */
export function commandLine(bench) {
  return [...startUp(bench), peek(bench), enqueueFile(bench), dequeueToFile(bench)];
}

function startUp({ taskq }) {
  const nothing = { name: 'node -e 0', run: () => runProgram(process.execPath, ['-e', '0']), goal: 1.3 };
  return ['--version', '--help'].map((option) => ({
    work: `mcp-taskq ${option}`,
    rounds: 41,
    format: duration,
    contestants: [{ name: 'mcp-taskq', run: () => taskq([option]) }, nothing],
  }));
}

function peek({ taskq, bareScript, url, queueName, fill, program, rabbitmqadmin }) {
  const queue = queueName('command-peek');
  const prepare = () => fill(queue, 1);
  return {
    work: 'mcp-taskq peek, one message',
    rounds: 21,
    format: duration,
    contestants: [
      { name: 'mcp-taskq', prepare, run: () => taskq(['peek', 'command-peek']) },
      {
        name: 'bare six-line script, get and give back',
        prepare,
        run: () => bareScript('bare-peek.js', [url, queue]),
        goal: 1.15,
      },
      {
        ...rabbitmqadmin(['get', `queue=${queue}`, 'ackmode=ack_requeue_true'], 'rabbitmqadmin get'),
        prepare,
        goal: 1,
      },
      { ...program('amqp-get', [`--url=${url}`, `--queue=${queue}`], 'removes it'), prepare },
    ],
  };
}

function enqueueFile({ taskq, bareScript, url, bare, queueName, folder, program }) {
  const queue = queueName('command-enqueue');
  const file = join(folder, 'messages.jsonl');
  const prepare = async () => {
    await bare.declare(queue);
    await bare.channel.purgeQueue(queue);
    const lines = Array.from({ length: COUNT }, (_, number) => `${progressBody(number)}\n`);
    await writeFile(file, lines.join(''));
  };
  return {
    work: `mcp-taskq enqueue --from, ${COUNT} lines, for each`,
    rounds: 7,
    operations: COUNT,
    format: duration,
    contestants: [
      { name: 'mcp-taskq', prepare, run: () => taskq(['enqueue', 'command-enqueue', '--from', file]) },
      {
        name: 'bare script, confirmed',
        prepare,
        run: () => bareScript('bare-enqueue.js', [url, queue, file]),
        goal: 1.25,
      },
      {
        ...program(
          'amqp-publish',
          [`--url=${url}`, `--routing-key=${queue}`, '--persistent', '-l'],
          '-l, unconfirmed',
          file,
        ),
        prepare,
      },
    ],
  };
}

function dequeueToFile({ taskq, bareScript, url, queueName, folder, fill, program }) {
  const queue = queueName('command-dequeue');
  const file = join(folder, 'drained.jsonl');
  const prepare = async () => {
    await rm(file, { force: true });
    await fill(queue, COUNT);
  };
  const consume = [`--url=${url}`, `--queue=${queue}`, '--prefetch-count=100', `--count=${FEW}`, 'cat'];
  return {
    work: `mcp-taskq dequeue --all --out, ${COUNT} messages, for each`,
    rounds: 7,
    operations: COUNT,
    format: duration,
    contestants: [
      {
        name: 'mcp-taskq',
        prepare,
        run: () => taskq(['dequeue', 'command-dequeue', '--all', '--out', file]),
      },
      {
        name: 'bare script, written and on disk before it acknowledges',
        prepare,
        run: () => bareScript('bare-dequeue.js', [url, queue, file]),
        goal: 1.25,
      },
      {
        ...program('amqp-consume', consume, `${FEW} messages, a process for each`),
        prepare: () => fill(queue, FEW),
        operations: FEW,
      },
    ],
  };
}
