import { isTaskQueueError } from '../errors/task-queue-error.ts';
import { listTaskQueues } from '../management/list-task-queues.ts';
import type { ManagementApiOptions } from '../management/management-api.ts';
import { type LookOptions, pause, type UnannouncedMessages } from './unannounced-messages.ts';
import { WatchedTask } from './watched-task.ts';

/** The shortest interval between lists of all queues; a slow list is requested less often. */
const LIST_MS = 5_000;
const LIST_SHARE = 20;

/** The maximum age of the broker's statistics. */
const STATISTICS_MS = 15_000;

/**
 * The tasks of a watch that names none, as they show up in events and in the list of queues. The list comes from the
 * broker's statistics, as counting would make every queue look busy; a task is looked at where it differs from what is known.
 */
export class AllTasks {
  readonly #options: LookOptions;
  readonly #unannounced: UnannouncedMessages;
  readonly #api: ManagementApiOptions;
  readonly #isWatched: (taskId: string) => boolean;
  readonly #tasks = new Map<string, WatchedTask>();
  /** The API has answered: what shows up from now on is new. */
  #isListed: boolean | undefined;

  constructor(
    options: LookOptions,
    unannounced: UnannouncedMessages,
    api: ManagementApiOptions,
    isWatched: (taskId: string) => boolean,
  ) {
    this.#options = options;
    this.#isWatched = isWatched;
    this.#unannounced = unannounced;
    this.#api = api;
  }

  [Symbol.iterator](): Iterator<WatchedTask> {
    return this.#tasks.values();
  }

  get(taskId: string): WatchedTask {
    let task = this.#tasks.get(taskId);
    if (task === undefined) {
      task = new WatchedTask(taskId);
      task.mustLook = false;
      this.#tasks.set(taskId, task);
    }
    return task;
  }

  /** Follows them until the signal. */
  async poll(): Promise<void> {
    const { signal } = this.#options;
    let tookMs = 0;
    do {
      const startedAt = performance.now();
      const isFirst = !this.#isListed;
      const listed = await this.list();
      tookMs = performance.now() - startedAt;
      for (const task of listed === undefined ? [] : [...this]) {
        if (signal.aborted) return;
        const ready = listed?.get(task) ?? 0;
        const isQuiet = performance.now() - task.knownAt > STATISTICS_MS;
        // Messages queued before the watch are not read.
        if (isFirst) task.noteUnseen(Math.max(0, ready - task.size));
        else if (ready > task.size || task.mustLook || (isQuiet && ready < task.size))
          await this.#unannounced.look(task);
        else if (isQuiet && ready === 0) this.#tasks.delete(task.taskId);
      }
    } while (await pause(Math.max(LIST_MS, tookMs * LIST_SHARE), signal));
  }

  /** @returns the tasks that have messages, and how many; `undefined`, with a gap that says so, when nobody knows */
  async list(): Promise<Map<WatchedTask, number> | undefined> {
    const { client, items, signal } = this.#options;
    const { prefix } = client;
    const listed = new Map<WatchedTask, number>();
    try {
      for await (const queues of listTaskQueues({ ...this.#api, prefix, source: 'statistics', signal }))
        for (const { taskId, ready = 0 } of queues)
          if (ready > 0 && this.#isWatched(taskId)) listed.set(this.get(taskId), ready);
      this.#isListed = true;
      return listed;
    } catch (error) {
      if (!isTaskQueueError(error) && !signal.aborted) throw error;
      // It is not known which tasks ended: when the API answers again, everything present counts as there before.
      this.#tasks.clear();
      const reason = `messages of publishers without events are not seen for now: ${(error as Error).message}`;
      if (this.#isListed !== false) items.put({ kind: 'gap', taskId: undefined, reason });
      this.#isListed = false;
      return undefined;
    }
  }
}
