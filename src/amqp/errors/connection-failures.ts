import { ErrorCode } from '../../errors/task-queue-error.ts';
import type { Outcome, Refusal } from './outcome.ts';

export const LOST: Outcome = {
  code: ErrorCode.connectionLost,
  reason: 'the connection to the broker was lost',
};

export const WRONG_PORT_HINT =
  'The URL must lead to the AMQP port of RabbitMQ: amqp:// to 5672, amqps:// to 5671 by default. Port 15672 is the management API.';

/** What amqplib says by itself, without a code. */
export const CONNECTION_FAILURES: readonly Refusal[] = [
  // lib/connection.js, afterStartOk.
  {
    text: /Handshake terminated by server: 403.* mechanism EXTERNAL/,
    outcome: {
      code: ErrorCode.authenticationFailed,
      reason: 'the broker refuses the name in the client certificate',
      hint: 'Create a user with that name (ssl_cert_login_from selects it): rabbitmqctl add_user, set_permissions.',
    },
  },
  {
    text: /Handshake terminated by server: 403/,
    outcome: {
      code: ErrorCode.authenticationFailed,
      reason: 'the broker refuses the user name or password',
      hint: "Check the credentials in the URL; the user guest may connect only from the broker's own machine.",
    },
  },
  // The same file, expect(ConnectionOpenOk): the broker closes instead, and amqplib leaves out why. See opening-refusal.ts.
  {
    text: /Expected ConnectionOpenOk/,
    outcome: {
      code: ErrorCode.accessRefused,
      reason: 'the broker refused to open the vhost and gave no readable reason',
      hint: "The broker's log has the reason.",
    },
  },
  {
    text: /SASL mechanism \S+ is not provided/,
    outcome: {
      code: ErrorCode.authenticationFailed,
      reason: 'the broker does not offer this way to log in',
      hint: 'EXTERNAL needs TLS, the plugin rabbitmq_auth_mechanism_ssl, and EXTERNAL listed in auth_mechanisms.',
    },
  },
  // lib/frame.js: the first bytes of HTTP, SSH, TLS and others, read as a frame; lib/connection.js, wait and expect.
  {
    text: /exceeds maxFrameSize|Invalid frame|Frame on channel != 0|Expected ConnectionStart/,
    outcome: {
      code: ErrorCode.connectionFailed,
      reason: 'the server there does not speak AMQP 0-9-1',
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
  // lib/connection.js, freshChannel.
  {
    text: /No channels left to allocate/,
    outcome: {
      code: ErrorCode.limitReached,
      reason: 'the connection may have no further channel (channel_max)',
      hint: 'Leave channel_max out of the URL, or raise it there or in rabbitmq.conf.',
      isComplete: true,
    },
  },
  // lib/channel.js, lib/connection.js: operations on what has ended.
  {
    text: /Channel (ended|closed|closing)|channel closed|Connection clos|Unexpected close|Heartbeat timeout/i,
    outcome: LOST,
  },
];
