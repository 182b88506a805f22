import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import type { WatchItem } from '../index.ts';
import { summarize } from './message-summary.ts';
import { formatSize } from './sizes.ts';
import { PLAIN_TABLE } from './tables.ts';
import { safeLine } from './terminal-text.ts';

/** Items that say something of a task's queue; the others are for the operator, about the watch itself. */
export type TaskItem = Extract<WatchItem, { kind: 'message' | 'large-message' | 'dequeued' | 'cleared' }>;

const TIME_WIDTH = 14;
const TASK_WIDTH = 18;
const MARK_WIDTH = 3;
const TYPE_WIDTH = 14;
const METHOD_WIDTH = 28;
const LEAST_DETAIL = 12;

export interface WatchLineOptions {
  width: number;
  colors: ChalkInstance;
  /** Several tasks are watched: say which one it is. */
  showTask: boolean;
  /** When it was seen, in milliseconds since the epoch. */
  now: number;
}

/** One line of a terminal for what happened to a task, what came in marked `+` and what went out `-`. */
export function watchLine(item: TaskItem, { width, colors, showTask, now }: WatchLineOptions): string {
  const { taskId, mark, type, method, detail } = describe(item, colors);
  const columns = [TIME_WIDTH, ...(showTask ? [TASK_WIDTH] : []), MARK_WIDTH, TYPE_WIDTH, METHOD_WIDTH];
  const detailWidth = Math.max(LEAST_DETAIL, width - columns.reduce((sum, column) => sum + column, 0));
  const table = new Table({ ...PLAIN_TABLE, colWidths: [...columns, detailWidth] });
  table.push([
    colors.dim(clock(now)),
    ...(showTask ? [safeLine(taskId)] : []),
    mark,
    safeLine(type),
    colors.cyan(safeLine(method)),
    safeLine(detail.slice(0, 4 * detailWidth)),
  ]);
  return `${table.toString().replace(/ +$/gm, '')}\n`;
}

function describe(item: TaskItem, colors: ChalkInstance) {
  const added = colors.green('+');
  const removed = colors.red('-');
  switch (item.kind) {
    case 'message': {
      const { type, method = '', id, detail } = summarize(item.message);
      const shown = [id === undefined ? '' : `#${id}`, detail].filter(Boolean).join(' ');
      const mark = item.source === 'existing' ? colors.dim('·') : added;
      return { taskId: item.message.taskId, mark, type, method, detail: shown };
    }
    case 'large-message':
      return {
        taskId: item.taskId,
        mark: added,
        type: '?',
        method: '',
        detail: `${formatSize(item.bodyBytes)}, too large to be shown here; look at it with peek`,
      };
    case 'dequeued':
    case 'cleared':
      return { taskId: item.taskId, mark: removed, type: item.kind, method: '', detail: countOf(item) };
  }
}

function countOf({ count }: { count: number }): string {
  return count === 1 ? '1 message' : `${count} messages`;
}

/** Local time of day, to the millisecond. */
function clock(ms: number): string {
  const date = new Date(ms);
  const part = (value: number, digits = 2) => String(value).padStart(digits, '0');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => part(value)).join(':');
  return `${time}.${part(date.getMilliseconds(), 3)}`;
}
