import { type DrainMarker, markDrain } from './drain-marker.ts';
import type { WrittenBefore } from './resumed-drain.ts';

/** The marker of a drain into a file, for as long as messages may be both in the file and in their queue. */
export class MarkedDrain {
  readonly #file: string;
  readonly #resuming: string | undefined;
  #taskId: string | undefined;
  #marker: DrainMarker | undefined;
  /** What an interrupted drain of the task has left in the file. */
  before: WrittenBefore | undefined;

  /**
   * @param file
   * @param resuming how the drain can be resumed if it is interrupted
   */
  constructor(file: string, resuming: string | undefined) {
    this.#file = file;
    this.#resuming = resuming;
  }

  get marker(): DrainMarker | undefined {
    return this.#marker;
  }

  /** To be called before messages of a task are written. A command drains one task after the other. */
  async begin(taskId: string): Promise<void> {
    if (this.#taskId === taskId) return;
    await this.clear();
    this.#marker = await markDrain(this.#file, taskId, this.#resuming);
    this.#taskId = taskId;
  }

  /**
   * The messages written so far are known to be removed.
   * @param isEmptied nothing that an interrupted drain has left can be in the queue any more
   */
  async settle(isEmptied: boolean): Promise<void> {
    // Otherwise what the interrupted drain has left may come later.
    if (this.before === undefined || this.before.isOver || isEmptied) await this.clear();
  }

  async clear(): Promise<void> {
    await this.#marker?.clear();
    this.#forget();
  }

  /** What was written may still be in the queue. */
  async leave(): Promise<void> {
    await this.#marker?.leave();
    this.#forget();
  }

  #forget(): void {
    this.#marker = undefined;
    this.#taskId = undefined;
  }
}
