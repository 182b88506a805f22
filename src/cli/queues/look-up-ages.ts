import { hasCode } from '../../cli-shared.ts';
import type { TaskQueueInfo } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { summarize } from '../text/message-summary.ts';
import { formatCount } from '../text/sizes.ts';
import { forEachAtOnce } from './each-at-once.ts';
import { CODES_OF_ONE } from './each-task.ts';

/** One list looks into at most this many tasks. Most publishers set a timestamp, which makes a look unnecessary. */
const MOST = 1_000;

/**
 * Looks up the age of oldest messages where the broker does not know it, as their publisher set no AMQP timestamp, and
 * reports at the end how many tasks were looked into, which resets their idle time. Skips queues that do not requeue
 * messages to their original position, those this user may not read, and those that are not available.
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
      ({ ready = 0, type, statistics }) =>
        ready > 0 &&
        !['quorum', 'stream'].includes(type) &&
        statistics !== undefined &&
        statistics.oldestAt === undefined,
    );
    const wanted = unknown.slice(0, MOST - this.#looked);
    this.#left += unknown.length - wanted.length;
    await forEachAtOnce(wanted, this.#context.stop.signal, (info) => this.#lookAt(info));
  };

  async #lookAt(info: TaskQueueInfo): Promise<void> {
    const { client } = this.#context;
    try {
      if (!(await client.queueKind(info.taskId))?.isPlain) return;
      const [oldest] = await client.peek(info.taskId, { limit: 1 });
      this.#looked++;
      // The statistics are a few seconds old: the queue may be empty by now.
      if (oldest === undefined) info.ready = 0;
      else if (info.statistics !== undefined) info.statistics.oldestAt = summarize(oldest).queuedAt;
    } catch (error) {
      // The last one, as its name may be that of no task.
      if (!hasCode(error, ...CODES_OF_ONE, 'INVALID_ARGUMENT')) throw error;
    }
  }

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
