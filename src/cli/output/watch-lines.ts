import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import type { WatchItem } from '../../index.ts';
import { safeLine } from '../terminal/terminal-text.ts';
import { summarize } from './message-summary.ts';
import { formatSize } from './sizes.ts';
import { type Column, fitColumns, PLAIN_TABLE } from './tables.ts';

/** Items that say something of a task's queue; the others are for the operator, about the watch itself. */
export type TaskItem = Extract<WatchItem, { kind: 'message' | 'large-message' | 'dequeued' | 'cleared' }>;

/** All but the last, which says what is in it. They have no head: a watch goes on for hours. */
const COLUMNS = [
  { name: 'time', width: 14, align: 'left', givesWay: 3 },
  { name: 'task', width: 18, align: 'left', givesWay: 4, least: 10 },
  { name: 'mark', width: 3, align: 'left' },
  { name: 'type', width: 14, align: 'left', givesWay: 2, least: 9 },
  { name: 'method', width: 28, align: 'left', givesWay: 1, least: 16 },
] as const satisfies Column[];

const LEAST_DETAIL = 12;

export interface WatchLineOptions {
  width: number;
  colors: ChalkInstance;
  /** Several tasks are watched: say which one it is. */
  showTask: boolean;
  /** In milliseconds since the epoch. */
  now: number;
}

/** One line of a terminal for what happened to a task, what came in marked `+` and what went out `-`. */
export function watchLine(item: TaskItem, { width, colors, showTask, now }: WatchLineOptions): string {
  const { taskId, at, mark, type, method, detail } = describe(item, colors);
  const wanted = COLUMNS.filter(({ name }) => showTask || name !== 'task');
  const { columns, rest } = fitColumns(wanted, width, LEAST_DETAIL);
  const table = new Table({ ...PLAIN_TABLE, colWidths: [...columns.map((column) => column.width), rest] });
  const cells = {
    time: colors.dim(clock(at ?? now, now)),
    task: safeLine(taskId),
    mark,
    type: safeLine(type),
    method: colors.cyan(safeLine(method)),
  };
  table.push([...columns.map(({ name }) => cells[name]), safeLine(detail.slice(0, 4 * rest))]);
  return `${table.toString().replace(/ +$/gm, '')}\n`;
}

function describe(item: TaskItem, colors: ChalkInstance) {
  const added = colors.green('+');
  const removed = colors.red('-');
  switch (item.kind) {
    case 'message': {
      const { type, method = '', id, askedBy, queuedAt, detail } = summarize(item.message);
      const sender = askedBy === undefined ? id && `#${id}` : `from ${askedBy}:`;
      const shown = [sender, detail].filter(Boolean).join(' ');
      const mark = item.source === 'existing' ? colors.dim('·') : added;
      const at = queuedAt ?? item.at;
      return { taskId: item.message.taskId, at, mark, type, method, detail: shown };
    }
    case 'large-message':
      return {
        taskId: item.taskId,
        at: item.at,
        mark: added,
        type: '?',
        method: '',
        detail: `${formatSize(item.bodyBytes)}, too large to be shown here; look at it with peek`,
      };
    case 'dequeued':
    case 'cleared':
      return {
        taskId: item.taskId,
        at: item.at,
        mark: removed,
        type: item.kind,
        method: '',
        detail: countOf(item),
      };
  }
}

function countOf({ count }: { count: number }): string {
  return count === 1 ? '1 message' : `${count} messages`;
}

/** Local time of day, to the millisecond; of another day the date, and the time to the minute. */
function clock(ms: number, now: number): string {
  const date = new Date(ms);
  const part = (value: number, digits = 2) => String(value).padStart(digits, '0');
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) =>
    part(value),
  );
  if (date.toDateString() === new Date(now).toDateString())
    return `${hours}:${minutes}:${seconds}.${part(date.getMilliseconds(), 3)}`;
  return `${part(date.getMonth() + 1)}-${part(date.getDate())} ${hours}:${minutes}`;
}
