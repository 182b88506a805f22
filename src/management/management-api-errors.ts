import { redactUrl } from '../broker-url.ts';
import { ErrorCode, TaskQueueError } from '../errors.ts';
import { tlsFailure } from '../tls-failures.ts';

const HINT =
  'Is the management plugin on (rabbitmq-plugins enable rabbitmq_management) and --api-url right? "ls --ids" works without it.';

/** What an answer means that is not the one asked for. @param answer its JSON, undefined if it is none */
export function refusal(
  { origin }: URL,
  { vhost, status, answer }: { vhost: string; status: number; answer: unknown },
): TaskQueueError {
  const { reason } = (answer ?? {}) as { reason?: unknown };
  const said = typeof reason === 'string' ? ` (${redactUrl(reason)})` : '';
  const at = `The management API at ${origin}`;
  if (answer === undefined) {
    return new TaskQueueError(
      ErrorCode.apiUnavailable,
      `${at} answered ${status} and no JSON: something else listens there`,
      { hint: HINT },
    );
  }
  switch (status) {
    case 401:
      // "Login failed" for wrong credentials, "Not management user" for a user without the tag.
      return /not management/i.test(said)
        ? new TaskQueueError(ErrorCode.accessRefused, `${at} refuses the user${said}`, {
            hint: 'Give the user the tag "management": rabbitmqctl set_user_tags USER management.',
          })
        : new TaskQueueError(
            ErrorCode.authenticationFailed,
            `${at} refuses the user name or password${said}`,
            { hint: 'Check the credentials in the broker URL or in --api-url.' },
          );
    case 403:
      return new TaskQueueError(ErrorCode.accessRefused, `${at} refuses access${said}`, {
        hint: `The user needs permissions on the vhost ${JSON.stringify(vhost)}.`,
      });
    case 404:
      return new TaskQueueError(
        ErrorCode.vhostNotFound,
        `${at} knows no vhost ${JSON.stringify(vhost)}${said}`,
        { hint: 'The vhost is the path of the broker URL.' },
      );
    default:
      return new TaskQueueError(ErrorCode.apiUnavailable, `${at} answered ${status}${said}`, {
        hint: status >= 500 ? 'The broker is starting, stopping or overloaded; its log says more.' : HINT,
      });
  }
}

export function noAnswer({ origin }: URL, timeoutMs: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.noAnswer,
    `The management API at ${origin} did not answer within ${timeoutMs} ms`,
    { hint: 'The broker may be overloaded; "ls --ids" asks over AMQP instead.' },
  );
}

export function brokenAnswer({ origin }: URL, cause: Error): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.apiUnavailable,
    `The management API at ${origin} broke off its answer: ${cause.message}`,
    { cause, hint: HINT },
  );
}

export function unreachable({ origin }: URL, cause: Error & { code?: string }): TaskQueueError {
  const { code, reason, hint } = tlsFailure(cause.code) ?? {
    code: ErrorCode.apiUnavailable,
    reason: cause.code ?? cause.message,
    hint: HINT,
  };
  return new TaskQueueError(code, `Cannot reach the management API at ${origin}: ${reason}`, { cause, hint });
}
