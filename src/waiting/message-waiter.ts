import { onAbort } from '../concurrency/on-abort.ts';
import { withResolvers } from '../concurrency/with-resolvers.ts';
import { withDeadline } from '../errors/deadline.ts';
import { taskName } from '../errors/task-name.ts';
import { ErrorCode, hasCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { WAIT_CHECKS } from '../options/call-checks.ts';
import { checkOptions, MAX_TIMER_MS } from '../options/check-options.ts';
import type {
  QueueDepth,
  SubscriptionListener,
  TaskEventSubscription,
  WaitOptions,
} from '../options/client-options.ts';
import { DepthPoller } from './depth-poller.ts';

/** Servers wait for the same task repeatedly, so keep following it for a while. */
const LINGER_MS = 10_000;

/** Pause before retrying a refused subscription. */
const RETRY_MS = 10_000;

/** An answer takes less than a millisecond; this allows for a busy machine. */
const LAST_LOOK_MS = 2_000;

/** The broker cannot be asked. */
const UNREACHABLE = [
  ErrorCode.connectionLost,
  ErrorCode.connectionFailed,
  ErrorCode.noAnswer,
  ErrorCode.busy,
] as const;

/** What a wait needs of a client. */
interface WaitedQueues {
  depth(taskId: string): Promise<QueueDepth | undefined>;
  subscribe(events: ['enqueued'], listener: SubscriptionListener): Promise<TaskEventSubscription>;
}

interface WaitedTask {
  taskId: string;
  wakers: Set<(outcome: 'look' | TaskQueueError) => void>;
  lingering: NodeJS.Timeout | undefined;
}

/**
 * Waits for tasks to have a message, for one process: events wake it at once, through one queue of its own,
 * and for publishers without events it looks at the depths of the queues, with growing pauses.
 */
export class MessageWaiter {
  readonly #client: WaitedQueues;
  readonly #warn: (warning: TaskQueueError) => void;
  readonly #tasks = new Map<string, WaitedTask>();
  #subscription: Promise<TaskEventSubscription | undefined> | undefined;
  /** Why there is none. */
  #lastWarning: ErrorCode | undefined;
  readonly #looks = new DepthPoller((taskId) => this.#look(taskId));
  #isClosed = false;

  constructor(client: WaitedQueues, warn: (warning: TaskQueueError) => void) {
    this.#client = client;
    this.#warn = warn;
  }

  /** @throws TaskQueueError `INVALID_ARGUMENT` */
  async wait(taskId: string, options?: WaitOptions): Promise<void> {
    const { signal, timeoutMs } = checkOptions(options, WAIT_CHECKS);
    const giveUpAt = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
    while (true) {
      signal?.throwIfAborted();
      // Created before the check, so that anything after it wakes this wait.
      const { woken, ended, cancel } = this.#next(taskId, signal, giveUpAt);
      try {
        if (await Promise.race([this.#hasMessage(taskId), ended])) return;
        await Promise.race([woken, ended]);
      } catch (error) {
        // The read connection was lost: the next check waits for it to return.
        if (hasCode(error, ErrorCode.connectionLost)) continue;
        if (!hasCode(error, ErrorCode.waitTimeout)) throw error;
        if (await this.#lastLook(taskId)) return;
        throw error;
      } finally {
        cancel();
      }
    }
  }

  /** Makes every wait for this task check at once. */
  notify(taskId: string): void {
    for (const wake of [...(this.#tasks.get(taskId)?.wakers ?? [])]) wake('look');
  }

  /** Ends every wait with a TaskQueueError `CLOSED`. The client closes the subscription. */
  close(): void {
    this.#isClosed = true;
    this.#looks.stopAll();
    for (const { taskId, wakers, lingering } of this.#tasks.values()) {
      clearTimeout(lingering);
      for (const wake of [...wakers]) wake(closedError(taskId));
    }
    this.#tasks.clear();
  }

  async #hasMessage(taskId: string): Promise<boolean> {
    try {
      return ((await this.#client.depth(taskId))?.messages ?? 0) > 0;
    } catch (error) {
      // Its node may come back, and its messages with it.
      if (hasCode(error, ErrorCode.queueUnavailable)) return false;
      throw error;
    }
  }

  /**
   * A last check at the end of a wait: only an answer proves that no message came. Without one, it is not known.
   * @throws TaskQueueError `NO_ANSWER`
   */
  #lastLook(taskId: string): Promise<boolean> {
    const unknown = (cause?: unknown) => unansweredError(taskId, cause);
    const look = this.#hasMessage(taskId).catch((cause) => {
      throw hasCode(cause, ...UNREACHABLE) ? unknown(cause) : cause;
    });
    return withDeadline(look, LAST_LOOK_MS, unknown);
  }

  /** The next reason to check the task's queue, and the end of the wait, which comes though a check may take longer. */
  #next(taskId: string, signal: AbortSignal | undefined, giveUpAt: number | undefined) {
    const task = this.#enter(taskId);
    const { promise: woken, resolve: look } = withResolvers();
    const { promise: ended, reject: end } = withResolvers<never>();
    ended.catch(() => {});
    const wake = (outcome: 'look' | TaskQueueError) => (outcome === 'look' ? look() : end(outcome));
    const stopListening = onAbort(signal, () => end(signal?.reason));
    let timer: NodeJS.Timeout | undefined;
    // Again if it comes early, as timers may by a millisecond.
    const endInTime = () => {
      if (giveUpAt === undefined) return;
      const leftMs = giveUpAt - performance.now();
      if (leftMs <= 0) end(timeoutError(taskId));
      else timer = setTimeout(endInTime, Math.min(leftMs, MAX_TIMER_MS));
    };
    endInTime();
    task.wakers.add(wake);
    const cancel = () => {
      clearTimeout(timer);
      stopListening();
      if (task.wakers.delete(wake) && task.wakers.size === 0) this.#linger(task);
    };
    return { woken, ended, cancel };
  }

  #enter(taskId: string): WaitedTask {
    if (this.#isClosed) throw closedError(taskId);
    let task = this.#tasks.get(taskId);
    if (task === undefined) {
      task = { taskId, wakers: new Set(), lingering: undefined };
      this.#tasks.set(taskId, task);
    }
    if (task.wakers.size === 0) {
      void this.#follow(taskId);
      clearTimeout(task.lingering);
      this.#looks.start(taskId);
    }
    return task;
  }

  #linger(task: WaitedTask): void {
    this.#looks.stop(task.taskId);
    if (this.#isClosed) return;
    task.lingering = setTimeout(() => {
      this.#tasks.delete(task.taskId);
      void this.#unfollow(task.taskId);
    }, LINGER_MS);
    task.lingering.unref();
  }

  async #look(taskId: string): Promise<void> {
    try {
      if (await this.#hasMessage(taskId)) this.notify(taskId);
    } catch {
      // The waits check for themselves, and reject if the connection does not return.
      this.notify(taskId);
    }
  }

  async #follow(taskId: string): Promise<void> {
    this.#subscription ??= this.#subscribe();
    // A task that cannot be followed, for example while the connection is down, is still polled.
    await (await this.#subscription)?.follow(taskId).catch(() => {});
  }

  async #unfollow(taskId: string): Promise<void> {
    await (await this.#subscription)?.unfollow(taskId).catch(() => {});
  }

  /** Warns once per reason. */
  #warnOnce(error: TaskQueueError): void {
    if (this.#isClosed || error.code === this.#lastWarning) return;
    this.#lastWarning = error.code;
    const { code, message, hint } = error;
    this.#warn(new TaskQueueError(code, `${message}. Waits poll instead.`, { cause: error, hint }));
  }

  async #subscribe(): Promise<TaskEventSubscription | undefined> {
    const lookAll = () => {
      for (const taskId of [...this.#tasks.keys()]) this.notify(taskId);
    };
    try {
      const subscription = await this.#client.subscribe(['enqueued'], {
        onEvent: ({ taskId }) => this.notify(taskId),
        onLost: () => {},
        onResumed: lookAll,
      });
      this.#lastWarning = undefined;
      // Also for waits that began before the subscription.
      for (const taskId of this.#tasks.keys()) subscription.follow(taskId).catch(() => {});
      return subscription;
    } catch (error) {
      // The next wait subscribes again: at once after a connection failure, later if it may be refused again.
      const tryAgain = () => {
        this.#subscription = undefined;
      };
      if (hasCode(error, ErrorCode.connectionFailed)) tryAgain();
      else if (!hasCode(error, ErrorCode.accessRefused)) setTimeout(tryAgain, RETRY_MS).unref();
      this.#warnOnce(error as TaskQueueError);
      return undefined;
    }
  }
}

function timeoutError(taskId: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.waitTimeout, `No message arrived for ${taskName(taskId)} in time`);
}

function unansweredError(taskId: string, cause?: unknown): TaskQueueError {
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  return new TaskQueueError(
    ErrorCode.noAnswer,
    `It is unknown whether a message arrived for ${taskName(taskId)}: the broker does not answer${why}`,
    { cause, hint: 'Is the broker running, and is it reachable?' },
  );
}

function closedError(taskId: string): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.closed,
    `Cannot wait for a message of ${taskName(taskId)}: close() was called`,
    { hint: 'Create a new object.' },
  );
}
