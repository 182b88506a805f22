import { forgetOldest } from '../forget-oldest.ts';

/** Progress may come for as long as a task of the client runs, and a server object may live longer than its tasks. */
const MAX_TOKENS = 10_000;

/**
 * The requests that went to the client straight, under the SDK's own numbers. The SDK takes any id or token for a
 * number (`"0"`, `""` and `[]` are 0), so nothing else may reach it.
 */
export class SentRequests {
  readonly #ids = new Set<unknown>();
  readonly #tokens = new Set<unknown>();

  note(id: unknown, progressToken: unknown): void {
    this.#ids.add(id);
    if (progressToken === undefined) return;
    this.#tokens.add(progressToken);
    forgetOldest(this.#tokens, MAX_TOKENS);
  }

  /** Whether a request with this id waits for its answer, which is the one now. */
  takeAnswered(id: unknown): boolean {
    return this.#ids.delete(id);
  }

  hasToken(token: unknown): boolean {
    return this.#tokens.has(token);
  }

  /** Returns whether a request with this id waited for its answer. */
  forget(id: unknown): boolean {
    this.#tokens.delete(id);
    return this.#ids.delete(id);
  }
}
