import { isUnconnected } from '../errors/retry.ts';

/** How long work waits before it is tried early. */
const PATIENCE_MS = 50;

/** For {@link Turns.run}. */
export interface TurnOptions {
  /** It may overlap with work before it that has the same word here. Default: it is alone. */
  overlaps?: string | undefined;
  /**
   * Behind nothing but work that overlaps as this says, it is tried before its turn, once; if that gives `undefined`, it waits
   * on. Default: it is not.
   */
  early?: string | undefined;
  /** Makes the error for work that has waited too long; it does not start. */
  onTimeout: () => Error;
  /** Called if the work has to wait, which it does not if this throws. Returns what to call when it waits no longer. */
  onWait?: (() => () => void) | undefined;
}

/** Consecutive work that may overlap, or one piece of work. */
interface Turn {
  readonly overlaps: string | undefined;
  /** Running or waiting to start. */
  works: number;
  readonly waiters: Set<Waiter>;
}

interface Waiter {
  start(): void;
  fail(error: unknown): void;
}

/**
 * Lets work of one key begin in the order of the calls: each waits for what was there before, unless both may overlap.
 * Different keys run side by side. When work could not connect, what is behind it fails with it: each would wait, or log in,
 * again.
 */
export class Turns {
  readonly #turns = new Map<string, Turn[]>();
  readonly #timeoutMs: number;
  readonly #failsAll: (error: unknown) => boolean;
  readonly #onIdle: (() => void)[] = [];

  /**
   * @param timeoutMs how long work waits for its turn
   * @param failsAll whether work that is behind fails with this error too
   */
  constructor(timeoutMs: number, failsAll = isUnconnected) {
    this.#timeoutMs = timeoutMs;
    this.#failsAll = failsAll;
  }

  /** Whether work for this key is running or waiting. @param overlaps only such work counts */
  has(key: string, overlaps?: string): boolean {
    const turns = this.#turns.get(key);
    return overlaps === undefined
      ? turns !== undefined
      : (turns?.some((turn) => turn.overlaps === overlaps) ?? false);
  }

  /** At once, if it is the work's turn. */
  run<T>(
    key: string,
    work: () => Promise<T>,
    { overlaps, early, onTimeout, onWait }: TurnOptions,
  ): Promise<T> {
    const turns = this.#turns.get(key);
    if (turns === undefined || joinable(turns, overlaps) === turns[0]) {
      return this.#begin(key, this.#enter(key, overlaps), work);
    }
    return new Promise((resolve, reject) => {
      const onEnd = onWait?.();
      const turn = this.#enter(key, overlaps);
      let timer: NodeJS.Timeout | undefined;
      const wait = () => {
        timer = setTimeout(() => waiter.fail(onTimeout()), this.#timeoutMs);
        turn.waiters.add(waiter);
      };
      const pause = () => {
        clearTimeout(timer);
        turn.waiters.delete(waiter);
      };
      const stopWaiting = () => {
        clearTimeout(earlyTimer);
        pause();
        onEnd?.();
      };
      const waiter: Waiter = {
        start: () => {
          stopWaiting();
          resolve(this.#begin(key, turn, work));
        },
        fail: (error) => {
          stopWaiting();
          reject(error);
          this.#leave(key, turn);
        },
      };
      const tryEarly = async () => {
        const ahead = turns.slice(0, turns.indexOf(turn));
        if (ahead.some((each) => each.overlaps !== early)) return;
        // Neither its turn nor its deadline may come amid this.
        pause();
        try {
          const result = await work();
          if (result === undefined) return turns[0] === turn ? waiter.start() : wait();
          stopWaiting();
          resolve(result);
          this.#leave(key, turn);
        } catch (error) {
          waiter.fail(error);
        }
      };
      const earlyTimer = early === undefined ? undefined : setTimeout(tryEarly, PATIENCE_MS);
      wait();
    });
  }

  /** Resolves when all work has ended, including what is added meanwhile. */
  async idle(): Promise<void> {
    if (this.#turns.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  async #begin<T>(key: string, turn: Turn, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#failsAll(error)) {
        const waiters = this.#turns.get(key)?.flatMap((each) => [...each.waiters]) ?? [];
        for (const waiter of waiters) waiter.fail(error);
      }
      throw error;
    } finally {
      this.#leave(key, turn);
    }
  }

  #enter(key: string, overlaps: string | undefined): Turn {
    const turns = this.#turns.get(key) ?? [];
    let turn = joinable(turns, overlaps);
    if (turn === undefined) {
      turn = { overlaps, works: 0, waiters: new Set() };
      this.#turns.set(key, turns);
      turns.push(turn);
    }
    turn.works++;
    return turn;
  }

  #leave(key: string, turn: Turn): void {
    const turns = this.#turns.get(key) as Turn[];
    turn.works--;
    if (turn.works === 0) turns.splice(turns.indexOf(turn), 1);
    const [next] = turns;
    if (next === undefined) {
      this.#turns.delete(key);
      if (this.#turns.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
      return;
    }
    // At once, as work that is added now joins its turn, and would overtake it. While the turn has begun, nothing waits.
    for (const waiter of [...next.waiters]) waiter.start();
  }
}

/** The last turn, if such work may join it. */
function joinable(turns: readonly Turn[], overlaps: string | undefined): Turn | undefined {
  const last = turns.at(-1);
  return overlaps !== undefined && last?.overlaps === overlaps ? last : undefined;
}
