import { setTimeout as sleep } from 'node:timers/promises';
import { withDeadline } from '../errors/deadline.ts';
import { formatCount } from '../errors/number-text.ts';
import { ErrorCode, hasCode, isTaskQueueError, TaskQueueError } from '../errors/task-queue-error.ts';
import { globMatcher } from '../management/globs.ts';
import { listTaskQueues } from '../management/list-task-queues.ts';
import type { ManagementApiOptions } from '../management/management-api.ts';
import { type DepthReading, EVENT_DELAY_MS } from './known-messages.ts';
import { ignoreFailure, type LookOptions, TaskWatch } from './task-watch.ts';
import { notShown, type WatchItem } from './watch-items.ts';

/** The shortest interval between lists of all queues; a slow list is requested less often. */
const LIST_MS = 5_000;
const LIST_SHARE = 10;

/** How many tasks are looked at together: a slow reader does not hold up what looks under way find. */
const AT_ONCE = 100;

/** Tasks that are remembered although their queues are empty, as a watch can go on for weeks. */
const MAX_EMPTY = 1_000;

/** How long the last look may take, and how many tasks it is for when none is named: in others, messages are only counted. */
const END_MS = 3_000;
const LAST_LOOKS = 20;

const NO_MESSAGES: DepthReading = { depth: 0, added: 0, gone: 0 };

interface WatchedTasksOptions extends LookOptions {
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
  /** What shows up in the list from now on is new. */
  #areCounted = false;
  /** The watcher knows that the API does not answer. */
  #isUnanswered = false;

  constructor(ids: readonly string[], options: WatchedTasksOptions) {
    this.#tasks = new Map(ids.map((taskId) => [taskId, new TaskWatch(taskId, options)]));
    this.#areNamed = ids.length > 0;
    this.#matchers = (options.globs ?? ['*']).map(globMatcher);
    this.#options = options;
  }

  /** @throws TaskQueueError `INVALID_ARGUMENT` where the API could never answer */
  async checkOptions(): Promise<void> {
    const { api } = this.#options;
    if (api === undefined || this.#areNamed) return;
    const { ManagementApi } = await import('../management/management-api.ts');
    new ManagementApi(api).close();
  }

  isWatched(taskId: string): boolean {
    return this.#areNamed ? this.#tasks.has(taskId) : this.#matchers.some((matches) => matches(taskId));
  }

  get(taskId: string): TaskWatch {
    const task = this.#tasks.get(taskId) ?? new TaskWatch(taskId, this.#options);
    // Where queues are not looked at, nothing has to be known of them.
    if (this.#options.api) this.#tasks.set(taskId, task);
    return task;
  }

  /** What is there when the watch begins, while events are held back: of each task the newest `tail` messages at most. */
  async snapshot(tail: number): Promise<WatchItem[]> {
    if (!this.#areNamed && this.#options.api && tail > 0) await this.#tryList('counted');
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

  /** Follows them until the signal. */
  async poll(): Promise<void> {
    const { api, signal } = this.#options;
    if (this.#areNamed) await Promise.all([...this.#tasks.values()].map((task) => task.poll()));
    while (api && !this.#areNamed && !signal.aborted) {
      const startedAt = performance.now();
      const isFirst = !this.#areCounted;
      const readings = await this.#tryList(isFirst ? 'counted' : 'statistics');
      const pauseMs = isFirst ? LIST_MS : Math.max(LIST_MS, (performance.now() - startedAt) * LIST_SHARE);
      if (readings)
        await this.#each(async (task) => {
          const { depth, added, gone } = readings.get(task) ?? NO_MESSAGES;
          // Messages queued before the watch are not read.
          if (isFirst) task.known.noteUnseen(Math.max(0, depth - added + gone));
          else if (depth !== task.known.size) await task.check().catch(ignoreFailure);
          else if (depth === 0 && this.#tasks.size > MAX_EMPTY) this.#tasks.delete(task.taskId);
        });
      await sleep(pauseMs, undefined, { ref: false });
    }
  }

  /** After an interruption: what came meanwhile is older than what events announce from now on. */
  async catchUp(): Promise<void> {
    if (this.#areNamed || this.#areCounted) await this.#each((task) => task.look().catch(ignoreFailure));
  }

  /** @returns the end of the watch: how many messages it has not shown, if any */
  async lastLook(): Promise<WatchItem | undefined> {
    const ending = new AbortController();
    const late = new TaskQueueError(ErrorCode.noAnswer, `this took longer than ${END_MS / 1_000} s`);
    try {
      // What a reader has taken already is in no queue: there is only its event, which may be on its way.
      const checking = sleep(EVENT_DELAY_MS).then(() => this.#checkAll(ending.signal));
      const checked = await withDeadline(checking, END_MS, () => late);
      const unseen = checked.filter(({ missed }) => missed > 0);
      const missed = unseen.reduce((sum, each) => sum + each.missed, 0);
      const [where, taskId] =
        unseen.length > 1 ? [` in ${formatCount(unseen.length, 'task')}`] : ['', unseen[0]?.taskId];
      return missed === 0 ? undefined : notShown(taskId, missed, where, 'the watch ended first');
    } catch (error) {
      if (!isTaskQueueError(error)) throw error;
      const reason = `the last messages were not counted: ${error.message}`;
      return { kind: 'gap', taskId: undefined, reason };
    } finally {
      ending.abort();
    }
  }

  async #checkAll(signal: AbortSignal): Promise<{ taskId: string; missed: number }[]> {
    await this.#each(({ looking }) => looking);
    if (this.#areNamed)
      return this.#each(async (task) => ({ taskId: task.taskId, missed: await task.check() }));
    // Where the messages at the beginning are not known, what is missed is not known either.
    const readings = this.#areCounted ? [...(await this.#list('counted', signal))] : [];
    const unseen = readings.filter(([{ known }, reading]) => known.unannounced(reading) > 0);
    return Promise.all(
      unseen.map(async ([task, reading], index) => {
        const missed = index < LAST_LOOKS ? await task.check() : task.known.unannounced(reading);
        return { taskId: task.taskId, missed };
      }),
    );
  }

  async #each<T>(work: (task: TaskWatch) => Promise<T>): Promise<T[]> {
    const tasks = [...this.#tasks.values()];
    const results: T[] = [];
    for (let start = 0; start < tasks.length; start += AT_ONCE)
      results.push(...(await Promise.all(tasks.slice(start, start + AT_ONCE).map(work))));
    return results;
  }

  /** @returns undefined, after a gap that says so, when the API does not answer */
  async #tryList(source: 'counted' | 'statistics'): Promise<Map<TaskWatch, DepthReading> | undefined> {
    const { put, signal } = this.#options;
    try {
      const readings = await this.#list(source, signal);
      this.#areCounted = true;
      this.#isUnanswered = false;
      return readings;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!isTaskQueueError(error)) throw error;
      const reason = `messages of publishers without events are not seen for now: ${error.message}`;
      if (!this.#isUnanswered) put({ kind: 'gap', taskId: undefined, reason });
      this.#isUnanswered = true;
      return undefined;
    }
  }

  /** How many messages are ready in each task that has some. */
  async #list(source: 'counted' | 'statistics', signal: AbortSignal): Promise<Map<TaskWatch, DepthReading>> {
    const { client, api } = this.#options;
    const before = new Map([...this.#tasks.values()].map((task) => [task, task.known.counts]));
    const readings = new Map<TaskWatch, DepthReading>();
    for await (const queues of listTaskQueues({ ...api, prefix: client.prefix, source, signal }))
      for (const { taskId, ready: depth = 0 } of queues) {
        if (depth === 0 || !this.isWatched(taskId)) continue;
        const task = this.get(taskId);
        readings.set(task, { ...NO_MESSAGES, ...before.get(task), depth });
      }
    return readings;
  }
}
