import { retry } from '../../errors/retry.ts';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import { unconfirmedError } from './publish-errors.ts';

const PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

export interface PublishAgainOptions {
  /** Until when an attempt follows another, by `Date.now()`. */
  giveUpAt: number;
  /** The same in every attempt. */
  messageId: string | undefined;
}

/**
 * Publishes a message until it is confirmed or time is up. Each attempt may store it, so this is opt-in.
 *
 * @param failure of the first attempt, which the caller has made: almost all succeed and do not need this
 * @throws AmqpFailure `PUBLISH_UNCONFIRMED` when an attempt has sent the message, even if a later one failed for another reason:
 * it may be in the queue
 */
export async function publishAgain(
  failure: unknown,
  attempt: () => Promise<void>,
  { giveUpAt, messageId }: PublishAgainOptions,
): Promise<void> {
  let isUnconfirmed = false;
  let attempts = 0;
  const next = () => {
    attempts++;
    // The caller has made the first one.
    return attempts === 1 ? Promise.reject(failure) : attempt();
  };
  try {
    await retry(next, {
      giveUpAt,
      attempts: messageId === undefined ? 1 : Number.POSITIVE_INFINITY,
      pauseMs: PAUSE_MS,
      longestPauseMs: LONGEST_PAUSE_MS,
      onRetry: (error) => {
        isUnconfirmed ||= hasCode(error, ErrorCode.publishUnconfirmed);
      },
    });
  } catch (error) {
    // Whatever made the last attempt fail, an earlier one may have stored the message.
    if (!isUnconfirmed || attempts === 1) throw error;
    const reason = `the broker did not confirm it in ${attempts} attempts; the last one failed: ${(error as Error).message}`;
    throw unconfirmedError(reason, messageId, error);
  }
}
