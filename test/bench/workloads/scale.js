import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeQueues, QUEUES } from '../many-queues.js';
import { progressMessage } from '../messages.js';
import { duration, megabytes } from '../report.js';

const DEEP = 1_000_000;
const SHORT = 10_000;
const COUNT = 200;

const BARE = 'bare amqplib';

/** Neither the cost of an operation nor memory may grow: compared with itself, or with how the bare driver's grows. */
const FLAT = 1.1;

/** Whatever RabbitMQ itself needs more for it, it needs for the bare driver as well. */
const GROWTH = { name: `the growth of ${BARE}`, goal: FLAT };

/** @param {import('../bench.js').Bench} bench */
export function scale(bench) {
  return [depth(bench), queues(bench), memory(bench)];
}

function depth({ ours, bare, queueName, fill }) {
  const operate = (queue, name) => async () => {
    for (let number = 0; number < COUNT; number++) {
      await queue.enqueue(name, progressMessage(number));
      await queue.peek(name);
      await queue.dequeue(name);
    }
  };
  const deep = () => fill(queueName('deep'), DEEP);
  const shallow = () => fill(queueName('shallow'), 1);
  return {
    work: `enqueue, peek and dequeue at a depth of ${DEEP}`,
    rounds: 91,
    operations: COUNT,
    format: duration,
    contestants: [
      { name: 'mcp-taskq', prepare: deep, run: operate(ours, 'deep') },
      { name: 'at a depth of 1', prepare: shallow, run: operate(ours, 'shallow'), goal: FLAT },
      { name: BARE, prepare: deep, run: operate(bare, queueName('deep')) },
      { name: `${BARE}, at a depth of 1`, prepare: shallow, run: operate(bare, queueName('shallow')) },
    ],
    growth: GROWTH,
  };
}

function queues({ ours, bare, queueName }) {
  const known = COUNT * 9;
  const operate = (queue, nameOf, next) => async () => {
    for (let number = 0; number < COUNT; number++) {
      const name = nameOf(next());
      await queue.enqueue(name, progressMessage(number));
      await queue.dequeue(name);
    }
  };
  const taskOf = (index) => `many-${index}`;
  const queueOf = (index) => queueName(taskOf(index));
  const same = () => 0;
  // Far from each other, so that neither uses what the other one has just used.
  const [ourTurn, bareTurn] = [0, known / 2].map((turn) => () => turn++ % known);
  // An enqueue to each, once: what is compared is the cost of a queue that is known.
  let isKnown = false;
  const prepare = async () => {
    await makeQueues(bare, queueName);
    if (isKnown) return;
    isKnown = true;
    for (let index = 0; index < known; index++) {
      await ours.enqueue(taskOf(index), progressMessage(0));
      await ours.dequeue(taskOf(index));
    }
  };
  return {
    work: `enqueue and dequeue with ${QUEUES} queues, another one each time`,
    rounds: 151,
    operations: COUNT,
    format: duration,
    contestants: [
      { name: 'mcp-taskq', prepare, run: operate(ours, taskOf, ourTurn) },
      { name: 'always the same one', prepare, run: operate(ours, taskOf, same), goal: FLAT },
      { name: BARE, prepare, run: operate(bare, queueOf, bareTurn) },
      { name: `${BARE}, always the same one`, prepare, run: operate(bare, queueOf, same) },
    ],
    growth: GROWTH,
  };
}

function memory({ taskq, bareScript, url, queueName, fill, folder }) {
  const file = join(folder, 'drained.jsonl');
  const drain = (run) => (task, count) => ({
    prepare: async () => {
      await rm(file, { force: true });
      await fill(queueName(task), count);
    },
    measure: async () => {
      const said = await run(task);
      if ((await stat(file)).size < count * 100) throw new Error('Not all was drained');
      return Number(/peak memory (\d+)/.exec(said)?.[1]) * 1024;
    },
  });
  const reportMemory = true;
  const ours = drain((task) => taskq(['dequeue', task, '--all', '--out', file], { reportMemory }));
  const bare = drain((task) => bareScript('bare-dequeue.js', [url, queueName(task), file], { reportMemory }));
  return {
    work: `peak memory of dequeue --all --out, ${DEEP} messages`,
    rounds: 1,
    warmUp: 0,
    format: megabytes,
    contestants: [
      { name: 'mcp-taskq', ...ours('deep', DEEP) },
      { name: `${SHORT} messages`, ...ours('short', SHORT), goal: FLAT },
      { name: 'bare script', ...bare('deep', DEEP) },
      { name: `bare script, ${SHORT} messages`, ...bare('short', SHORT) },
    ],
    growth: { name: 'the growth of the bare script' },
  };
}
