import { ErrorCode, TaskQueueError } from '../errors.ts';

/** Keeps the operations that wait for the broker from growing in number, and in memory, for as long as it is away. */
export class WaitingLimit {
  readonly #max: number;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Counts one more, until {@link leave}.
   * @param what for the error message
   * @throws TaskQueueError `TOO_MANY_WAITING`
   */
  enter(what: string): void {
    if (this.#count >= this.#max) throw this.#refusal(what);
    this.#count++;
  }

  leave(): void {
    this.#count--;
  }

  #refusal(what: string): TaskQueueError {
    return new TaskQueueError(
      ErrorCode.tooManyWaiting,
      `${what}: ${this.#max} operations wait for the broker already`,
      {
        hint: 'Is it reachable, and does it take messages? Wait for some of them, or raise maxWaitingOperations.',
      },
    );
  }
}
