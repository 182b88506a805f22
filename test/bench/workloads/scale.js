import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeQueues, QUEUES } from '../many-queues.js';
import { progressMessage } from '../messages.js';
import { duration, megabytes } from '../report.js';

const DEEP = 1_000_000;
const SHORT = 10_000;
const COUNT = 200;

/** What is compared with itself: the cost of an operation, and memory, must not grow. */
const FLAT = 1.2;

/** @param {import('../bench.js').Bench} bench */
export function scale(bench) {
  return [depth(bench), queues(bench), memory(bench)];
}

function depth({ ours, bare, queueName, fill }) {
  const filled = (task, wanted) => async () => {
    const { messageCount } = await bare.declare(queueName(task));
    if (messageCount !== wanted) await fill(queueName(task), wanted);
  };
  const operate = (task) => async () => {
    for (let number = 0; number < COUNT; number++) {
      await ours.enqueue(task, progressMessage(number));
      await ours.peek(task);
      await ours.dequeue(task);
    }
  };
  return {
    work: `enqueue, peek and dequeue at a depth of ${DEEP}`,
    rounds: 15,
    operations: COUNT,
    format: duration,
    contestants: [
      { name: 'mcp-taskq', prepare: filled('deep', DEEP), run: operate('deep') },
      { name: 'at a depth of 1', prepare: filled('shallow', 1), run: operate('shallow'), goal: FLAT },
    ],
  };
}

function queues({ ours, bare, queueName }) {
  let turn = 0;
  const operate = (next) => async () => {
    for (let number = 0; number < COUNT; number++) {
      const task = next();
      await ours.enqueue(task, progressMessage(number));
      await ours.dequeue(task);
    }
  };
  // An enqueue to each, once: what is compared is the cost of a queue that is known.
  let isKnown = false;
  const prepare = async () => {
    await makeQueues(bare, queueName);
    if (isKnown) return;
    isKnown = true;
    for (let index = 0; index < COUNT * 9; index++) {
      await ours.enqueue(`many-${index}`, progressMessage(0));
      await ours.dequeue(`many-${index}`);
    }
  };
  return {
    work: `enqueue and dequeue with ${QUEUES} queues, another one each time`,
    rounds: 21,
    operations: COUNT,
    format: duration,
    contestants: [
      { name: 'mcp-taskq', prepare, run: operate(() => `many-${turn++ % (COUNT * 9)}`) },
      { name: 'always the same one', prepare, run: operate(() => 'many-0'), goal: FLAT },
    ],
  };
}

function memory({ taskq, queueName, fill, folder }) {
  const file = join(folder, 'drained.jsonl');
  const drain = (task, count) => ({
    prepare: async () => {
      await rm(file, { force: true });
      await fill(queueName(task), count);
    },
    measure: async () => {
      const said = await taskq(['dequeue', task, '--all', '--out', file], { reportMemory: true });
      if ((await stat(file)).size < count * 100) throw new Error('Not all was drained');
      return Number(/peak memory (\d+)/.exec(said)?.[1]) * 1024;
    },
  });
  return {
    work: `peak memory of dequeue --all --out, ${DEEP} messages`,
    rounds: 1,
    warmUp: 0,
    format: megabytes,
    contestants: [
      { name: 'mcp-taskq', ...drain('deep', DEEP) },
      { name: `${SHORT} messages`, ...drain('short', SHORT), goal: FLAT },
    ],
  };
}
