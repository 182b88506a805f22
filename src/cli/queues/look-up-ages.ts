import type { TaskQueueInfo } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { formatCount } from '../text/sizes.ts';
import { findOldest } from './oldest-messages.ts';

/** One list looks into at most this many tasks. */
const MOST = 1_000;

/**
 * Looks up the age of oldest messages if the broker does not know it, and reports at the end how many tasks were
 * looked into.
 */
export class AgeLookups {
  readonly #context: ClientContext;
  #looked = 0;
  #left = 0;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  readonly lookUp = async (queues: readonly TaskQueueInfo[]): Promise<void> => {
    const unknown = queues.filter(
      ({ ready = 0, statistics }) =>
        ready > 0 && statistics !== undefined && statistics.oldestAt === undefined,
    );
    const wanted = unknown.slice(0, MOST - this.#looked);
    this.#left += unknown.length - wanted.length;
    if (wanted.length === 0) return;
    const { client, stop } = this.#context;
    await findOldest({ client, signal: stop.signal }, wanted, (info, { isEmpty, queuedAt }) => {
      this.#looked++;
      // The statistics are a few seconds old: the queue may be empty by now.
      if (isEmpty) info.ready = 0;
      else if (info.statistics !== undefined) info.statistics.oldestAt = queuedAt;
    });
  };

  report(): void {
    const { note } = this.#context;
    if (this.#looked > 0)
      note(
        `Looked into ${formatCount(this.#looked, 'task')}, which reset ${this.#looked === 1 ? 'its' : 'their'} idle time (--no-peek avoids this).`,
      );
    if (this.#left > 0)
      note(
        `${formatCount(this.#left, 'task')} not looked into: at most ${formatCount(MOST, 'task')} at a time.`,
      );
  }
}
