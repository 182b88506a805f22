import { progressMessage } from '../messages.js';
import { duration } from '../report.js';

const WORKERS = 32;
const EACH = 100;
const PYTHON_COUNT = 500;

/** Many enqueues of one process under way at once. @param {import('../bench.js').Bench} bench */
export function inFlight({ ours, bare, python, queueName }) {
  const task = 'in-flight';
  const queue = queueName(task);
  const empty = async () => {
    await bare.declare(queue);
    await bare.channel.purgeQueue(queue);
  };
  const work = async (enqueue) => {
    for (let number = 0; number < EACH; number++) await enqueue(progressMessage(number));
  };
  const inParallel = (enqueue) => () => Promise.all(Array.from({ length: WORKERS }, () => work(enqueue)));
  const viaPython = { prepare: empty, run: (peer) => peer.run('enqueue', queue, PYTHON_COUNT) };
  return [
    {
      work: `enqueue, confirmed, ${WORKERS} in flight`,
      rounds: 81,
      operations: WORKERS * EACH,
      format: duration,
      contestants: [
        { name: 'mcp-taskq', prepare: empty, run: inParallel((message) => ours.enqueue(task, message)) },
        {
          name: 'bare amqplib, the same guarantees',
          prepare: empty,
          run: inParallel((message) => bare.enqueue(queue, message)),
          goal: 1.15,
        },
        { ...python(viaPython, 'unconfirmed'), operations: PYTHON_COUNT, goal: 1 / 3 },
      ],
    },
  ];
}
