import { makeQueues, QUEUES } from '../many-queues.js';
import { duration } from '../report.js';

const PAGE_SIZE = 500;

/** Many queues. They stay, so this comes last. @param {import('../bench.js').Bench} bench */
export function listing({ taskq, bare, apiUrl, queueName, program, rabbitmqadmin }) {
  const prepare = () => makeQueues(bare, queueName);
  return [
    {
      work: `mcp-taskq ls, ${QUEUES} queues`,
      rounds: 5,
      format: duration,
      contestants: [
        { name: 'mcp-taskq', prepare, run: () => taskq(['ls', '-o', 'jsonl']) },
        { ...program('curl', curlArguments(apiUrl), 'the same pages'), prepare, goal: 1.3 },
        {
          ...rabbitmqadmin(['list', 'queues', 'name', 'messages'], 'rabbitmqadmin list queues'),
          prepare,
          goal: 1,
        },
      ],
    },
  ];
}

/** One connection for all of them. */
function curlArguments(apiUrl) {
  const { username, password, host } = new URL(apiUrl);
  const query = new URLSearchParams({
    name: '^mcp:queue:.*$',
    use_regex: 'true',
    page_size: String(PAGE_SIZE),
    disable_stats: 'true',
    enable_queue_totals: 'true',
    columns: 'name,messages_ready,messages_unacknowledged,type,state',
  });
  const pages = Array.from(
    { length: QUEUES / PAGE_SIZE },
    (_, index) => `http://${host}/api/queues/%2F?${query}&page=${index + 1}`,
  );
  return ['--silent', '--fail', '--user', `${username || 'guest'}:${password || 'guest'}`, ...pages];
}
