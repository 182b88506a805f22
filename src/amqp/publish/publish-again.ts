import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, isTaskQueueError, PublishUnconfirmedError } from '../../errors/task-queue-error.ts';

/** What may be over by the next attempt, and means that this one has sent nothing. */
const TRANSIENT: ReadonlySet<unknown> = new Set([
  ErrorCode.connectionLost,
  ErrorCode.connectionFailed,
  ErrorCode.noAnswer,
  ErrorCode.busy,
  ErrorCode.brokerBlocked,
  ErrorCode.publishRejected,
]);

const PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

export interface PublishAgainOptions {
  /** Until when an attempt follows another, by `Date.now()`. */
  giveUpAt: number;
  /** The same in every attempt. */
  messageId: string | undefined;
  /** For error messages. */
  what: string;
}

/**
 * Publishes a message until it is confirmed, or the time is over. Each attempt may have stored it: that is why this is
 * for those who ask for it.
 *
 * @param failure of the first attempt, which the caller has made: nearly all of them succeed, and need none of this
 * @throws PublishUnconfirmedError when an attempt has sent the message, even if a later one failed for another reason:
 * it may be in the queue
 */
export async function publishAgain(
  failure: unknown,
  attempt: () => Promise<void>,
  { giveUpAt, messageId, what }: PublishAgainOptions,
): Promise<void> {
  let error = failure;
  let unconfirmed: PublishUnconfirmedError | undefined;
  for (let attempts = 1; ; attempts++) {
    if (error instanceof PublishUnconfirmedError) unconfirmed = error;
    const mayRetry = messageId !== undefined && Date.now() < giveUpAt && isTransient(error);
    if (!mayRetry) throw unconfirmed ? toUnconfirmedError(error, unconfirmed, attempts, what) : error;
    if (attempts > 1) await sleep(Math.min(PAUSE_MS * attempts, LONGEST_PAUSE_MS));
    try {
      return await attempt();
    } catch (reason) {
      error = reason;
    }
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof PublishUnconfirmedError || (isTaskQueueError(error) && TRANSIENT.has(error.code));
}

/** Whatever the last attempt failed of, an earlier one may have stored the message. */
function toUnconfirmedError(
  error: unknown,
  unconfirmed: PublishUnconfirmedError,
  attempts: number,
  what: string,
): PublishUnconfirmedError {
  if (attempts === 1) return unconfirmed;
  const { message } = error as Error;
  const reason = message.startsWith(`${what}: `) ? message.slice(what.length + 2) : message;
  return new PublishUnconfirmedError(
    `${what}: the broker did not confirm it in ${attempts} attempts, of which the last one failed: ${reason}`,
    unconfirmed.messageId,
    error,
  );
}
