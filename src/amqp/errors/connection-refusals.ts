import { ErrorCode } from '../../errors/task-queue-error.ts';
import { counted, type Refusal } from './outcome.ts';
import { grantHint, quoted } from './rabbitmqctl-hints.ts';

const LIMIT = ErrorCode.limitReached;

/** Refusals of a connection that is opening or open. */
export const CONNECTION_REFUSALS: readonly Refusal[] = [
  {
    reply: 320,
    outcome: {
      code: ErrorCode.connectionLost,
      reason: 'the broker closed the connection (it is shutting down, or an operator closed it)',
    },
  },
  // rabbit_reader is_vhost_alive and rabbit_access_control check_vhost_access; 530 at connection.open.
  {
    reply: 530,
    text: /vhost '?(.*?)'? not found/s,
    outcome: ([, vhost]) => ({
      code: ErrorCode.vhostNotFound,
      reason: `the vhost ${JSON.stringify(vhost)} does not exist`,
      hint: 'The vhost is the path of the URL; "rabbitmqctl list_vhosts" lists those that exist.',
    }),
  },
  // rabbit_reader is_over_vhost_connection_limit.
  {
    reply: 530,
    text: /access to vhost '(.*?)' refused for user '.*?': connection limit \((\d+)\) is reached/s,
    outcome: ([, vhost, limit]) => ({
      code: LIMIT,
      reason: `the vhost has reached its limit of ${counted(limit, 'connection')}`,
      hint: `Close connections, or raise the limit: rabbitmqctl set_vhost_limits -p ${quoted(vhost)} '{"max-connections": N}'.`,
    }),
  },
  // rabbit_reader is_over_user_connection_limit.
  {
    reply: 530,
    text: /connection refused for user '(.*?)': user connection limit \((\d+)\) is reached/s,
    outcome: ([, user, limit]) => ({
      code: LIMIT,
      reason: `the user has reached its limit of ${counted(limit, 'connection')}`,
      hint: `Close connections, or raise the limit: rabbitmqctl set_user_limits ${quoted(user)} '{"max-connections": N}'.`,
    }),
  },
  // rabbit_reader is_over_node_connection_limit (connection_max, since 3.13).
  {
    reply: 530,
    text: /node connection limit \((\d+)\) is reached/,
    outcome: ([, limit]) => ({
      code: LIMIT,
      reason: `the node has reached its limit of ${counted(limit, 'connection')}`,
      hint: 'Close connections, or raise connection_max in rabbitmq.conf.',
    }),
  },
  // rabbit_reader is_over_user_channel_limit; 4.3 has no brackets, and 4.0 names the node as the user.
  {
    reply: 530,
    text: /channels opened for user '(.*?)' has reached the maximum allowed user limit of \(?(\d+)/s,
    outcome: ([, user, limit]) => ({
      code: LIMIT,
      reason: `the user has reached its limit of ${counted(limit, 'channel')}`,
      hint: `Raise it: rabbitmqctl set_user_limits ${user?.includes('@') ? 'USER' : quoted(user)} '{"max-channels": N}'.`,
    }),
  },
  // rabbit_reader, channel_max and channel_max_per_node.
  {
    reply: 530,
    text: /number of channels opened.*has reached/,
    outcome: {
      code: LIMIT,
      reason: 'the channel limit is reached',
      hint: 'Raise channel_max or channel_max_per_node in rabbitmq.conf.',
    },
  },
  // rabbit_access_control check_vhost_access.
  {
    reply: 530,
    text: /access to vhost '(.*?)' refused for user '(.*?)'/s,
    outcome: ([, vhost, user]) => ({
      code: ErrorCode.accessRefused,
      reason: `the user ${JSON.stringify(user)} has no access to the vhost ${JSON.stringify(vhost)}`,
      isComplete: true,
      hint: grantHint(vhost, user),
    }),
  },
  { reply: 530, outcome: { code: ErrorCode.accessRefused, reason: 'the broker does not allow it' } },
  // rabbit_reader is_vhost_alive.
  {
    reply: 541,
    text: /vhost '(.*?)' is down/s,
    outcome: ([, vhost]) => ({
      code: ErrorCode.brokerError,
      reason: `the vhost ${JSON.stringify(vhost)} is down on this node`,
      hint: `rabbitmqctl restart_vhost -p ${quoted(vhost)} starts it; the broker's log says why it stopped.`,
    }),
  },
  {
    reply: 541,
    outcome: {
      code: ErrorCode.brokerError,
      reason: 'the broker had an internal error',
      hint: "The broker's log says more.",
    },
  },
];
