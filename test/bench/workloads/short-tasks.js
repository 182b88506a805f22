import { progressMessage } from '../messages.js';
import { duration } from '../report.js';

const COUNT = 50;

/** The first message of a task, and its end. @param {import('../bench.js').Bench} bench */
export function shortTasks({ ours, bare, queueName }) {
  let task = 0;
  const repeat = async (operation) => {
    for (let number = 0; number < COUNT; number++) await operation(`short-task-${task++}`);
  };
  const bareTask = (clear) => (id) =>
    bare
      .declare(queueName(id))
      .then(() => bare.enqueue(queueName(id), progressMessage(0)))
      .then(() => clear(queueName(id)));
  const oursTask = async (id) => {
    await ours.enqueue(id, progressMessage(0));
    await ours.dequeueAll(id);
  };
  return [
    {
      work: 'first message of a new task, and clear',
      rounds: 61,
      warmUp: 10,
      operations: COUNT,
      format: duration,
      contestants: [
        { name: 'mcp-taskq', run: () => repeat(oursTask) },
        {
          name: 'bare amqplib, the same guarantees',
          run: () => repeat(bareTask((queue) => bare.clear(queue))),
          goal: 1.15,
        },
        {
          name: 'bare amqplib, clear by get',
          run: () => repeat(bareTask((queue) => bare.clearWithGet(queue))),
        },
      ],
    },
  ];
}
