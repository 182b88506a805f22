import type { TaskQueueInfo } from '../../index.ts';
import type { Context } from '../context.ts';
import type { SortKey } from '../queues/queue-selection.ts';
import { colorsFor } from '../terminal/colors.ts';
import { safeLine } from '../terminal/terminal-text.ts';
import { fitStderr } from './facts.ts';
import { addTotals, QueueTable, type QueueTotals, totalsLine } from './queue-table.ts';
import { formatCount } from './sizes.ts';
import { terminalWidth } from './tables.ts';

/** Prints a list of queues, page by page. */
export interface QueuePrinter {
  write(queues: readonly TaskQueueInfo[]): Promise<void>;
  end(): Promise<void>;
}

export interface QueueListOptions {
  /** Print only the ids. */
  names?: true;
  /** End each with NUL instead of a line feed. */
  null?: true;
  sort?: SortKey;
  showsIdle: boolean;
  /** Numbers are counted now, with the statistics alongside. */
  isExact: boolean;
}

export function queuePrinter(context: Context, options: QueueListOptions): QueuePrinter {
  if (options.names) return namesPrinter(context, options);
  return context.format === 'table' ? tablePrinter(context, options) : recordPrinter(context);
}

/** Prints ids unchanged for programs (ids do not contain line breaks), and made safe on a terminal. */
function namesPrinter({ stdout }: Context, { null: endsWithNull }: QueueListOptions): QueuePrinter {
  const shown = process.stdout.isTTY ? safeLine : (taskId: string) => taskId;
  const end = endsWithNull ? '\0' : '\n';
  return {
    write: (queues) => stdout.write(queues.map(({ taskId }) => `${shown(taskId)}${end}`).join('')),
    end: () => stdout.flush(),
  };
}

function recordPrinter({ stdout, format }: Context): QueuePrinter {
  let count = 0;
  return {
    async write(queues) {
      // Inside JSON, the escapes stand for the same text.
      const lines = queues.map((info) => safeLine(JSON.stringify(queueRecord(info))));
      if (format === 'jsonl') await stdout.write(lines.map((line) => `${line}\n`).join(''));
      else await stdout.write(lines.map((line) => `${count++ === 0 ? '[\n' : ',\n'}${line}`).join(''));
    },
    async end() {
      if (format === 'json') await stdout.write(count === 0 ? '[]\n' : '\n]\n');
      await stdout.flush();
    },
  };
}

function tablePrinter(
  { stdout, settings, note }: Context,
  { sort, showsIdle, isExact }: QueueListOptions,
): QueuePrinter {
  const totals: QueueTotals = { queues: 0, ready: 0, unacked: 0, unknown: 0 };
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
      addTotals(totals, queues);
      withoutAge += queues.filter(
        ({ ready = 0, statistics }) => ready > 0 && statistics?.oldestAt === undefined,
      ).length;
    },
    async end() {
      note(fitStderr(`${totalsLine(totals)}${totals.queues > 0 ? ` ${ageOfNumbers(isExact)}` : ''}`));
      if (withoutAge > 0 && process.stdout.isTTY) {
        note(
          fitStderr(
            `The age is unknown for ${formatCount(withoutAge, 'task')}; --peek looks into them, which resets their idle time.`,
          ),
        );
      }
    },
  };
}

/** How current the numbers are. */
function ageOfNumbers(isExact: boolean): string {
  return isExact ? '(~ up to 10 s old)' : '(up to 10 s old)';
}

/** The documented schema; times are ISO 8601. */
function queueRecord({ taskId, ready, unacked, type, state, isCounted, statistics }: TaskQueueInfo) {
  const time = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
  return {
    task_id: taskId,
    ready: ready ?? null,
    unacked: unacked ?? null,
    counted: isCounted,
    type,
    state,
    statistics: statistics && {
      consumers: statistics.consumers,
      idle_since: time(statistics.idleSince),
      oldest_at: time(statistics.oldestAt),
    },
  };
}
