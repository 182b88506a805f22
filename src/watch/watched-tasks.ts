import { setTimeout as sleep } from 'node:timers/promises';
import { withDeadline } from '../errors/deadline.ts';
import { formatCount } from '../errors/number-text.ts';
import { ErrorCode, hasCode, isTaskQueueError, TaskQueueError } from '../errors/task-queue-error.ts';
import { globMatcher } from '../management/globs.ts';
import { listTaskQueues } from '../management/list-task-queues.ts';
import type { ManagementApiOptions } from '../management/management-api.ts';
import { EVENT_DELAY_MS } from './known-messages.ts';
import { ignoreFailure, TaskWatch, type TaskWatchOptions } from './task-watch.ts';
import { notShown, type WatchItem } from './watch-items.ts';

/** The shortest interval between lists of all queues; a slow list is requested less often. */
const LIST_MS = 5_000;
const LIST_SHARE = 10;

/** How many tasks are looked at together: a client has few channels, and a task waits for one for some time only. */
const AT_ONCE = 100;

/** Tasks that are remembered although their queues are empty, as a watch can go on for weeks. */
const MAX_EMPTY = 1_000;

/** How long the last look may take. */
const END_MS = 3_000;

interface WatchedTasksOptions extends TaskWatchOptions {
  api: ManagementApiOptions | undefined;
  globs: readonly string[] | undefined;
}

/**
 * The tasks that are named. Or else those that show up in events and, with the management API, in its list of queues: it
 * counts messages when the watch begins and ends. In between, it has the broker's statistics, as counting makes every queue
 * look busy; a task is checked where they differ from what is known.
 */
export class WatchedTasks {
  readonly #tasks: Map<string, TaskWatch>;
  readonly #areNamed: boolean;
  readonly #matchers: ((taskId: string) => boolean)[];
  readonly #options: WatchedTasksOptions;
  /** What was queued before the watch is known: anything else is new. */
  #areCounted: boolean;
  /** The watcher knows that the API does not answer. */
  #isUnanswered = false;

  constructor(ids: readonly string[], options: WatchedTasksOptions) {
    this.#tasks = new Map(ids.map((taskId) => [taskId, new TaskWatch(taskId, options)]));
    this.#areNamed = ids.length > 0;
    this.#areCounted = this.#areNamed;
    this.#matchers = (options.globs ?? ['*']).map(globMatcher);
    this.#options = options;
  }

  /** @returns undefined for a task that is not watched */
  get(taskId: string): TaskWatch | undefined {
    const known = this.#tasks.get(taskId);
    if (known || this.#areNamed || !this.#matchers.some((matches) => matches(taskId))) return known;
    const task = new TaskWatch(taskId, this.#options);
    // Where queues are not looked at, nothing has to be known of them.
    if (this.#options.api) this.#tasks.set(taskId, task);
    return task;
  }

  /** What is there when the watch begins, while events are held back: of each task the newest `tail` messages at most. */
  async snapshot(tail: number): Promise<WatchItem[]> {
    if (tail > 0) await this.#changed('counted').catch((error) => this.#noteUnanswered(error));
    const snapshots = await this.#each(async (task) => {
      const items = await task.snapshot(tail, false).catch((error) => {
        if (!hasCode(error, ErrorCode.connectionLost, ErrorCode.brokerError)) throw error;
      });
      return { task, items };
    });
    const all: WatchItem[] = [];
    // A message that RabbitMQ cannot deliver ends the connection for those that are looked at together.
    for (const { task, items } of snapshots) all.push(...(items ?? (await task.snapshot(tail, true))));
    return all;
  }

  /** Checks tasks until the signal. */
  async poll(): Promise<void> {
    const { api, signal } = this.#options;
    if (this.#areNamed) await Promise.all([...this.#tasks.values()].map((task) => task.poll()));
    while (api && !signal.aborted) {
      const startedAt = performance.now();
      const listed = this.#changed(this.#areCounted ? 'statistics' : 'counted');
      const changed = await listed.catch((error) => this.#noteUnanswered(error));
      const pauseMs = Math.max(LIST_MS, (performance.now() - startedAt) * LIST_SHARE);
      await this.#each((task) => task.check().catch(ignoreFailure), changed);
      for (const task of this.#tasks.size > MAX_EMPTY ? this.#tasks.values() : [])
        if (task.known.size === 0) this.#tasks.delete(task.taskId);
      await sleep(pauseMs, undefined, { ref: false });
    }
  }

  /** After an interruption: what came meanwhile is older than what events announce from now on. */
  async catchUp(): Promise<void> {
    if (this.#areCounted) await this.#each((task) => task.look().catch(ignoreFailure));
  }

  /** Adds, when the watch ends, how many messages it has not shown, if any. */
  async lastLook(): Promise<void> {
    // Where the messages at the beginning are not known, what is missed is not known either.
    if (!this.#areCounted) return;
    const { put } = this.#options;
    const ending = new AbortController();
    const late = new TaskQueueError(ErrorCode.noAnswer, `this took longer than ${END_MS / 1_000} s`);
    try {
      const checked = await withDeadline(this.#checkAll(ending.signal), END_MS, () => late);
      const tasks = checked.filter(({ known }) => known.unexplained > 0);
      const missed = tasks.reduce((sum, { known }) => sum + known.unexplained, 0);
      const [where, taskId] =
        tasks.length > 1 ? [` in ${formatCount(tasks.length, 'task')}`] : ['', tasks[0]?.taskId];
      if (missed > 0) put(notShown(taskId, missed, where, 'the watch ended first'));
    } catch (error) {
      const reason = `the last messages were not counted: ${ignoreFailure(error)}`;
      put({ kind: 'gap', taskId: undefined, reason });
    } finally {
      ending.abort();
    }
  }

  async #checkAll(signal: AbortSignal): Promise<TaskWatch[]> {
    // What a reader has taken already is in no queue: there is only its event, which may be on its way.
    await sleep(EVENT_DELAY_MS);
    const changed = await this.#changed('counted', signal);
    await this.#each((task) => task.check(), changed);
    return changed;
  }

  async #each<T>(work: (task: TaskWatch) => Promise<T>, tasks = [...this.#tasks.values()]): Promise<T[]> {
    const results: T[] = [];
    for (let start = 0; start < tasks.length; start += AT_ONCE)
      results.push(...(await Promise.all(tasks.slice(start, start + AT_ONCE).map(work))));
    return results;
  }

  /** Tasks whose queues may hold other numbers of messages than is known. The first time, what they hold becomes known. */
  async #changed(source: 'counted' | 'statistics', signal = this.#options.signal): Promise<TaskWatch[]> {
    const { client, api } = this.#options;
    if (this.#areNamed || !api) return [...this.#tasks.values()];
    const depths = new Map<TaskWatch, number>();
    for await (const queues of listTaskQueues({ ...api, prefix: client.prefix, source, signal }))
      for (const { taskId, ready = 0 } of queues) {
        const task = ready > 0 ? this.get(taskId) : undefined;
        if (task) depths.set(task, ready);
      }
    const isFirst = !this.#areCounted;
    this.#areCounted = true;
    this.#isUnanswered = false;
    return [...this.#tasks.values()].filter((task) => {
      const depth = depths.get(task) ?? 0;
      if (isFirst) task.known.noteUnseen(Math.max(0, depth - task.known.size));
      return depth !== task.known.size;
    });
  }

  /** Says once that the API does not answer. @returns no tasks */
  #noteUnanswered(error: unknown): TaskWatch[] {
    if (this.#options.signal.aborted) return [];
    if (!isTaskQueueError(error)) throw error;
    const reason = `messages of publishers without events are not seen for now: ${error.message}`;
    if (!this.#isUnanswered) this.#options.put({ kind: 'gap', taskId: undefined, reason });
    this.#isUnanswered = true;
    return [];
  }
}
