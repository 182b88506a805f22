import type { ChalkInstance } from 'chalk';
import type { WatchItem } from '../../index.ts';
import { safeLine } from '../terminal/terminal-text.ts';
import { cutEnd, cutStart, padEnd, textWidth } from '../terminal/text-width.ts';
import { clockTime } from './clock-time.ts';
import { summarize } from './message-summary.ts';
import { shortMethod } from './short-method.ts';
import { formatCount, formatSize } from './sizes.ts';

/** Items that say something of a task's queue; the others are for the operator, about the watch itself. */
export type TaskItem = Extract<WatchItem, { kind: 'message' | 'large-message' | 'dequeued' | 'cleared' }>;

/**
 * All but the last, which says what is in it. They have no head, and their widths are fixed: nobody knows what comes. At 80
 * columns 30 are left for that, also beside a task.
 */
const WIDTHS = { time: 8, task: 12, type: 12, method: 18 } as const;

/** A wider terminal has room for all of an id. */
const WIDE = { time: 12, task: 36, type: 12, method: 24 } as const;
const LEAST_WIDE = 140;

/** Narrower than this, the method says what sort of message it is. */
const LEAST_WITH_TYPE = 100;

/** Narrower than this, there is no room for the time. */
const LEAST_WITH_TIME = 50;

const LEAST_DETAIL = 12;
const GAP = '  ';

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
  const isWide = width >= LEAST_WIDE;
  const widths = isWide ? WIDE : WIDTHS;
  const hasType = width >= LEAST_WITH_TYPE;
  const plain = (text: string) => text;
  const cells: Cell[] = [
    ...(width >= LEAST_WITH_TIME
      ? [{ text: timeOf(at ?? now, now, isWide), width: widths.time, paint: colors.dim }]
      : []),
    ...(showTask ? [{ text: cutEnd(safeLine(taskId), widths.task), width: widths.task, paint: plain }] : []),
    { text: mark.text, width: 1, paint: mark.paint },
    ...(hasType ? [{ text: cutEnd(safeLine(type), widths.type), width: widths.type, paint: plain }] : []),
    { ...methodCell(method === '' && !hasType ? type : method, widths.method), paint: colors.cyan },
  ];
  const rest = Math.max(
    LEAST_DETAIL,
    cells.reduce((left, cell) => left - cell.width - GAP.length, width),
  );
  const painted = cells.map((cell) => cell.paint(padEnd(cell.text, cell.width)));
  return `${[...painted, cutEnd(safeLine(detail.slice(0, 4 * rest)), rest)].join(GAP).trimEnd()}\n`;
}

interface Cell {
  text: string;
  width: number;
  paint: (text: string) => string;
}

function methodCell(method: string, width: number): { text: string; width: number } {
  const text = safeLine(method);
  return { text: textWidth(text) <= width ? text : cutStart(shortMethod(text), width), width };
}

function describe(item: TaskItem, colors: ChalkInstance) {
  const added = { text: '+', paint: colors.green };
  const removed = { text: '-', paint: colors.red };
  switch (item.kind) {
    case 'message': {
      const { type, method = '', id, askedBy, queuedAt, detail } = summarize(item.message);
      const sender = askedBy === undefined ? id && `#${id}` : `from ${askedBy}:`;
      const shown = [sender, detail].filter(Boolean).join(' ');
      const mark = item.source === 'existing' ? { text: '·', paint: colors.dim } : added;
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
        detail: formatCount(item.count, 'message'),
      };
  }
}

/** The time of day; of another day the date and the time, which are as wide. */
function timeOf(ms: number, now: number, isWide: boolean): string {
  if (new Date(ms).toDateString() === new Date(now).toDateString()) return clockTime(ms, isWide);
  const date = new Date(ms);
  const part = (value: number) => String(value).padStart(2, '0');
  const day = `${part(date.getMonth() + 1)}-${part(date.getDate())}`;
  return isWide ? `${day} ${clockTime(ms).slice(0, 5)}` : day;
}
