import { setTimeout as sleep } from 'node:timers/promises';

/** What goes through the fault, and looks what comes of it. */
export type Witness = (fault: SharedFault) => Promise<void>;

/**
 * A fault of a broker, and its end, through which several witnesses go at once, as each takes seconds. Each step waits
 * until all of them are ready for it; one that has ended is not waited for.
 */
export class SharedFault {
  readonly #begin: () => Promise<unknown>;
  readonly #end: () => Promise<unknown>;
  #present: number;
  #ready = 0;
  #lasts = false;
  #takeStep: () => void = () => {};
  #step = Promise.resolve();

  private constructor(begin: () => Promise<unknown>, end: () => Promise<unknown>, witnesses: number) {
    this.#begin = begin;
    this.#end = end;
    this.#present = witnesses;
    this.#prepareStep();
  }

  /** Resolves when all witnesses have ended; rejects then with the first failure. */
  static async goThrough(
    fault: { begin(): Promise<unknown>; end(): Promise<unknown> },
    witnesses: readonly Witness[],
  ): Promise<void> {
    const shared = new SharedFault(fault.begin, fault.end, witnesses.length);
    const ends = witnesses.map((witness) => witness(shared).finally(() => shared.#leave()));
    await Promise.allSettled(ends);
    await Promise.all(ends);
  }

  /** Resolves when all others are ready for the next step. */
  async othersAreReady(): Promise<void> {
    while (this.#ready < this.#present - 1) await sleep(10);
  }

  /** Ready for the fault. Resolves when it has begun. */
  begun(): Promise<void> {
    return this.#arrive();
  }

  /** Ready for its end. Resolves when it is over. */
  over(): Promise<void> {
    return this.#arrive();
  }

  #arrive(): Promise<void> {
    const step = this.#step;
    this.#ready++;
    this.#takeStepIfReady();
    return step;
  }

  #leave(): void {
    this.#present--;
    this.#takeStepIfReady();
  }

  #takeStepIfReady(): void {
    if (this.#ready === 0 || this.#ready < this.#present) return;
    this.#ready = 0;
    const takeStep = this.#takeStep;
    this.#lasts = !this.#lasts;
    this.#prepareStep();
    takeStep();
  }

  #prepareStep(): void {
    const ready = new Promise<void>((resolve) => {
      this.#takeStep = resolve;
    });
    const act = this.#lasts ? this.#end : this.#begin;
    this.#step = ready.then(async () => void (await act()));
    // Nobody may be there for it.
    this.#step.catch(() => {});
  }
}
