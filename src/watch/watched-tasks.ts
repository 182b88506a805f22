import { WatchedTask } from './watched-task.ts';

/** Longer than the broker's statistics take to tell of a message. */
const KEEP_MS = 60_000;

/** The tasks of a watch: those named, or all there are, as they show up. */
export class WatchedTasks {
  readonly #tasks: Map<string, WatchedTask>;
  readonly #areNamed: boolean;
  /** When each was last heard of. */
  readonly #heardAt = new Map<string, number>();

  /** @param named none for all tasks */
  constructor(named: readonly string[]) {
    this.#tasks = new Map(named.map((taskId) => [taskId, new WatchedTask(taskId)]));
    this.#areNamed = named.length > 0;
  }

  /** The ones named. */
  [Symbol.iterator](): Iterator<WatchedTask> {
    return this.#tasks.values();
  }

  isWatched(taskId: string): boolean {
    return !this.#areNamed || this.#tasks.has(taskId);
  }

  /** One that is known of already. */
  find(taskId: string): WatchedTask | undefined {
    return this.#tasks.get(taskId);
  }

  get(taskId: string): WatchedTask {
    let task = this.#tasks.get(taskId);
    if (task === undefined) {
      task = new WatchedTask(taskId);
      this.#tasks.set(taskId, task);
    }
    if (!this.#areNamed) this.#heardAt.set(taskId, Date.now());
    return task;
  }

  /** Events may have been missed, of each. */
  noteGap(): void {
    for (const task of this.#tasks.values()) task.noteGap();
  }

  /** A watch can go on for weeks: tasks are forgotten that have no messages, and were not heard of lately. */
  forgetAllBut(present: ReadonlySet<string>): void {
    const longAgo = Date.now() - KEEP_MS;
    for (const [taskId, heardAt] of this.#heardAt) {
      if (present.has(taskId) || heardAt > longAgo) continue;
      this.#heardAt.delete(taskId);
      this.#tasks.delete(taskId);
    }
  }
}
