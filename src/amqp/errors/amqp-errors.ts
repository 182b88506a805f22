import { isHungUp, isOutOfFiles, networkFailure } from '../../errors/network-failures.ts';
import { ErrorCode, isTaskQueueError, type TaskQueueError } from '../../errors/task-queue-error.ts';
import { tlsFailure } from '../../errors/tls-failures.ts';
import { redactUrl } from '../../options/broker-url.ts';
import { AmqpFailure } from './amqp-failure.ts';
import { LOST, WRONG_PORT_HINT } from './connection-failures.ts';
import type { Outcome } from './outcome.ts';
import { findOutcome } from './refusals.ts';

const UNREACHABLE_HINT = 'Is RabbitMQ running there, and is the URL right?';

/** Translates an amqplib failure into an error of this package; returns errors of this package unchanged. */
export function translateAmqpError(error: unknown): TaskQueueError {
  const { code } = error as { code?: unknown };
  // When an open connection is reset, the system says the same as of one that cannot be opened.
  return translate(error, networkFailure(code) ? LOST : undefined);
}

export function translateConnectError(error: unknown): TaskQueueError {
  return translate(error);
}

function translate(error: unknown, known?: Outcome): TaskQueueError {
  if (isTaskQueueError(error)) return error;
  const { code, message, classId, methodId } = error as Partial<Record<string, unknown>>;
  const text = redactUrl(typeof message === 'string' ? message : String(error));
  const outcome: Outcome = known ??
    ofSystem(code, message) ??
    findOutcome({ code, classId, methodId, text }) ?? {
      code: ErrorCode.brokerError,
      reason: `the broker answered with an error (${quotedReason(text) ?? text})`,
      isComplete: true,
    };
  // Quote the broker where the code alone says little.
  const said = outcome.isComplete || EXPLAINED.has(outcome.code) ? undefined : quotedReason(text);
  return new AmqpFailure(outcome.code, `${outcome.reason}${said ? ` (${said})` : ''}`, {
    cause: error,
    hint: outcome.hint,
  });
}

/** Codes whose reasons already contain what the broker says. */
const EXPLAINED: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.queueLocked,
  ErrorCode.queueInUse,
  ErrorCode.limitReached,
  ErrorCode.vhostNotFound,
  ErrorCode.queueNotFound,
  ErrorCode.authenticationFailed,
  ErrorCode.connectionFailed,
]);

function quotedReason(text: string): string | undefined {
  return /"([^"]+)"/.exec(text)?.[1];
}

function ofSystem(code: unknown, message: unknown): Outcome | undefined {
  // Failures of TLS may have a code of the system.
  const tls = tlsFailure({ code, message });
  if (tls) return tls;
  const reason = networkFailure(code);
  if (reason === undefined) return undefined;
  const hint = isHungUp(code) ? WRONG_PORT_HINT : isOutOfFiles(code) ? undefined : UNREACHABLE_HINT;
  return { code: ErrorCode.connectionFailed, reason, hint };
}
