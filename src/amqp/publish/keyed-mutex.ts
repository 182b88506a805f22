import { withDeadline } from '../../errors/deadline.ts';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';

/** How long a piece of work may wait for its turn. */
export interface TurnDeadline {
  timeoutMs: number;
  /** The error for the caller; the work does not start. */
  onTimeout: () => Error;
}

/**
 * Runs work of one key strictly one after the other, in call order; different keys run side by side. When a piece of
 * work has waited in vain for a lost connection, those behind it fail with it: each would wait as long again.
 */
export class KeyedMutex {
  /** Each resolves when all work so far has ended, to the error with which those behind it fail. */
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #deadline: TurnDeadline;

  constructor(deadline: TurnDeadline) {
    this.#deadline = deadline;
  }

  /** Whether work for this key is running or waiting. */
  isBusy(key: string): boolean {
    return this.#tails.has(key);
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const { timeoutMs, onTimeout } = this.#deadline;
    const before = this.#tails.get(key);
    let hasTurn = before === undefined;
    const result = before
      ? withDeadline(before, timeoutMs, onTimeout).then((failure) => {
          if (failure !== undefined) throw failure;
          hasTurn = true;
          return work();
        })
      : work();
    const done = result.then(() => {}, failureOfAll);
    // If work gives up waiting, the next one still waits for everything before it.
    const tail = before ? Promise.all([before, done]).then(([first, second]) => first ?? second) : done;
    this.#tails.set(key, tail);
    // Keeps the map as small as the number of keys in use.
    const forget = () => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    try {
      return await result;
    } finally {
      if (hasTurn) forget();
      else before?.then(forget);
    }
  }
}

function failureOfAll(error: unknown): unknown {
  return hasCode(error, ErrorCode.connectionFailed) ? error : undefined;
}
