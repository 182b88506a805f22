import type { TaskQueueInfo } from '../../index.ts';
import type { Context } from '../context.ts';
import type { SortKey } from '../queues/queue-selection.ts';
import { describeTarget } from '../settings/target.ts';
import { colorsFor } from '../terminal/colors.ts';
import { terminalWidth } from '../terminal/terminal-width.ts';
import { formatCount } from '../text/sizes.ts';
import { QueueTable, totalsLine } from './queue-table.ts';
import { QueueTotals } from './queue-totals.ts';

/** Prints a list of queues, page by page. */
export interface QueuePrinter {
  write(queues: readonly TaskQueueInfo[]): Promise<void>;
  /** @param beyondLimit the number of queues beyond the limit */
  end(beyondLimit: number): Promise<void>;
}

export interface QueueTableList {
  sort?: SortKey;
  showsIdle: boolean;
  /** Queues whose ages the broker does not know were looked into. */
  hasLooked: boolean;
  /** Numbers are counted now, with the statistics alongside. */
  isExact: boolean;
}

/** Prints queues as a table, and below it how many there are. */
export function tablePrinter(
  context: Context,
  { sort, showsIdle, hasLooked, isExact }: QueueTableList,
): QueuePrinter {
  const { stdout, settings, note } = context;
  const totals = new QueueTotals();
  let withoutAge = 0;
  const colors = colorsFor(process.stdout, settings);
  const { isWide } = settings;
  const table = new QueueTable({
    width: terminalWidth(),
    colors,
    sort,
    showsIdle,
    isWide,
    marksStatistics: isExact,
  });
  return {
    async write(queues) {
      if (queues.length === 0) return;
      const lines = table.lines(queues, Date.now());
      await stdout.write(lines.map((line) => `${line}\n`).join(''));
      totals.add(queues);
      withoutAge += queues.filter(
        ({ ready = 0, statistics }) => ready > 0 && statistics?.oldestAt === undefined,
      ).length;
    },
    async end(beyondLimit) {
      totals.beyondLimit = beyondLimit;
      // Without a queue, it may be the wrong broker.
      if (totals.queues === 0) note(`0 task queues on ${describeTarget(context)}`);
      else note(`${totalsLine(totals)} ${isExact ? '(~ up to 10 s old)' : '(up to 10 s old)'}`);
      if (withoutAge > 0 && process.stdout.isTTY) {
        const [them, their] = withoutAge === 1 ? ['it', 'its'] : ['them', 'their'];
        const how = hasLooked ? '' : `; --peek looks into ${them}, which resets ${their} idle time`;
        note(`The age is unknown for ${formatCount(withoutAge, 'task')}${how}.`);
      }
    },
  };
}
