import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, hasCode } from './task-queue-error.ts';

/** Failures that may be over by the next attempt: not wrong credentials, missing permissions or refused messages. */
const TRANSIENT = [
  ErrorCode.connectionFailed,
  ErrorCode.connectionLost,
  ErrorCode.noAnswer,
  ErrorCode.busy,
  ErrorCode.brokerBlocked,
  ErrorCode.publishRejected,
  ErrorCode.publishUnconfirmed,
  // For example, the broker may still count connections that are dead.
  ErrorCode.limitReached,
] as const;

/** Whether another attempt, or another node, may succeed. */
export function isTransient(error: unknown): boolean {
  return hasCode(error, ...TRANSIENT);
}

/** Whether no connection could be opened. What waits behind that would wait, or be refused, each for itself. */
export function isUnconnected(error: unknown): boolean {
  return hasCode(error, ...UNCONNECTED);
}

const UNCONNECTED = [
  ErrorCode.connectionFailed,
  ErrorCode.tlsFailed,
  ErrorCode.authenticationFailed,
  ErrorCode.vhostNotFound,
] as const;

export interface RetryOptions {
  /** How often to try, at most. Default: until `giveUpAt`. */
  attempts?: number;
  /** When the last attempt is made, by `performance.now()`: what is back just before is found. Default: never. */
  giveUpAt?: number;
  /** Whether to try again after this error. */
  mayRetry: (error: unknown) => boolean;
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
 * Repeats the work until it succeeds.
 * @throws the error of the last attempt
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts = Number.POSITIVE_INFINITY, giveUpAt = Number.POSITIVE_INFINITY, signal } = options;
  const { mayRetry, pauseMs = 0, longestPauseMs = pauseMs, onRetry } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      const leftMs = giveUpAt - performance.now();
      if (attempt >= attempts || leftMs <= 0 || signal?.aborted || !mayRetry(error)) throw error;
      const pause = Math.min(pauseAfter(attempt, pauseMs, longestPauseMs), Math.ceil(leftMs));
      onRetry?.(error, pause);
      if (pause > 0) await sleep(pause, undefined, { signal }).catch(() => {});
      if (signal?.aborted) throw error;
    }
  }
}

/** The pause after this number of attempts, as {@link RetryOptions} describes it. */
export function pauseAfter(attempts: number, pauseMs: number, longestPauseMs: number): number {
  return Math.min(pauseMs * 2 ** (attempts - 1), longestPauseMs) * (0.5 + Math.random() / 2);
}
