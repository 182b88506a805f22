import { withDeadline } from '../connection/deadline.ts';

/** How long work may wait for its turn. */
export interface TurnDeadline {
  timeoutMs: number;
  /** What its caller gets then; the work is not begun. */
  onTimeout: () => Error;
}

/** Runs work of one key strictly one after the other, in call order; different keys run side by side. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Somebody is running or waiting under this key. */
  isBusy(key: string): boolean {
    return this.#tails.has(key);
  }

  async run<T>(key: string, work: () => Promise<T>, deadline?: TurnDeadline): Promise<T> {
    const before = this.#tails.get(key);
    let hasTurn = before === undefined;
    const result = before
      ? within(before, deadline).then(() => {
          hasTurn = true;
          return work();
        })
      : work();
    const done = result.then(ignore, ignore);
    // Behind work that gave up waiting, the next one still waits for what was before it.
    const tail = before && deadline ? Promise.all([before, done]) : done;
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

function within(turn: Promise<unknown>, deadline: TurnDeadline | undefined): Promise<unknown> {
  return deadline ? withDeadline(turn, deadline.timeoutMs, deadline.onTimeout) : turn;
}

function ignore(): void {}
