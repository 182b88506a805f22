import type { ClientStats } from '../diagnostics/stats.ts';
import { settledWithin } from '../errors/deadline.ts';
import { ErrorCode, hasCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { LoadLimit } from '../options/load-limit.ts';

/**
 * What a call does to a task's queue. Enqueues may overlap, and so may looks. `ask` is an enqueue that has to wait for
 * something else before it publishes, and would be overtaken by the enqueues after it.
 */
export type CallKind = 'enqueue' | 'ask' | 'dequeue' | 'clear' | 'look';

/** Consecutive calls of one kind that may overlap, or one call. */
interface Turn {
  readonly kind: CallKind;
  /** Running or waiting to start. */
  calls: number;
  readonly waiters: Set<Waiter>;
}

interface Waiter {
  start(): void;
  fail(error: unknown): void;
}

/**
 * Makes calls for one task take effect in the order in which they are made, awaited or not: a call waits for the earlier
 * calls. Calls for different tasks overlap, and so do consecutive enqueues, whose order the publisher keeps, and looks.
 *
 * When a call has waited in vain for a lost connection, those behind it fail with it: each would wait as long again.
 */
export class CallOrder {
  readonly #turns = new Map<string, Turn[]>();
  readonly #onIdle: (() => void)[] = [];
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
    const turns = this.#turnsOf(taskId);
    if (turns.length > 0 && joinableTurn(kind, turns) !== turns[0])
      return this.#runLater(taskId, kind, what, work, bytes);
    const turn = turnFor(kind, turns);
    turn.calls++;
    return this.#runNow(taskId, turn, work);
  }

  /**
   * Counts a call as waiting until `wait` settles.
   * @throws TaskQueueError `TOO_MANY_WAITING`, without having called `wait`
   */
  async countWaiting<T>(kind: CallKind, what: string, bytes: number, wait: () => Promise<T>): Promise<T> {
    const isMessage = kind === 'enqueue' || kind === 'ask';
    const limit = isMessage ? this.#waitingEnqueues : this.#waitingReads;
    limit.enter(bytes, (...why) => tooManyError(what, ...why));
    try {
      return await wait();
    } finally {
      limit.leave(bytes);
    }
  }

  /** Whether an enqueue for the task runs, or waits for its turn. */
  hasEnqueues(taskId: string): boolean {
    return this.#turns.get(taskId)?.some(({ kind }) => kind === 'enqueue') ?? false;
  }

  /** Resolves when all calls have ended, including those made meanwhile, or when time is up. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.#turns.size === 0) return;
    await settledWithin(new Promise<void>((resolve) => this.#onIdle.push(resolve)), timeoutMs);
  }

  async #runNow<T>(taskId: string, turn: Turn, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (hasCode(error, ErrorCode.connectionFailed)) this.#failWaiters(taskId, error);
      throw error;
    } finally {
      this.#leave(taskId, turn);
    }
  }

  async #runLater<T>(
    taskId: string,
    kind: CallKind,
    what: string,
    work: () => Promise<T>,
    bytes: number,
  ): Promise<T> {
    const begun = await this.countWaiting(kind, what, bytes, async () => {
      const later = turnFor(kind, this.#turnsOf(taskId));
      later.calls++;
      try {
        return await this.#begun(later, what, () => this.#runNow(taskId, later, work));
      } catch (error) {
        this.#leave(taskId, later);
        throw error;
      }
    });
    return begun.result;
  }

  /**
   * Begins when the turn comes, at once, as a call that is made then joins the turn and does not wait.
   * @returns the result wrapped in an object, so that `await` does not wait for it
   */
  #begun<T>(turn: Turn, what: string, begin: () => Promise<T>): Promise<{ result: Promise<T> }> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        turn.waiters.delete(waiter);
        settle();
      };
      const waiter: Waiter = {
        start: () => end(() => resolve({ result: begin() })),
        fail: (error) => end(() => reject(error)),
      };
      const timer = setTimeout(() => waiter.fail(turnTimeoutError(what, this.#timeoutMs)), this.#timeoutMs);
      turn.waiters.add(waiter);
    });
  }

  #failWaiters(taskId: string, error: unknown): void {
    for (const { waiters } of this.#turnsOf(taskId)) for (const waiter of [...waiters]) waiter.fail(error);
  }

  #turnsOf(taskId: string): Turn[] {
    let turns = this.#turns.get(taskId);
    if (turns === undefined) {
      turns = [];
      this.#turns.set(taskId, turns);
    }
    return turns;
  }

  #leave(taskId: string, turn: Turn): void {
    turn.calls--;
    const turns = this.#turnsOf(taskId);
    if (turn.calls === 0) turns.splice(turns.indexOf(turn), 1);
    if (turns.length === 0) {
      this.#turns.delete(taskId);
      if (this.#turns.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
      return;
    }
    // None, while the first turn has calls.
    for (const waiter of [...(turns[0] as Turn).waiters]) waiter.start();
  }
}

/** The last turn, if the call may join it: the first of two dequeues gets the older message, and of two clears everything. */
function joinableTurn(kind: CallKind, turns: readonly Turn[]): Turn | undefined {
  const last = turns.at(-1);
  return last?.kind === kind && (kind === 'enqueue' || kind === 'look') ? last : undefined;
}

function turnFor(kind: CallKind, turns: Turn[]): Turn {
  const joinable = joinableTurn(kind, turns);
  if (joinable !== undefined) return joinable;
  const turn: Turn = { kind, calls: 0, waiters: new Set() };
  turns.push(turn);
  return turn;
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
