import { redactUrl } from '../broker-url.ts';
import { ErrorCode, isTaskQueueError, TaskQueueError } from '../errors.ts';
import { tlsFailure } from '../tls-failures.ts';

/*
 * The only place that looks at what amqplib and the broker say of a failure. Codes come first: AMQP reply
 * codes (numbers) and Node's system and TLS codes (strings); text only where there is no code.
 */

type Outcome = [code: ErrorCode, reason: string, hint?: string];

/** AMQP 0-9-1 reply codes, https://www.rabbitmq.com/amqp-0-9-1-reference#constants. */
const REPLY_CODES: Record<number, Outcome> = {
  320: [ErrorCode.connectionLost, 'the broker closed the connection (shutdown, or an operator did)'],
  403: [
    ErrorCode.accessRefused,
    'the broker refuses it',
    'Give the user the permissions that the README names under Security: rabbitmqctl set_permissions.',
  ],
  404: [ErrorCode.queueNotFound, 'there is no such queue'],
  405: [ErrorCode.queueLocked, 'the queue belongs exclusively to another connection'],
  406: [
    ErrorCode.queueMismatch,
    'the queue exists with other arguments than those it would be declared with, or its state forbids it',
    'A quorum queue needs queueType "quorum" (--queue-type quorum), any other one needs it left out; limits and expiry belong in a policy, which never conflicts.',
  ],
  530: [ErrorCode.accessRefused, 'the broker does not allow it'],
  540: [ErrorCode.unsupported, 'this type of queue does not support the operation'],
  541: [ErrorCode.brokerError, 'the broker had an internal error', 'Its log says more.'],
};

export const CONSUMER_TIMEOUT_HINT =
  'Take them faster, or fewer at once; consumer_timeout in rabbitmq.conf says how long they may be held, by default 30 minutes.';

const UNREACHABLE_HINT =
  'Is RabbitMQ running there, and is the URL right? "mcp-taskq broker" starts a private one.';

const WRONG_PORT_HINT = 'Is it RabbitMQ’s AMQP port, and does it expect TLS (amqps://)?';

/** RabbitMQ answers 404 also for a queue that it has (rabbit_amqqueue.erl, `absent`). */
const ABSENT = /is down or inaccessible|is stopped by supervisor|has crashed and failed to restart/;
const UNAVAILABLE: Outcome = [
  ErrorCode.queueUnavailable,
  'the node that holds the queue is down, or the queue has crashed',
  'Its messages are there again when the node is; rabbitmqctl cluster_status says which nodes run.',
];

const SYSTEM_CODES: Record<string, Outcome> = {
  ECONNREFUSED: [ErrorCode.connectionFailed, 'nothing listens there', UNREACHABLE_HINT],
  ENOTFOUND: [ErrorCode.connectionFailed, 'the host name is unknown', UNREACHABLE_HINT],
  EAI_AGAIN: [ErrorCode.connectionFailed, 'the host name could not be looked up', UNREACHABLE_HINT],
  EHOSTUNREACH: [ErrorCode.connectionFailed, 'there is no route to the host', UNREACHABLE_HINT],
  ENETUNREACH: [ErrorCode.connectionFailed, 'there is no route to the network', UNREACHABLE_HINT],
  ETIMEDOUT: [ErrorCode.connectionFailed, 'the host did not answer in time', UNREACHABLE_HINT],
  ECONNRESET: [ErrorCode.connectionFailed, 'the other side reset the connection', WRONG_PORT_HINT],
  EPIPE: [ErrorCode.connectionFailed, 'the other side ended the connection', WRONG_PORT_HINT],
};

const LOST: Outcome = [ErrorCode.connectionLost, 'the connection to the broker was lost'];

/** Texts that come without a code, each with where it is from. */
const TEXTS: [pattern: RegExp, outcome: Outcome][] = [
  // amqplib lib/connection.js, afterStartOk: the server closes instead of tuning.
  [
    /Handshake terminated by server: 403.* mechanism EXTERNAL/,
    [
      ErrorCode.authenticationFailed,
      'the broker refuses the name in the client certificate',
      'It needs a user of that name (ssl_cert_login_from says which): rabbitmqctl add_user, set_permissions.',
    ],
  ],
  [
    /Handshake terminated by server: 403/,
    [
      ErrorCode.authenticationFailed,
      'the broker refuses the user name or password',
      'Check the credentials in the URL; the user guest may only connect from the broker’s own machine.',
    ],
  ],
  // The same file, expect(ConnectionOpenOk): RabbitMQ closes with 530, whose reason amqplib leaves out.
  [
    /Expected ConnectionOpenOk/,
    [
      ErrorCode.vhostNotFound,
      'the vhost does not exist, or the user has no access to it',
      'The vhost is the path of the URL; see "rabbitmqctl list_vhosts", grant access with "rabbitmqctl set_permissions -p VHOST USER …".',
    ],
  ],
  // amqplib lib/connection.js, endWhileOpening.
  [
    /Socket closed abruptly/,
    [ErrorCode.connectionFailed, 'the other side hung up during the handshake', WRONG_PORT_HINT],
  ],
  [
    /SASL mechanism \S+ is not provided/,
    [
      ErrorCode.authenticationFailed,
      'the broker does not offer this way to log in',
      'EXTERNAL needs TLS, the plugin rabbitmq_auth_mechanism_ssl, and its line under auth_mechanisms.',
    ],
  ],
  // RabbitMQ, rabbit_channel check_msg_size.
  [
    /message size \d+ .*larger than/,
    [ErrorCode.messageTooLarge, 'the message is larger than the broker takes'],
  ],
  // RabbitMQ, rabbit_channel evaluate_consumer_timeout (in 4.3 the queues' own): a 406 that says nothing of a queue.
  [
    /delivery acknowledgement on channel \d+ timed out/,
    [
      ErrorCode.connectionLost,
      'the broker took back messages that were held for longer than it allows',
      CONSUMER_TIMEOUT_HINT,
    ],
  ],
  // lib/channel.js, lib/connection.js: operations on what has ended.
  [/Channel (ended|closed|closing)|channel closed|Connection clos|Unexpected close|Heartbeat timeout/i, LOST],
];

/**
 * A failure of amqplib as an error of this package.
 * @param what what was being done and on what, e.g. `Cannot read the queue of task "a"`
 */
export function translateAmqpError(error: unknown, what: string): TaskQueueError {
  const { code } = error as { code?: unknown };
  // Of an open connection that is reset the system says the same as of one that cannot be opened.
  const isLost = typeof code === 'string' && Object.hasOwn(SYSTEM_CODES, code);
  return translate(error, what, isLost ? LOST : undefined);
}

/** A failure to connect as an error of this package. */
export function translateConnectError(error: unknown, what: string): TaskQueueError {
  return translate(error, what);
}

function translate(error: unknown, what: string, known?: Outcome): TaskQueueError {
  if (isTaskQueueError(error)) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = redactUrl(typeof message === 'string' ? message : String(error));
  const outcome = known ?? outcomeOf(code, text);
  // The broker's own words, where there are some, tell more than the code alone.
  const said = outcome ? /"([^"]+)"/.exec(text)?.[1] : text;
  const [errorCode, reason, hint] = outcome ?? [ErrorCode.brokerError, 'the broker answered with an error'];
  return new TaskQueueError(errorCode, `${what}: ${reason}${said ? ` (${said})` : ''}`, {
    cause: error,
    ...(hint ? { hint } : {}),
  });
}

function outcomeOf(code: unknown, text: string): Outcome | undefined {
  const byText = () => TEXTS.find(([pattern]) => pattern.test(text))?.[1];
  if (code === 404 && ABSENT.test(text)) return UNAVAILABLE;
  if (typeof code === 'number') return code === 406 ? (byText() ?? REPLY_CODES[406]) : REPLY_CODES[code];
  if (typeof code === 'string') {
    if (SYSTEM_CODES[code]) return SYSTEM_CODES[code];
    const tls = tlsFailure(code);
    if (tls) return [tls.code, tls.reason, tls.hint];
  }
  return byText();
}
