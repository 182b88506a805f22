import type { TaskQueueInfo } from '../../index.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';

/** What the queues of a list add up to. */
export class QueueTotals {
  queues = 0;
  ready = 0;
  unacked = 0;
  /** Queues that the broker has not counted yet. */
  uncounted = 0;
  /** Queues that `--limit` leaves out, and that the other numbers do not include. */
  beyondLimit = 0;

  add(queues: readonly TaskQueueInfo[]): void {
    for (const { ready, unacked } of queues) {
      this.queues++;
      if (ready === undefined) this.uncounted++;
      this.ready += ready ?? 0;
      this.unacked += unacked ?? 0;
    }
  }

  /** `12 task queues, 340 messages ready, 4 unacknowledged`. */
  describe(): string {
    const { queues, ready, unacked, beyondLimit } = this;
    const shown = beyondLimit > 0 ? `${formatNumber(queues)} of ` : '';
    const all = `${shown}${formatCount(queues + beyondLimit, 'task queue')}`;
    return `${all}, ${formatCount(ready, 'message')} ready, ${formatNumber(unacked)} unacknowledged`;
  }
}
