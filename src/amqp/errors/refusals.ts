import { ErrorCode } from '../../errors/task-queue-error.ts';

/*
 * Every way in which RabbitMQ and amqplib say no, in the order in which they are looked through: the first row that fits
 * says what it means. A row is found by its reply code, https://www.rabbitmq.com/amqp-0-9-1-reference#constants; where
 * one code has several causes, RabbitMQ's text tells them apart, with its source beside it. The texts are the same in
 * 3.10, 4.0 and 4.3, but for the word before `access to`, which is new in 4.0. They are cut off after 255 bytes, so
 * that with a long queue name only their beginnings are certain.
 */

/** What a failure means. */
export interface Outcome {
  code: ErrorCode;
  /** What is wrong, as the end of a sentence. */
  reason: string;
  /** The reason has all that the broker says. */
  isComplete?: true;
  /** What to do about it; the library's options are named as in TaskQueueOptions. */
  hint?: string;
}

interface Row {
  /** AMQP reply code; none for what amqplib says by itself. */
  reply?: number;
  text?: RegExp;
  outcome: Outcome | ((match: RegExpExecArray, failure: Failure) => Outcome);
}

/** Of amqplib: a channel or connection that the broker closed has the reply code, and what it was about. */
export interface Failure {
  code?: unknown;
  classId?: unknown;
  methodId?: unknown;
  text: string;
}

export const CONSUMER_TIMEOUT_HINT =
  'Take them faster, or fewer at once; consumer_timeout in rabbitmq.conf says how long they may be held, by default 30 minutes.';

export const LOST: Outcome = {
  code: ErrorCode.connectionLost,
  reason: 'the connection to the broker was lost',
};

export const WRONG_PORT_HINT =
  'The URL must lead to the AMQP port of RabbitMQ: amqp:// to 5672, amqps:// to 5671 by default. The management API (15672) is another one.';

const LIMIT = ErrorCode.limitReached;

const ROWS: readonly Row[] = [
  // A connection that is being opened, or was open.
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
      reason: `the vhost has reached its limit of ${limit} connections`,
      hint: `Close connections, or raise the limit: rabbitmqctl set_vhost_limits -p ${quoted(vhost)} '{"max-connections": N}'.`,
    }),
  },
  // rabbit_reader is_over_user_connection_limit.
  {
    reply: 530,
    text: /connection refused for user '(.*?)': user connection limit \((\d+)\) is reached/s,
    outcome: ([, user, limit]) => ({
      code: LIMIT,
      reason: `the user has reached its limit of ${limit} connections`,
      hint: `Close connections, or raise the limit: rabbitmqctl set_user_limits ${quoted(user)} '{"max-connections": N}'.`,
    }),
  },
  // rabbit_reader is_over_node_connection_limit (connection_max, since 3.13).
  {
    reply: 530,
    text: /node connection limit \((\d+)\) is reached/,
    outcome: ([, limit]) => ({
      code: LIMIT,
      reason: `the node has reached its limit of ${limit} connections`,
      hint: 'Close connections, or raise connection_max in rabbitmq.conf.',
    }),
  },
  // rabbit_reader is_over_user_channel_limit; 4.3 has no brackets.
  {
    reply: 530,
    text: /channels opened for user '(.*?)' has reached the maximum allowed user limit of \(?(\d+)/s,
    outcome: ([, user, limit]) => ({
      code: LIMIT,
      reason: `the user has reached its limit of ${limit} channels`,
      hint: `Raise it: rabbitmqctl set_user_limits ${quoted(user)} '{"max-channels": N}'.`,
    }),
  },
  // rabbit_reader, channel_max and channel_max_per_node.
  {
    reply: 530,
    text: /number of channels opened.*has reached/,
    outcome: {
      code: LIMIT,
      reason: 'the broker allows no further channel',
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

  // 403: of somebody else's consumer, of permissions, of reserved names.
  // rabbit_channel basic_consume, exclusive_consume_unavailable.
  {
    reply: 403,
    text: /in exclusive use/,
    outcome: {
      code: ErrorCode.queueLocked,
      reason: 'another consumer reads the queue exclusively',
      hint: 'Stop that consumer, or wait until it ends; "rabbitmqctl list_consumers" lists them.',
    },
  },
  // rabbit_access_control check_resource_access, with and without the permission's name.
  {
    reply: 403,
    text: /(?:(configure|write|read) )?access to (queue|exchange|topic) '(.*?)' in (?:exchange .*? in )?vhost '(.*?)' refused for user '(.*?)'/s,
    outcome: ([, permission, what, name, vhost, user], failure) => ({
      code: ErrorCode.accessRefused,
      reason: `the user ${JSON.stringify(user)} lacks ${permission ?? permissionFor(failure)} permission on the ${what} ${JSON.stringify(name)}`,
      isComplete: true,
      hint: grantHint(vhost, user),
    }),
  },
  {
    reply: 403,
    outcome: (_, failure) => ({
      code: ErrorCode.accessRefused,
      reason: `the user lacks ${permissionFor(failure)} permission`,
      hint: 'Give the user the permissions that the README names under Security: rabbitmqctl set_permissions.',
    }),
  },

  // rabbit_amqqueue absent: RabbitMQ answers 404 also for a queue that it has.
  {
    reply: 404,
    text: /is down or inaccessible|is stopped by supervisor|has crashed and failed to restart/,
    outcome: {
      code: ErrorCode.queueUnavailable,
      reason: 'the node that holds the queue is down, or the queue has crashed',
      hint: 'Its messages are there again when the node is; "rabbitmqctl cluster_status" lists the nodes that run.',
    },
  },
  // rabbit_misc not_found.
  {
    reply: 404,
    text: /no exchange '(.*?)'/s,
    outcome: ([, exchange]) => ({
      code: ErrorCode.brokerError,
      reason: `there is no exchange ${JSON.stringify(exchange)}`,
    }),
  },
  { reply: 404, outcome: { code: ErrorCode.queueNotFound, reason: 'there is no such queue' } },
  {
    reply: 405,
    outcome: {
      code: ErrorCode.queueLocked,
      reason: 'the queue belongs exclusively to another connection',
      hint: 'It goes when that connection is closed. Queues of this package are never exclusive: another program made it.',
    },
  },

  // 406.
  // rabbit_misc assert_args_equivalence1.
  {
    reply: 406,
    text: /inequivalent arg '([^']+)'(.*)/s,
    outcome: ([, argument, rest]) => mismatch(argument, rest),
  },
  // rabbit_channel check_vhost_queue_limit; since 4.1 also of the whole cluster.
  {
    reply: 406,
    text: /queue limit in (?:vhost '(.*?)'|(?:the )?cluster) \((\d+)\) is reached|queue limit in cluster/s,
    outcome: ([, vhost, limit]) => ({
      code: LIMIT,
      reason: `the ${vhost === undefined ? 'cluster' : 'vhost'} has reached its limit${limit ? ` of ${limit} queues` : ' of queues'}`,
      hint:
        vhost === undefined
          ? 'Delete queues, or raise cluster_queue_limit in rabbitmq.conf.'
          : `Delete queues, or raise the limit: rabbitmqctl set_vhost_limits -p ${quoted(vhost)} '{"max-queues": N}'.`,
    }),
  },
  // The same, cut off behind a long queue name.
  {
    reply: 406,
    text: /cannot declare queue '/,
    outcome: {
      code: LIMIT,
      reason: 'the broker allows no further queue',
      hint: 'Delete queues, or raise the limit: "rabbitmqctl list_vhost_limits" shows it.',
    },
  },
  // rabbit_channel check_user_id_header.
  {
    reply: 406,
    text: /user_id property set to/,
    outcome: {
      code: ErrorCode.invalidMessage,
      reason: "the message has a user_id that is not the connection's user",
      hint: 'Leave user_id out, or give the user the tag "impersonator".',
    },
  },
  // rabbit_basic check_expiration / rabbit_channel.
  {
    reply: 406,
    text: /invalid expiration/,
    outcome: { code: ErrorCode.invalidMessage, reason: 'its expiration is not a number of milliseconds' },
  },
  // rabbit_channel check_msg_size.
  {
    reply: 406,
    text: /message size \d+ .*larger than/,
    outcome: { code: ErrorCode.messageTooLarge, reason: 'the message is larger than the broker takes' },
  },
  // rabbit_channel evaluate_consumer_timeout, in 4.3 the queues' own: it says nothing of a queue.
  {
    reply: 406,
    text: /delivery acknowledgement on channel \d+ timed out/,
    outcome: {
      code: ErrorCode.connectionLost,
      reason: 'the broker took back messages that were held for longer than it allows',
      hint: CONSUMER_TIMEOUT_HINT,
    },
  },
  // rabbit_stream_queue consume: what reads a classic queue does not ask a stream for anything.
  {
    reply: 406,
    text: /prefetch count is not set for/,
    outcome: {
      code: ErrorCode.unsupported,
      reason: 'the queue is a stream, which cannot be read like a queue',
    },
  },
  // rabbit_amqqueue check_declare_arguments.
  {
    reply: 406,
    text: /invalid arg '([^']+)'/,
    outcome: ([, argument]) => ({
      code: ErrorCode.queueMismatch,
      reason: `the broker does not accept the queue argument ${argument}`,
    }),
  },
  // queue.delete (class 50, method 40) with if-empty or if-unused; rabbit_channel.
  {
    reply: 406,
    text: /' (?:not empty|in use)|^/,
    outcome: (_, { classId, methodId, text }) =>
      (classId === 50 && methodId === 40) || /' (?:not empty|in use)/.test(text)
        ? { code: ErrorCode.queueInUse, reason: 'the queue is not empty, or somebody consumes from it' }
        : { code: ErrorCode.brokerError, reason: 'the state of the queue or channel does not allow it' },
  },
  {
    reply: 540,
    outcome: { code: ErrorCode.unsupported, reason: 'this type of queue does not support the operation' },
  },

  // The handshake, which amqplib ends without a code. lib/connection.js, afterStartOk.
  {
    text: /Handshake terminated by server: 403.* mechanism EXTERNAL/,
    outcome: {
      code: ErrorCode.authenticationFailed,
      reason: 'the broker refuses the name in the client certificate',
      hint: 'It needs a user of that name (ssl_cert_login_from says which): rabbitmqctl add_user, set_permissions.',
    },
  },
  {
    text: /Handshake terminated by server: 403/,
    outcome: {
      code: ErrorCode.authenticationFailed,
      reason: 'the broker refuses the user name or password',
      hint: 'Check the credentials in the URL; the user guest may only connect from the broker’s own machine.',
    },
  },
  // The same file, expect(ConnectionOpenOk): the broker closes instead, and amqplib leaves out why. See opening-refusal.ts.
  {
    text: /Expected ConnectionOpenOk/,
    outcome: {
      code: ErrorCode.accessRefused,
      reason: 'the broker does not open the vhost for this user, without a reason that could be read',
      hint: "The broker's log has the reason.",
    },
  },
  {
    text: /SASL mechanism \S+ is not provided/,
    outcome: {
      code: ErrorCode.authenticationFailed,
      reason: 'the broker does not offer this way to log in',
      hint: 'EXTERNAL needs TLS, the plugin rabbitmq_auth_mechanism_ssl, and its line under auth_mechanisms.',
    },
  },
  // lib/frame.js: the first bytes of HTTP, SSH, TLS and others, read as a frame; lib/connection.js, wait and expect.
  {
    text: /exceeds maxFrameSize|Invalid frame|Frame on channel != 0|Expected ConnectionStart/,
    outcome: {
      code: ErrorCode.connectionFailed,
      reason: 'what answers there does not speak AMQP 0-9-1',
      hint: WRONG_PORT_HINT,
    },
  },
  // lib/connection.js, endWhileOpening.
  {
    text: /Socket closed abruptly/,
    outcome: {
      code: ErrorCode.connectionFailed,
      reason: 'the other side hung up during the handshake',
      hint: WRONG_PORT_HINT,
    },
  },
  // lib/channel.js, lib/connection.js: operations on what has ended.
  {
    text: /Channel (ended|closed|closing)|channel closed|Connection clos|Unexpected close|Heartbeat timeout/i,
    outcome: LOST,
  },
];

/** @returns undefined for what no row is about */
export function findOutcome(failure: Failure): Outcome | undefined {
  const reply = typeof failure.code === 'number' ? failure.code : undefined;
  for (const row of ROWS) {
    if (row.reply !== reply) continue;
    const match = (row.text ?? /^/).exec(failure.text);
    if (match) return typeof row.outcome === 'function' ? row.outcome(match, failure) : row.outcome;
  }
  return undefined;
}

/** What a queue that is there differs in, and what to do about that. */
function mismatch(argument = '', rest = ''): Outcome {
  const outcome = (reason: string, hint: string) => ({ code: ErrorCode.queueMismatch, reason, hint });
  if (argument !== 'x-queue-type') {
    return outcome(
      `the queue exists with another ${argument} than it would be declared with`,
      'Another program made it so. Publish with create: false, or delete the queue; limits and expiry belong in a policy, which never conflicts.',
    );
  }
  const current = /but current is (?:the value )?'?(\w+)/.exec(rest)?.[1];
  if (current === 'quorum') {
    return outcome('the queue is a quorum queue', 'Use queueType quorum to publish to it.');
  }
  const isKnown = current === 'none' || current === 'classic' || current === 'stream';
  return outcome(
    isKnown
      ? `the queue is a ${current === 'stream' ? 'stream' : 'classic queue'}`
      : 'the queue is of another type',
    'Leave queueType at its default for classic queues, set it to "quorum" for quorum queues; a type cannot be changed, only deleted with its queue.',
  );
}

/** exchange.declare is class 40, queue.declare, queue.delete and the like class 50, basic.get, basic.publish and so on 60. */
function permissionFor({ classId, methodId }: Failure): string {
  if (classId === 40) return methodId === 10 || methodId === 20 ? 'configure' : 'read or write';
  if (classId === 50) return methodId === 20 ? 'read or write' : methodId === 30 ? 'read' : 'configure';
  if (classId === 60) return methodId === 40 ? 'write' : 'read';
  return 'the necessary';
}

function grantHint(vhost = '/', user = 'USER'): string {
  return `Grant it, with the expressions that the README has under Security: rabbitmqctl set_permissions -p ${quoted(vhost)} ${quoted(user)} CONFIGURE WRITE READ.`;
}

/** As a word of a shell command. */
function quoted(word = ''): string {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
