import { hintFor } from '../hints.ts';
import { shellWords } from '../text/shell-words.ts';
import type { BrokerStatus } from './read-status.ts';

/** A problem that needs an operator's attention. */
export interface Problem {
  problem: string;
  hint: string | undefined;
}

/** The problems of a broker that was reached. */
export function findProblems(status: BrokerStatus): Problem[] {
  return [...alarms(status), ...permissions(status), ...declarations(status), ...apiProblems(status)];
}

function alarms({ broker, api }: BrokerStatus): Problem[] {
  const known = api?.overview?.alarms ?? [];
  if (known.length > 0) return known.map((problem) => ({ problem, hint: alarmHint(problem) }));
  if (broker.blockedReason === undefined) return [];
  return [
    {
      problem: `The broker blocks publishing: ${broker.blockedReason}`,
      hint: FREE_HINT,
    },
  ];
}

const FREE_HINT =
  'Reading works. Free memory or disk space on the affected nodes; find them with: rabbitmq-diagnostics alarms';

function alarmHint(problem: string): string {
  if (/is down|partitioned/.test(problem))
    return '"rabbitmqctl cluster_status" shows which nodes are running.';
  return FREE_HINT;
}

function permissions({ broker, prefix }: BrokerStatus): Problem[] {
  const { configure, write, read } = broker.permissions;
  const missing = [
    ...(configure === false ? [`configure on ${prefix}* (create and delete task queues)`] : []),
    ...(write === false ? ['write on amq.default (add messages)'] : []),
    ...(read === false ? [`read on ${prefix}* (peek and dequeue)`] : []),
  ];
  if (missing.length === 0) return [];
  const user = broker.user ?? 'this user';
  return [
    {
      problem: `${user} lacks permissions in vhost ${broker.vhost}: ${missing.join(', ')}`,
      hint: `${shellWords(['rabbitmqctl', 'set_permissions', '-p', broker.vhost, broker.user ?? 'USER'])} CONFIGURE WRITE READ # three regular expressions`,
    },
  ];
}

/** What others have declared or set, and this package cannot use. */
function declarations({ api, broker }: BrokerStatus): Problem[] {
  const problems: Problem[] = [];
  if (api?.events?.obstacle !== undefined) {
    problems.push({
      problem: `${api.events.obstacle}: no events are published, and watch fails`,
      hint: 'Delete it; the next publisher creates it again. Processes that are running publish events after a restart.',
    });
  }
  if (api?.defaultQueueType === 'stream') {
    const set = ['update_vhost_metadata', broker.vhost, '--default-queue-type', 'classic'];
    problems.push({
      problem: `The default queue type of vhost ${broker.vhost} is stream: new task queues become streams, whose messages cannot be read`,
      hint: `Set it to classic, in the management UI or with: ${shellWords(['rabbitmqctl', ...set])}`,
    });
  }
  return problems;
}

function apiProblems({ api }: BrokerStatus): Problem[] {
  if (api === undefined) return [];
  if (api.mismatch !== undefined) {
    return [
      {
        problem: api.mismatch,
        hint: 'ls, check and prune refuse it. Correct --api-url or MCP_TASKQ_API_URL.',
      },
    ];
  }
  if (api.error === undefined) return [];
  const error = api.error as Error;
  return [{ problem: error.message, hint: hintFor(error) }];
}
