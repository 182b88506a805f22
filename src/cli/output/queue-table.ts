import type { ChalkInstance } from 'chalk';
import type { TaskQueueInfo } from '../../index.ts';
import type { SortKey } from '../queues/queue-selection.ts';
import { formatShortAge } from '../text/durations.ts';
import { formatNumber } from '../text/sizes.ts';
import { safeId, safeLine } from '../text/terminal-text.ts';
import { cutMiddle } from '../text/text-width.ts';
import { type Column, type Layout, planColumns, tableLines, widened } from './columns.ts';
import type { QueueTotals } from './queue-totals.ts';

/**
 * The width reserved for task ids: that of a UUID. It does not depend on the actual ids, so that a terminal always
 * shows the same columns. A longer id wraps, so that it can be copied whole.
 */
const TASK_WIDTH = 36;

export interface QueueTableOptions {
  width: number;
  colors: ChalkInstance;
  /** Its column never gives way. */
  sort?: SortKey | undefined;
  /** Show idle times. Without `historyMs` they are RabbitMQ's own, which begin anew every two minutes in some versions. */
  showsIdle?: boolean;
  /** Show all columns, however narrow the terminal is. With `cutsIds`, those that fit. */
  isWide?: boolean;
  /** Cut long ids, and keep to the width, for a screen that must not scroll. */
  cutsIds?: boolean;
  /** Mark the numbers from the statistics, next to numbers counted now. */
  marksStatistics?: boolean;
}

/** Task queues as a table, laid out for the first rows; later rows keep its columns, which may grow. */
export class QueueTable {
  readonly #options: QueueTableOptions;
  #layout: Layout<TaskQueueInfo> | undefined;
  #hasHead = false;
  #now = 0;

  constructor(options: QueueTableOptions) {
    this.#options = options;
  }

  /** Lays the table out for these queues, even if not all are shown. Default: for the first rows. */
  layOut(queues: readonly TaskQueueInfo[], now = Date.now()): Layout<TaskQueueInfo> {
    this.#now = now;
    this.#layout ??= this.#plan(queues);
    return this.#layout;
  }

  /** The next rows; the first call adds the titles above them. */
  lines(queues: readonly TaskQueueInfo[], now: number): string[] {
    const { colors } = this.#options;
    const layout = widened(this.layOut(queues, now), queues);
    this.#layout = layout;
    const rows = queues.map((row) => ({ row, rest: this.#task(row, layout.rest) }));
    const head = this.#hasHead ? undefined : { restTitle: 'TASK', paint: colors.dim };
    this.#hasHead = true;
    return tableLines(layout, rows, head);
  }

  /** Adds an unusual type or state after the id, unless it has a column, which would mostly repeat the same. */
  #task({ taskId, type, state }: TaskQueueInfo, room: number): string {
    const { colors, cutsIds } = this.#options;
    const hasColumn = (title: string) => this.#layout?.columns.some(({ column }) => column.title === title);
    const id = safeId(taskId);
    const facts = [
      ...(hasColumn('TYPE') || type === '' || type === 'classic' ? [] : [safeLine(type)]),
      ...(hasColumn('STATE') || isUsualState(state) ? [] : [safeLine(state)]),
    ].join(', ');
    const more = facts === '' ? '' : `  ${facts}`;
    const shown = cutsIds ? cutMiddle(id, Math.max(1, room - more.length)) : id;
    return isUsualState(state) ? `${shown}${more}` : `${shown}${colors.red(more)}`;
  }

  #plan(queues: readonly TaskQueueInfo[]): Layout<TaskQueueInfo> {
    const { width, isWide = false, cutsIds = false } = this.#options;
    return planColumns(this.#columns(), queues, {
      width: isWide && !cutsIds ? Number.POSITIVE_INFINITY : width,
      leastRest: Math.min(TASK_WIDTH, width),
    });
  }

  #columns(): Column<TaskQueueInfo>[] {
    const { colors, sort, showsIdle = false, isWide = false, marksStatistics = false } = this.#options;
    const mark = marksStatistics ? '~' : '';
    const age = (since: number | undefined) =>
      since === undefined ? undefined : formatShortAge(this.#now - since);
    const count = (number: number | undefined) => (number === undefined ? '?' : formatNumber(number));
    const kept = sort === undefined || sort === 'name' ? 'ready' : sort;
    const givesWay = (key: SortKey, at: number) => (key === kept ? {} : { givesWay: at });
    const idleTimes: Column<TaskQueueInfo> = {
      title: `${mark}IDLE`,
      align: 'right',
      // RabbitMQ's clock is known to a second only.
      text: ({ statistics }) => age(statistics?.idleSince && Math.min(statistics.idleSince, this.#now)) ?? '',
      ...givesWay('idle', 1),
    };
    const columns: Column<TaskQueueInfo>[] = [
      {
        title: 'READY',
        align: 'right',
        text: ({ ready }) => count(ready),
        paint: (text, { ready = 0 }) => (ready > 0 ? colors.bold(text) : colors.dim(text)),
        ...givesWay('ready', 5),
      },
      {
        title: 'UNACKED',
        align: 'right',
        text: ({ unacked }) => count(unacked),
        paint: (text, { unacked = 0 }) => (unacked > 0 ? colors.yellow(text) : colors.dim(text)),
        ...givesWay('unacked', 2),
      },
      {
        title: `${mark}CONS`,
        align: 'right',
        text: ({ statistics }) => count(statistics?.consumers),
        paint: (text, { statistics }) => (statistics?.consumers === 0 ? colors.dim(text) : text),
        ...givesWay('consumers', 3),
      },
      ...(showsIdle ? [idleTimes] : []),
      {
        title: `${mark}OLDEST`,
        align: 'right',
        text: ({ ready = 0, statistics }) => age(statistics?.oldestAt) ?? (ready > 0 ? '?' : ''),
        ...givesWay('oldest', 4),
      },
    ];
    if (!isWide) return columns;
    return [
      ...columns,
      { title: 'TYPE', text: ({ type }) => safeLine(type), givesWay: 0 },
      {
        title: 'STATE',
        text: ({ state }) => safeLine(state),
        paint: (text, { state }) => (isUsualState(state) ? colors.dim(text) : colors.red(text)),
        givesWay: 0,
      },
    ];
  }
}

/** Whether the state is that of a working queue. Without statistics, the API says "live" or nothing. */
export function isUsualState(state: string): boolean {
  return ['running', 'live', 'idle', 'flow', 'unknown', ''].includes(state);
}

export function totalsLine(totals: QueueTotals): string {
  const { uncounted } = totals;
  return `${totals.describe()}${uncounted > 0 ? `, ${formatNumber(uncounted)} not counted` : ''}`;
}
