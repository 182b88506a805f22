import { ErrorCode } from '../../errors/task-queue-error.ts';
import type { Failure, Refusal } from './outcome.ts';
import { grantHint, grantTopicHint } from './rabbitmqctl-hints.ts';

/** 403: exclusive consumers, permissions, reserved names. */
export const ACCESS_REFUSALS: readonly Refusal[] = [
  // rabbit_channel basic_consume, exclusive_consume_unavailable.
  {
    reply: 403,
    text: /ACCESS_REFUSED - queue '/,
    outcome: {
      code: ErrorCode.queueLocked,
      reason: 'another consumer reads the queue exclusively',
      hint: 'Stop that consumer, or wait until it ends; "rabbitmqctl list_consumers" lists them.',
    },
  },
  // The same where the backend for users says why: an OAuth 2 token has expired, or an HTTP backend does not answer.
  {
    reply: 403,
    text: / refused for user '(.*?)', backend (\S+) returned an error: "?(.*?)"*$/s,
    outcome: ([, user, backend, why]) => ({
      code: ErrorCode.accessRefused,
      // Erlang breaks long terms into indented lines.
      reason: `${backend} refuses the user ${JSON.stringify(user)}: ${why?.replace(/\s+/g, ' ')}`,
      isComplete: true,
      hint: 'If the credentials have expired, connect with new ones; otherwise the log of the broker says more.',
    }),
  },
  // rabbit_access_control check_resource_access, with and without the permission's name.
  {
    reply: 403,
    text: /(?:(configure|write|read) )?access to (queue|exchange|topic) '(.*?)' in (?:exchange '(.*?)' in )?vhost '(.*?)' refused for user '(.*?)'/s,
    outcome: ([, permission, what, name, exchange, vhost, user], failure) => ({
      code: ErrorCode.accessRefused,
      reason: `the user ${JSON.stringify(user)} lacks ${permission ?? permissionFor(failure)} permission on the ${what} ${JSON.stringify(name)}`,
      isComplete: true,
      hint: exchange ? grantTopicHint(exchange, vhost, user) : grantHint(vhost, user),
    }),
  },
  {
    reply: 403,
    outcome: (_, failure) => ({
      code: ErrorCode.accessRefused,
      reason: `the user lacks ${permissionFor(failure)} permission`,
      hint: 'Grant the permissions listed in "mcp-taskq help permissions": rabbitmqctl set_permissions.',
    }),
  },
];

/** exchange.declare is class 40, queue.declare, queue.delete and the like class 50, basic.get, basic.publish and so on 60. */
function permissionFor({ classId, methodId }: Failure): string {
  if (classId === 40) return methodId === 10 || methodId === 20 ? 'configure' : 'read or write';
  if (classId === 50) return methodId === 20 ? 'read or write' : methodId === 30 ? 'read' : 'configure';
  if (classId === 60) return methodId === 40 ? 'write' : 'read';
  return 'the necessary';
}
