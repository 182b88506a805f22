import { isTaskQueueError } from '../errors/task-queue-error.ts';
import { listTaskQueues } from '../management/list-task-queues.ts';
import type { ManagementApiOptions } from '../management/management-api.ts';
import { type LookOptions, pause, type TaskReading, TaskWatch } from './task-watch.ts';

/** The shortest interval between lists of all queues; a slow list is requested less often. */
const LIST_MS = 5_000;
const LIST_SHARE = 10;

/** The maximum age of the broker's statistics. */
const STATISTICS_MS = 15_000;

/** How many tasks are looked at together; most of a look is waiting for events. */
const LOOKS_AT_ONCE = 20;

/**
 * The tasks of a watch that names none, as they show up in events and in the list of queues. Queues are counted when the
 * watch begins and ends. In between, the list comes from the broker's statistics, as counting makes every queue look busy;
 * a task is looked at where it differs from what is known.
 */
export class AllTasks {
  readonly #options: LookOptions;
  readonly #api: ManagementApiOptions;
  readonly #isWatched: (taskId: string) => boolean;
  readonly #tasks = new Map<string, TaskWatch>();
  /** The messages that were there have been counted: what shows up from now on is new. */
  #hasBegun = false;
  /** The watcher knows that the API does not answer. */
  #isUnanswered = false;

  constructor(options: LookOptions, api: ManagementApiOptions, isWatched: (taskId: string) => boolean) {
    this.#options = options;
    this.#isWatched = isWatched;
    this.#api = api;
  }

  [Symbol.iterator](): Iterator<TaskWatch> {
    return this.#tasks.values();
  }

  get(taskId: string): TaskWatch {
    let task = this.#tasks.get(taskId);
    if (task === undefined) {
      // What was there before the watch is not shown.
      task = new TaskWatch(taskId, this.#options, false);
      this.#tasks.set(taskId, task);
    }
    return task;
  }

  /** @throws TaskQueueError `INVALID_ARGUMENT` where the API could never answer */
  async checkOptions(): Promise<void> {
    const { ManagementApi } = await import('../management/management-api.ts');
    new ManagementApi(this.#api).close();
  }

  /** Follows them until the signal. */
  async poll(): Promise<void> {
    const { signal } = this.#options;
    let pauseMs: number;
    do {
      pauseMs = LIST_MS;
      if (this.#hasBegun) {
        const startedAt = performance.now();
        const readings = await this.list('statistics');
        pauseMs = Math.max(LIST_MS, (performance.now() - startedAt) * LIST_SHARE);
        if (readings !== undefined) await this.#lookWhereDifferent(readings);
      } else {
        // Messages queued before the watch are not read.
        for (const { task, depth, added, gone } of (await this.list('counted')) ?? [])
          task.known.noteUnseen(Math.max(0, depth - added + gone));
      }
    } while (await pause(pauseMs, signal));
  }

  /** @returns the tasks that have messages; undefined, after a gap that says so, when the API does not answer */
  async list(source: 'counted' | 'statistics'): Promise<TaskReading[] | undefined> {
    const { items, signal } = this.#options;
    try {
      const readings = await this.#list(source, signal);
      this.#hasBegun = true;
      this.#isUnanswered = false;
      return readings;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!isTaskQueueError(error)) throw error;
      const reason = `messages of publishers without events are not seen for now: ${error.message}`;
      if (!this.#isUnanswered) items.put({ kind: 'gap', taskId: undefined, reason });
      this.#isUnanswered = true;
      return undefined;
    }
  }

  /** Counts again, after what is being looked at; nothing where the beginning is not known. */
  async end(signal: AbortSignal): Promise<TaskReading[]> {
    if (!this.#hasBegun) return [];
    await Promise.all([...this].map((task) => task.looked()));
    return this.#list('counted', signal);
  }

  async #list(source: 'counted' | 'statistics', signal: AbortSignal): Promise<TaskReading[]> {
    const { prefix } = this.#options.client;
    const before = new Map([...this].map((task) => [task, task.known.counts]));
    const readings: TaskReading[] = [];
    for await (const queues of listTaskQueues({ ...this.#api, prefix, source, signal }))
      for (const { taskId, ready: depth = 0 } of queues) {
        if (depth === 0 || !this.#isWatched(taskId)) continue;
        const task = this.get(taskId);
        readings.push({ task, depth, ...(before.get(task) ?? { added: 0, gone: 0 }) });
      }
    return readings;
  }

  async #lookWhereDifferent(readings: TaskReading[]): Promise<void> {
    const depths = new Map(readings.map(({ task, depth }) => [task, depth]));
    const different: TaskWatch[] = [];
    for (const task of this) {
      const depth = depths.get(task) ?? 0;
      const { size, updatedAt } = task.known;
      const isQuiet = performance.now() - updatedAt > STATISTICS_MS;
      if (depth > size || task.mustLook || (isQuiet && depth < size)) different.push(task);
      else if (isQuiet && depth === 0) this.#tasks.delete(task.taskId);
    }
    const { signal } = this.#options;
    for (let start = 0; start < different.length && !signal.aborted; start += LOOKS_AT_ONCE)
      await Promise.all(different.slice(start, start + LOOKS_AT_ONCE).map((task) => task.look()));
  }
}
