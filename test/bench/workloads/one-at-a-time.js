import { progressMessage } from '../messages.js';
import { duration } from '../report.js';

/**
 * Short rounds and many of them: the machine and the broker are faster or slower for a tenth of a second at a time, which
 * is to meet all alike.
 */
const COUNT = 200;
const ROUNDS = 91;
/** Until then all of it is compiled, as it is in a server that runs for longer than a minute. */
const WARM_UP = 10;

/** Each operation waits for the one before. @param {import('../bench.js').Bench} bench */
export function oneAtATime({ ours, bare, python, queueName }) {
  const task = 'one-at-a-time';
  const queue = queueName(task);
  const common = { rounds: ROUNDS, warmUp: WARM_UP, operations: COUNT, format: duration };
  const repeat = async (operation) => {
    for (let number = 0; number < COUNT; number++) await operation(number);
  };
  const empty = async () => {
    await bare.declare(queue);
    await bare.channel.purgeQueue(queue);
  };
  const filled = async () => {
    await empty();
    await Promise.all(
      Array.from({ length: COUNT }, (_, number) => bare.enqueue(queue, progressMessage(number))),
    );
  };
  const peek = (run) => ({ prepare: filled, run: () => repeat(run) });
  return [
    {
      ...common,
      work: 'enqueue, confirmed',
      contestants: [
        {
          name: 'mcp-taskq',
          prepare: empty,
          run: () => repeat((n) => ours.enqueue(task, progressMessage(n))),
        },
        {
          name: 'bare amqplib, the same guarantees',
          prepare: empty,
          run: () => repeat((n) => bare.enqueue(queue, progressMessage(n))),
          goal: 1.1,
        },
        python({ prepare: empty, run: (peer) => peer.run('enqueue', queue, COUNT) }, 'unconfirmed'),
      ],
    },
    {
      ...common,
      work: 'dequeue, acknowledged',
      contestants: [
        { name: 'mcp-taskq', prepare: filled, run: () => repeat(() => ours.dequeue(task)) },
        {
          name: 'bare amqplib, the same guarantees',
          prepare: filled,
          run: () => repeat(() => bare.dequeue(queue)),
          goal: 1.15,
        },
        {
          ...python(
            { prepare: filled, run: (peer) => peer.run('dequeue', queue, COUNT) },
            'acknowledged at once',
          ),
          goal: 1 / 1.3,
        },
      ],
    },
    {
      ...common,
      work: 'peek',
      contestants: [
        { name: 'mcp-taskq', ...peek(() => ours.peek(task)) },
        { name: 'bare amqplib, the same guarantees', ...peek(() => bare.peek(queue)), goal: 1.15 },
        { name: 'bare amqplib, get and give back', ...peek(() => bare.peekWithGet(queue)) },
      ],
    },
  ];
}
