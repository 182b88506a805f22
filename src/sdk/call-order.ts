import { LoadLimit } from '../concurrency/load-limit.ts';
import { Turns } from '../concurrency/turns.ts';
import type { ClientStats } from '../diagnostics/stats.ts';
import { settledWithin } from '../errors/deadline.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';

/**
 * What a call does to a task's queue. Enqueues may overlap, and so may looks. `ask` is an enqueue that has to wait for
 * something else before it publishes, and would be overtaken by the enqueues after it.
 */
export type CallKind = 'enqueue' | 'ask' | 'dequeue' | 'clear' | 'look';

/** Not the others: the first of two dequeues gets the older message, and of two clears everything. */
const OVERLAPPING: ReadonlySet<CallKind> = new Set(['enqueue', 'look']);

/**
 * Makes calls for one task take effect in the order in which they are made, awaited or not: a call waits for the earlier
 * calls. Calls for different tasks overlap, and so do consecutive enqueues, whose order the publisher keeps, and looks.
 *
 * A dequeue that has waited for enqueues takes what is there, which is older than what they add. During a resource alarm,
 * which ends when messages are read, it would wait for them in vain.
 */
export class CallOrder {
  readonly #turns: Turns;
  readonly #timeoutMs: number;
  /** Each waiting call keeps its message in memory. */
  readonly #waitingEnqueues: LoadLimit;
  readonly #waitingReads: LoadLimit;

  /**
   * @param timeoutMs how long a call waits for the calls before it
   * @param maxWaiting how many enqueues may wait, and how many other calls
   */
  constructor(timeoutMs: number, maxWaiting: number) {
    this.#timeoutMs = timeoutMs;
    this.#turns = new Turns(timeoutMs);
    this.#waitingEnqueues = new LoadLimit(maxWaiting);
    this.#waitingReads = new LoadLimit(maxWaiting);
  }

  /** The counters of the client that the calls use, with the messages that wait here. */
  addTo(stats: ClientStats): ClientStats {
    const { messages, bytes } = this.#waitingEnqueues.load;
    const waiting = { messages: stats.waiting.messages + messages, bytes: stats.waiting.bytes + bytes };
    return { ...stats, waiting };
  }

  /**
   * @param what for error messages: what is being done and on what
   * @param bytes of the message that the call keeps in memory
   * @throws TaskQueueError `BUSY` or `TOO_MANY_WAITING`, without having called `work`
   */
  run<T>(taskId: string, kind: CallKind, what: string, work: () => Promise<T>, bytes = 0): Promise<T> {
    return this.#turns.run(taskId, work, {
      overlaps: OVERLAPPING.has(kind) ? kind : undefined,
      early: kind === 'dequeue' ? 'enqueue' : undefined,
      onTimeout: () => turnTimeoutError(what, this.#timeoutMs),
      onWait: () => this.#startWaiting(kind, what, bytes),
    });
  }

  /**
   * Counts a call as waiting until `wait` settles.
   * @throws TaskQueueError `TOO_MANY_WAITING`, without having called `wait`
   */
  async countWaiting<T>(kind: CallKind, what: string, bytes: number, wait: () => Promise<T>): Promise<T> {
    const stopWaiting = this.#startWaiting(kind, what, bytes);
    try {
      return await wait();
    } finally {
      stopWaiting();
    }
  }

  /** Whether an enqueue for the task runs, or waits for its turn. */
  hasEnqueues(taskId: string): boolean {
    return this.#turns.has(taskId, 'enqueue');
  }

  /** Resolves when all calls have ended, including those made meanwhile, or when time is up. */
  idle(timeoutMs: number): Promise<void> {
    return settledWithin(this.#turns.idle(), timeoutMs);
  }

  #startWaiting(kind: CallKind, what: string, bytes: number): () => void {
    const isMessage = kind === 'enqueue' || kind === 'ask';
    const limit = isMessage ? this.#waitingEnqueues : this.#waitingReads;
    limit.enter(bytes, (...why) => tooManyError(what, ...why));
    return () => limit.leave(bytes);
  }
}

function turnTimeoutError(what: string, ms: number): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.busy,
    `${what}: earlier calls for this task did not finish within ${ms} ms`,
    { hint: 'The broker is unreachable or not answering; nothing was sent.' },
  );
}

function tooManyError(what: string, waiting: string, limit: string): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.tooManyWaiting,
    `${what}: ${waiting} are already waiting for earlier calls`,
    { hint: `Is the broker reachable? Wait for some to finish. ${limit}` },
  );
}
