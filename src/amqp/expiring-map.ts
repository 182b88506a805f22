import { setNewest } from '../forget-oldest.ts';

/** Remembers values for a while, and forgets the oldest when there are too many. */
export class ExpiringMap<Value> {
  readonly #keepMs: number;
  readonly #most: number;
  readonly #entries = new Map<string, { value: Value; until: number }>();

  /**
   * @param keepMs how long each value is remembered
   * @param most how many
   */
  constructor(keepMs: number, most: number) {
    this.#keepMs = keepMs;
    this.#most = most;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    return entry && performance.now() < entry.until ? entry.value : undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  set(key: string, value: Value): void {
    setNewest(this.#entries, key, { value, until: performance.now() + this.#keepMs }, this.#most);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
