import { isOutOfFiles, networkFailure } from '../errors/network-failures.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { tlsFailure } from '../errors/tls-failures.ts';
import { redactUrl } from '../options/broker-url.ts';

/*
 * Every way in which the management API, a proxy in front of it, or the network refuses. RabbitMQ answers with JSON,
 * https://www.rabbitmq.com/docs/http-api-reference; anything else comes from another server.
 */

const HINT =
  'Is the management plugin enabled (rabbitmq-plugins enable rabbitmq_management), and is apiUrl right?';
const PROXY_HINT =
  'A proxy in front of the API answered; see its log. Set the URL that the proxy maps to the API, without /api.';
const OTHER_HINT = 'A proxy in front of it changes paths, or apiUrl leads to something else.';

export interface Refused {
  vhost: string;
  /** The requested path below `/api/`. */
  path: string;
  status: number;
  /** The parsed JSON; undefined if it is not JSON. */
  answer: unknown;
  /** The header. */
  location?: string | undefined;
}

/** The error for an answer other than the expected one. */
export function refusal({ origin }: URL, { vhost, path, status, answer, location }: Refused): TaskQueueError {
  const { reason } = (answer ?? {}) as { reason?: unknown };
  const said = typeof reason === 'string' ? ` (${redactUrl(reason)})` : '';
  const at = `The management API at ${origin}`;
  const unavailable = (what: string, hint: string) =>
    new TaskQueueError(ErrorCode.apiUnavailable, `${at} ${what}`, { hint });
  if (status >= 300 && status < 400) {
    const to = location === undefined ? 'elsewhere' : `to ${redactUrl(location)}`;
    return unavailable(`redirects ${to} (${status})`, 'Set apiUrl to the final address.');
  }
  if (status === 401) {
    // "Login failed" for wrong credentials, "Not management user" for a user without the tag.
    if (/not management/i.test(said)) {
      return new TaskQueueError(ErrorCode.accessRefused, `${at} refuses the user${said}`, {
        hint: 'Give the user the tag "management": rabbitmqctl set_user_tags USER management.',
      });
    }
    // The same code for a vhost that the user has no permissions on, before it is looked for.
    if (/not authorised to access virtual host/i.test(said)) return noAccess(at, vhost, said);
    const who = answer === undefined ? 'or a proxy in front of it, refuses' : 'refuses';
    return new TaskQueueError(
      ErrorCode.authenticationFailed,
      `${at}${answer === undefined ? ',' : ''} ${who} the user name or password${said}`,
      { hint: 'Check the credentials in the broker URL, or put other credentials into apiUrl.' },
    );
  }
  if (status === 407) return unavailable('is behind a proxy that requires credentials (407)', PROXY_HINT);
  if (status === 429) return unavailable(`refuses further requests for now (429)${said}`, 'Try again later.');
  if (answer === undefined && (status === 502 || status === 503 || status === 504)) {
    return unavailable(
      `cannot be reached by the proxy in front of it, or is starting (${status})`,
      PROXY_HINT,
    );
  }
  if (answer === undefined && status === 403) {
    return new TaskQueueError(
      ErrorCode.accessRefused,
      `${at}, or a proxy in front of it, refuses access (403)`,
      {
        hint: PROXY_HINT,
      },
    );
  }
  if (answer === undefined) {
    const what = status === 200 ? 'answers, but not with JSON' : `answered ${status}, and not with JSON`;
    return unavailable(`${what}: something else listens there, or a proxy expects another path`, HINT);
  }
  if (status === 403) {
    return noAccess(at, vhost, said);
  }
  if (status === 404 && path !== 'overview' && path !== 'whoami') {
    return new TaskQueueError(
      ErrorCode.vhostNotFound,
      `${at} does not have the vhost ${JSON.stringify(vhost)}${said}`,
      { hint: 'The vhost is the path of the broker URL. If it exists, a proxy changes %2F in paths.' },
    );
  }
  return unavailable(
    `answered ${status}${said}`,
    status >= 500 ? 'The broker is starting, stopping or overloaded; its log says more.' : HINT,
  );
}

function noAccess(at: string, vhost: string, said: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.accessRefused, `${at} refuses access${said}`, {
    hint: `The user needs permissions on the vhost ${JSON.stringify(vhost)}: rabbitmqctl set_permissions.`,
  });
}

/** @param isFixed whether no option changes the time */
export function noAnswer({ origin }: URL, timeoutMs: number, isFixed: boolean): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.noAnswer,
    `The management API at ${origin} did not answer within ${timeoutMs} ms`,
    {
      hint: `The broker may be overloaded, or stopped.${isFixed ? '' : ' apiTimeoutMs sets how long to wait.'}`,
    },
  );
}

/** Nobody took the connection. */
export function noConnection({ origin }: URL, timeoutMs: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.apiUnavailable,
    `Cannot reach the management API at ${origin}: no connection within ${timeoutMs} ms`,
    { hint: 'Something on the way drops the packets: is the port right, and open in the firewall?' },
  );
}

export function brokenAnswer({ origin }: URL, cause: Error): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.apiUnavailable,
    `The management API at ${origin} closed the connection before completing its answer: ${cause.message}`,
    { cause, hint: HINT },
  );
}

/** JSON, and well, but about something else. */
export function notList({ origin }: URL): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.apiUnavailable,
    `The management API at ${origin} did not answer a list request with a list`,
    { hint: OTHER_HINT },
  );
}

/** JSON without what RabbitMQ never leaves out, or an answer without end. */
export function notRabbitMQ({ origin }: URL): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.targetMismatch,
    `The management API at ${origin} gives an answer that is not RabbitMQ's`,
    { hint: OTHER_HINT },
  );
}

/** The answer contained other vhosts than the requested one. */
export function otherVhosts({ origin }: URL, vhost: string): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.targetMismatch,
    `The management API at ${origin} was asked for the vhost ${JSON.stringify(vhost)}, and answered for others`,
    {
      hint: 'A proxy in front of it changes %2F in paths; for nginx: proxy_pass without a path after the host.',
    },
  );
}

export function unreachable({ origin }: URL, cause: Error & { code?: string }): TaskQueueError {
  const at = `Cannot reach the management API at ${origin}`;
  const tls = tlsFailure(cause);
  if (tls) return new TaskQueueError(tls.code, `${at}: ${tls.reason}`, { cause, hint: tls.hint });
  // A peer that does not speak HTTP is usually RabbitMQ's AMQP port; one that hangs up may expect TLS.
  const isHttp = !cause.code?.startsWith('HPE_');
  const reason = isHttp
    ? (networkFailure(cause.code) ?? cause.message)
    : 'the server there does not speak HTTP';
  return new TaskQueueError(ErrorCode.apiUnavailable, `${at}: ${reason}`, {
    cause,
    hint: isOutOfFiles(cause.code)
      ? undefined
      : isHttp
        ? HINT
        : 'It may be the AMQP port; the API listens on port 15672 by default (15671 with TLS).',
  });
}
