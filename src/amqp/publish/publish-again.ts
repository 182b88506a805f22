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
 * Publishes a message until it is confirmed, or the time is over. Each attempt may have stored it: that is why this is
 * for those who ask for it.
 *
 * @param failure of the first attempt, which the caller has made: nearly all of them succeed, and need none of this
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
    // The first one was made by the caller.
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
    // Whatever the last attempt failed of, an earlier one may have stored the message.
    if (!isUnconfirmed || attempts === 1) throw error;
    const reason = `the broker did not confirm it in ${attempts} attempts, of which the last one failed: ${(error as Error).message}`;
    throw unconfirmedError(reason, messageId, error);
  }
}
