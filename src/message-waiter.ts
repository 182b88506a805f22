import { ErrorCode, TaskQueueError } from './errors.ts';

export interface WaitOptions {
  /** Stop waiting; the wait rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Stop waiting after this long, with a TaskQueueError `TIMEOUT`. Default: wait for ever. */
  timeoutMs?: number;
}

/** Pauses between two looks at a queue: quick at first, gentle to the broker later. */
const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 500;

/**
 * Waits for tasks to have a message, by looking at the depth of their queues with growing pauses, and at once
 * when told that one has arrived.
 */
export class MessageWaiter {
  readonly #hasMessage: (taskId: string) => Promise<boolean>;
  readonly #wakers = new Map<string, Set<() => void>>();
  readonly #closing = new AbortController();

  constructor(hasMessage: (taskId: string) => Promise<boolean>) {
    this.#hasMessage = hasMessage;
  }

  async wait(taskId: string, { signal, timeoutMs }: WaitOptions = {}): Promise<void> {
    const giveUpAt = timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS)) {
      signal?.throwIfAborted();
      if (await this.#hasMessage(taskId)) return;
      const leftMs = giveUpAt - Date.now();
      if (leftMs <= 0) throw timeoutError(taskId, timeoutMs as number);
      // Jitter keeps many waits that began together from asking the broker all at once.
      await this.#pause(taskId, Math.min(leftMs, pauseMs * (0.75 + Math.random() / 2)), signal);
      if (this.#closing.signal.aborted) throw closedError(taskId);
    }
  }

  /** Lets every wait for this task look at once. */
  notify(taskId: string): void {
    for (const wake of this.#wakers.get(taskId) ?? []) wake();
  }

  /** Ends every wait with a TaskQueueError `CLOSED`. */
  close(): void {
    this.#closing.abort();
    for (const taskId of [...this.#wakers.keys()]) this.notify(taskId);
  }

  #pause(taskId: string, ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wakers = this.#wakers.get(taskId) ?? new Set();
      this.#wakers.set(taskId, wakers);
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        wakers.delete(wake);
        if (wakers.size === 0) this.#wakers.delete(taskId);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener('abort', wake);
      wakers.add(wake);
    });
  }
}

function timeoutError(taskId: string, timeoutMs: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.timeout,
    `No message came for task ${JSON.stringify(taskId)} within ${timeoutMs} ms`,
  );
}

function closedError(taskId: string): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.closed,
    `The queue was closed while waiting for a message of task ${JSON.stringify(taskId)}`,
  );
}
