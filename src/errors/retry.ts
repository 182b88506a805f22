import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, isTaskQueueError } from './task-queue-error.ts';

/** What may be over by the next attempt. Wrong credentials, missing permissions and refused messages are not. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.connectionFailed,
  ErrorCode.connectionLost,
  ErrorCode.noAnswer,
  ErrorCode.busy,
  ErrorCode.brokerBlocked,
  ErrorCode.publishRejected,
  ErrorCode.publishUnconfirmed,
  // Of connections, for instance, that are dead, which the broker may not have noticed yet.
  ErrorCode.limitReached,
]);

/** Whether another attempt, or another node, may succeed where this has failed. */
export function isTransient(error: unknown): boolean {
  return isTaskQueueError(error) && TRANSIENT.has(error.code);
}

/** For {@link retry}. */
export interface RetryOptions {
  /** How often to try, at most. Default: until `giveUpAt`. */
  attempts?: number;
  /** No attempt begins after this time, by `Date.now()`. Default: none. */
  giveUpAt?: number;
  /** Whether to try again after this error. Default: {@link isTransient}. */
  mayRetry?: (error: unknown) => boolean;
  /** Before the second attempt, in milliseconds; doubled each time, and up to a half shorter by chance. Default: none. */
  pauseMs?: number;
  /** The longest pause. Default: `pauseMs`. */
  longestPauseMs?: number;
  /** Ends the pauses, and the attempts with them. */
  signal?: AbortSignal;
  /** Called before each pause. */
  onRetry?: (error: unknown, pauseMs: number) => void;
}

/**
 * Does the work until it succeeds.
 * @throws what the last attempt has failed with
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts = Number.POSITIVE_INFINITY, giveUpAt = Number.POSITIVE_INFINITY, signal } = options;
  const { mayRetry = isTransient, pauseMs = 0, longestPauseMs = pauseMs, onRetry } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      const longest = Math.min(pauseMs * 2 ** (attempt - 1), longestPauseMs);
      const pause = longest * (0.5 + Math.random() / 2);
      if (attempt >= attempts || Date.now() + pause > giveUpAt || signal?.aborted || !mayRetry(error))
        throw error;
      onRetry?.(error, pause);
      if (pause > 0) await sleep(pause, undefined, { signal }).catch(() => {});
      if (signal?.aborted) throw error;
    }
  }
}
