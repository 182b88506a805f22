import { setImmediate } from 'node:timers/promises';
import { withResolvers } from '../../concurrency/with-resolvers.ts';

interface Waiter {
  place: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A queue whose messages have to be sent again. */
interface Stall {
  waiters: Waiter[];
  prepare: () => Promise<void>;
  isBegun: boolean;
  done: Promise<void>;
  end: () => void;
}

/**
 * Keeps the messages of a queue in order when some of them have to be sent again, because their queue was gone or their
 * connection, or the broker rejected them: the first of them is sent again when all that was sent behind it has been
 * answered, or it could be overtaken, and then all of them are in the order in which they were sent first. Meanwhile
 * the queue is stalled, and new messages for it wait for {@link cleared}.
 */
export class OrderedResend {
  /** How many messages of each queue are sent and not settled, those that wait to be sent again included. */
  readonly #underWay = new Map<string, number>();
  readonly #stalls = new Map<string, Stall>();
  #places = 0;

  /** Whether messages of this queue, or of any, are sent and not settled. */
  isUnderWay(queue?: string): boolean {
    return queue === undefined ? this.#underWay.size > 0 : this.#underWay.has(queue);
  }

  isStalled(queue: string): boolean {
    return this.#stalls.has(queue);
  }

  /** Resolves when nothing of the queue waits to be sent again. */
  async cleared(queue: string): Promise<void> {
    for (let stall = this.#stalls.get(queue); stall; stall = this.#stalls.get(queue)) await stall.done;
  }

  /** A message is about to be sent for the first time. {@link end} follows. @returns its place in the order */
  begin(queue: string): number {
    this.#underWay.set(queue, (this.#underWay.get(queue) ?? 0) + 1);
    return this.#places++;
  }

  /** The fate of the message is known. */
  end(queue: string): void {
    const count = (this.#underWay.get(queue) as number) - 1;
    if (count === 0) this.#underWay.delete(queue);
    else this.#underWay.set(queue, count);
    if (this.#stalls.size > 0) this.#restartIfAnswered(queue);
  }

  /**
   * Resolves when a message may be sent again, which must then happen at once.
   * @param prepare done once before the messages of the queue are sent again; when it rejects, they all do
   */
  turn(queue: string, place: number, prepare: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      let stall = this.#stalls.get(queue);
      if (stall === undefined || stall.isBegun) {
        stall = newStall(prepare);
        this.#stalls.set(queue, stall);
      }
      stall.waiters.push({ place, resolve, reject });
      this.#restartIfAnswered(queue);
    });
  }

  #restartIfAnswered(queue: string): void {
    const stall = this.#stalls.get(queue);
    if (stall === undefined || stall.isBegun) return;
    if (stall.waiters.length < (this.#underWay.get(queue) ?? 0)) return;
    stall.isBegun = true;
    void this.#restart(queue, stall);
  }

  async #restart(queue: string, stall: Stall): Promise<void> {
    const { waiters, prepare, end } = stall;
    try {
      await prepare();
      waiters.sort((a, b) => a.place - b.place);
      for (const { resolve } of waiters) resolve();
    } catch (error) {
      for (const { reject } of waiters) reject(error);
    }
    // Once resumed, all of them send before anything else does.
    await setImmediate();
    if (this.#stalls.get(queue) === stall) this.#stalls.delete(queue);
    end();
  }
}

function newStall(prepare: () => Promise<void>): Stall {
  const { promise: done, resolve: end } = withResolvers();
  return { waiters: [], prepare, isBegun: false, done, end };
}
