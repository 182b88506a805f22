import { makeQueues, QUEUES } from '../many-queues.js';
import { duration } from '../report.js';

/** Many queues. They stay, so this comes last. @param {import('../bench.js').Bench} bench */
export function listing({ taskq, bare, apiUrl, queueName, program, rabbitmqadmin }) {
  let turn = 0;
  // RabbitMQ keeps the statistics that it gathers for a list of queues, for five times as long as that took, and whoever
  // asks next would be served in half the time. With another queue among them it gathers them anew.
  const prepare = async () => {
    await makeQueues(bare, queueName);
    await bare.channel.deleteQueue(queueName(`listed-${turn++}`));
    await bare.declare(queueName(`listed-${turn}`));
  };
  const names = { disable_stats: 'true', columns: 'name,vhost,type,state' };
  const statistics = {
    columns:
      'name,vhost,messages_ready,messages_unacknowledged,type,state,consumers,idle_since,head_message_timestamp',
  };
  const listed = rabbitmqadmin(['list', 'queues', 'name', 'messages'], 'rabbitmqadmin list queues');
  return [
    {
      work: `mcp-taskq ls --names, ${QUEUES} queues`,
      rounds: 9,
      format: duration,
      contestants: [
        { name: 'mcp-taskq', prepare, run: () => taskq(['ls', '--names']) },
        { ...program('curl', curlArguments(apiUrl, names), 'the same request'), prepare },
        { ...listed, prepare, goal: 1 },
      ],
    },
    {
      work: `mcp-taskq ls, ${QUEUES} queues`,
      rounds: 21,
      warmUp: 3,
      format: duration,
      contestants: [
        { name: 'mcp-taskq', prepare, run: () => taskq(['ls', '-o', 'jsonl']) },
        { ...program('curl', curlArguments(apiUrl, statistics), 'the same request'), prepare, goal: 1.3 },
        { ...listed, prepare, goal: 1 },
      ],
    },
  ];
}

function curlArguments(apiUrl, query) {
  const { username, password, host } = new URL(apiUrl);
  return [
    ...['--silent', '--fail'],
    ...['--user', `${username || 'guest'}:${password || 'guest'}`],
    `http://${host}/api/queues/%2F?${new URLSearchParams(query)}`,
  ];
}
