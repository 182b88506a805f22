import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { QueuedMessage, RabbitMQTaskMessageQueue } from '../../src/index.ts';
import { isTaskQueueError } from '../../src/index.ts';
import { extent } from './figures.ts';
import { numbered } from './tasks.ts';

/** After each call. At full speed, nothing else on the machine would go on, which others wait for before the fault. */
const PAUSE_MS = extent(50, 0);

/**
 * Enqueuers and dequeuers at work on one task until they are stopped, and the accounts of it: which messages were
 * confirmed, which were read how often, and how calls failed.
 */
export class NumberedLoad {
  /** When each message was confirmed. */
  readonly confirmed = new Map<number, number>();
  /** How often each message was read. */
  readonly read = new Map<number, number>();
  /** How many calls failed with each code. */
  readonly failures = new Map<string, number>();
  readonly #task: string;
  readonly #workers: Promise<void>[] = [];
  #next = 0;
  #isStopped = false;

  constructor(task: string) {
    this.#task = task;
  }

  /** One that enqueues a message after the other. */
  enqueue(queue: RabbitMQTaskMessageQueue): void {
    this.#work(async () => {
      const index = this.#next++;
      await queue.enqueue(this.#task, numbered(index));
      this.confirmed.set(index, performance.now());
    });
  }

  /** One that dequeues a message after the other. */
  dequeue(queue: RabbitMQTaskMessageQueue): void {
    this.#work(async () => {
      const message = await queue.dequeue(this.#task);
      if (message) this.note(message);
      else await sleep(5);
    });
  }

  /** A message was read. */
  note({ timestamp }: QueuedMessage): void {
    const index = timestamp - numbered(0).timestamp;
    this.read.set(index, (this.read.get(index) ?? 0) + 1);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#workers);
  }

  /** Confirmed and never read. */
  get missing(): number[] {
    return [...this.confirmed.keys()].filter((index) => !this.read.has(index));
  }

  /** Reads of a message that was read before. */
  get duplicates(): number {
    return [...this.read.values()].reduce((sum, times) => sum + times - 1, 0);
  }

  /** `CONNECTION_LOST 3, PUBLISH_UNCONFIRMED 1` */
  get failuresAsText(): string {
    const counts = [...this.failures].sort(([a], [b]) => (a < b ? -1 : 1));
    return counts.map(([code, count]) => `${code} ${count}`).join(', ') || 'none';
  }

  #work(step: () => Promise<void>): void {
    const work = async () => {
      while (!this.#isStopped) {
        try {
          await step();
          if (PAUSE_MS > 0) await sleep(PAUSE_MS);
        } catch (error) {
          const code = isTaskQueueError(error) ? error.code : String(error);
          this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
          // A closed queue fails at once, for ever, and would let nothing else in this process go on.
          await setImmediate();
        }
      }
    };
    this.#workers.push(work());
  }
}
