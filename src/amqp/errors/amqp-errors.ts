import { isHungUp, networkFailure } from '../../errors/network-failures.ts';
import { ErrorCode, isTaskQueueError, TaskQueueError } from '../../errors/task-queue-error.ts';
import { tlsFailure } from '../../errors/tls-failures.ts';
import { redactUrl } from '../../options/broker-url.ts';
import { findOutcome, LOST, type Outcome, WRONG_PORT_HINT } from './refusals.ts';

export { CONSUMER_TIMEOUT_HINT } from './refusals.ts';

const UNREACHABLE_HINT = 'Is RabbitMQ running there, and is the URL right?';

/**
 * A failure of amqplib as an error of this package.
 * @param what what was being done and on what, e.g. `Cannot read the queue of task "a"`
 */
export function translateAmqpError(error: unknown, what: string): TaskQueueError {
  const { code } = error as { code?: unknown };
  // Of an open connection that is reset the system says the same as of one that cannot be opened.
  return translate(error, what, networkFailure(code) ? LOST : undefined);
}

/** A failure to connect as an error of this package. */
export function translateConnectError(error: unknown, what: string): TaskQueueError {
  return translate(error, what);
}

function translate(error: unknown, what: string, known?: Outcome): TaskQueueError {
  if (isTaskQueueError(error)) return error;
  const { code, message, classId, methodId } = error as Partial<Record<string, unknown>>;
  const text = redactUrl(typeof message === 'string' ? message : String(error));
  const outcome: Outcome = known ??
    ofSystem(code) ??
    findOutcome({ code, classId, methodId, text }) ?? {
      code: ErrorCode.brokerError,
      reason: `the broker answered with an error (${saidIn(text) ?? text})`,
      isComplete: true,
    };
  // The broker's own words, where the code alone would say little.
  const said = outcome.isComplete || EXPLAINED.has(outcome.code) ? undefined : saidIn(text);
  return new TaskQueueError(outcome.code, `${what}: ${outcome.reason}${said ? ` (${said})` : ''}`, {
    cause: error,
    ...(outcome.hint ? { hint: outcome.hint } : {}),
  });
}

/** Their reasons have all that the broker says. */
const EXPLAINED: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.queueLocked,
  ErrorCode.queueInUse,
  ErrorCode.limitReached,
  ErrorCode.vhostNotFound,
  ErrorCode.queueNotFound,
  ErrorCode.authenticationFailed,
  ErrorCode.connectionFailed,
]);

function saidIn(text: string): string | undefined {
  return /"([^"]+)"/.exec(text)?.[1];
}

function ofSystem(code: unknown): Outcome | undefined {
  const reason = networkFailure(code);
  if (reason) {
    const hint = isHungUp(code) ? WRONG_PORT_HINT : UNREACHABLE_HINT;
    return { code: ErrorCode.connectionFailed, reason, hint };
  }
  return tlsFailure(code);
}
