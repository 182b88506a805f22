import { duration } from '../report.js';

const COUNT = 50_000;
const PYTHON_COUNT = 5_000;

/** All messages of a long queue. @param {import('../bench.js').Bench} bench */
export function bulk({ ours, client, bare, python, queueName, fill }) {
  const task = 'bulk';
  const queue = queueName(task);
  const prepare = () => fill(queue, COUNT);
  const expectAll = (count) => {
    if (count !== COUNT) throw new Error(`${count} messages came, not ${COUNT}`);
  };
  const viaPython = {
    prepare: () => fill(queue, PYTHON_COUNT),
    run: (peer) => peer.run('clear', queue, PYTHON_COUNT),
  };
  return [
    {
      work: `dequeueAll of ${COUNT} messages, for each`,
      rounds: 17,
      operations: COUNT,
      format: duration,
      contestants: [
        { name: 'mcp-taskq', prepare, run: async () => expectAll((await ours.dequeueAll(task)).length) },
        {
          name: 'bare amqplib, consume with prefetch',
          prepare,
          run: async () => expectAll((await bare.clear(queue)).length),
          goal: 1.2,
        },
        {
          name: 'bare amqplib, all or none as well',
          prepare,
          run: async () => expectAll((await bare.clear(queue, 0)).length),
        },
        {
          ...python(viaPython, `clear of ${PYTHON_COUNT}`),
          operations: PYTHON_COUNT,
          goal: 1 / 10,
        },
      ],
    },
    {
      work: `drain of ${COUNT} messages in batches, for each`,
      rounds: 9,
      operations: COUNT,
      format: duration,
      contestants: [
        { name: 'mcp-taskq', prepare, run: async () => expectAll(await client.drain(task, () => {})) },
        {
          name: 'bare amqplib, consume with prefetch',
          prepare,
          run: async () => expectAll(await bare.drain(queue, 500, () => {})),
          goal: 1.2,
        },
      ],
    },
  ];
}
