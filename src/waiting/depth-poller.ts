/** Pauses between checks of a task: short at first, longer later to spare the broker. */
const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 500;

/** However many tasks there are, check at most this often: 200 times a second, and as many at a time. */
const LOOKS_PER_TURN = 20;
const TURN_MS = 100;

interface PollState {
  pauseMs: number;
  dueAt: number;
}

/** Checks tasks repeatedly, each at its own slowing pace, until stopped. */
export class DepthPoller {
  readonly #look: (taskId: string) => Promise<void>;
  readonly #polled = new Map<string, PollState>();
  #timer: NodeJS.Timeout | undefined;
  #timerDueAt = Number.POSITIVE_INFINITY;
  #nextTurnAt = 0;
  /** Tasks that are being checked. The queue of one may not answer: the others do not wait for it. */
  readonly #looking = new Set<string>();

  /** @param look must not reject */
  constructor(look: (taskId: string) => Promise<void>) {
    this.#look = look;
  }

  /** Checks soon, even if the task is already being polled. */
  start(taskId: string): void {
    const dueAt = performance.now() + FIRST_PAUSE_MS;
    this.#polled.set(taskId, { pauseMs: FIRST_PAUSE_MS, dueAt });
    if (dueAt < this.#timerDueAt) this.#schedule();
  }

  stop(taskId: string): void {
    this.#polled.delete(taskId);
    if (this.#polled.size === 0) this.#schedule();
  }

  stopAll(): void {
    this.#polled.clear();
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timerDueAt = Number.POSITIVE_INFINITY;
    if (this.#looking.size === LOOKS_PER_TURN) return;
    for (const [taskId, { dueAt }] of this.#polled)
      if (!this.#looking.has(taskId)) this.#timerDueAt = Math.min(this.#timerDueAt, dueAt);
    if (this.#timerDueAt === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(this.#timerDueAt, this.#nextTurnAt) - performance.now();
    this.#timer = setTimeout(() => this.#turn(), Math.max(0, delayMs));
  }

  /** Checks the tasks that are due, the most overdue first, and at most a few. */
  #turn(): void {
    const now = performance.now();
    const most = LOOKS_PER_TURN - this.#looking.size;
    const due = [...this.#polled]
      .filter(([taskId, { dueAt }]) => dueAt <= now && !this.#looking.has(taskId))
      .sort(([, a], [, b]) => a.dueAt - b.dueAt)
      .slice(0, most);
    if (due.length === most) this.#nextTurnAt = now + TURN_MS;
    for (const [taskId, state] of due) void this.#check(taskId, state);
    this.#schedule();
  }

  async #check(taskId: string, state: PollState): Promise<void> {
    this.#looking.add(taskId);
    await this.#look(taskId);
    this.#looking.delete(taskId);
    state.pauseMs = Math.min(state.pauseMs * 2, LAST_PAUSE_MS);
    // Jitter keeps tasks that started together from being checked together forever.
    state.dueAt = performance.now() + state.pauseMs * (0.75 + Math.random() / 4);
    this.#schedule();
  }
}
