import type { ChalkInstance } from 'chalk';
import type { WatchItem } from '../../index.ts';
import { clockTime } from '../text/clock-time.ts';
import { summarize } from '../text/message-summary.ts';
import { formatCount, formatSize } from '../text/sizes.ts';
import { safeId, safeLine } from '../text/terminal-text.ts';
import { cutEnd, cutMethod, cutMiddle, padEnd } from '../text/text-width.ts';

/** Items about a task's queue; the others are about the watch itself, for the operator. */
export type TaskItem = Extract<WatchItem, { kind: 'message' | 'large-message' | 'dequeued' | 'cleared' }>;

/**
 * All columns except the last, the content. They have no titles, and fixed widths, as later items are unknown. At 80
 * columns, 30 are left for the content, even with a task column.
 */
const WIDTHS = { time: 8, task: 12, type: 12, method: 18 } as const;

/** A wider terminal has room for a whole id. */
const WIDE = { time: 12, task: 36, type: 12, method: 24 } as const;
const LEAST_WIDE = 140;

/** A narrow one has room for the telling ends only: `7865…e5f6`, `…/progress`. */
const NARROW = { time: 8, task: 9, type: 12, method: 10 } as const;
const LEAST_USUAL = 60;

/** Below this width, the type is left out; the method implies it. */
const LEAST_WITH_TYPE = 100;

/** Below this width, the time is left out. */
const LEAST_WITH_TIME = 50;

const LEAST_DETAIL = 12;
const GAP = '  ';

export interface WatchLineOptions {
  width: number;
  colors: ChalkInstance;
  /** Show the task, as several are watched. */
  showTask: boolean;
  /** In milliseconds since the epoch. */
  now: number;
}

/** One terminal line for an event of a task: `+` for messages added, `-` for messages removed. */
export function watchLine(item: TaskItem, { width, colors, showTask, now }: WatchLineOptions): string {
  const { taskId, at, mark, type, method, detail } = describe(item, colors);
  const isWide = width >= LEAST_WIDE;
  const widths = isWide ? WIDE : width < LEAST_USUAL ? NARROW : WIDTHS;
  const hasType = width >= LEAST_WITH_TYPE;
  const plain = (text: string) => text;
  const cells: Cell[] = [
    ...(width >= LEAST_WITH_TIME
      ? [{ text: timeOf(at ?? now, now, isWide), width: widths.time, paint: colors.dim }]
      : []),
    ...(showTask ? [{ text: cutMiddle(safeId(taskId), widths.task), width: widths.task, paint: plain }] : []),
    { text: mark.text, width: 1, paint: mark.paint },
    ...(hasType ? [{ text: cutEnd(safeLine(type), widths.type), width: widths.type, paint: plain }] : []),
    {
      text: cutMethod(safeLine(method === '' && !hasType ? type : method), widths.method),
      width: widths.method,
      paint: colors.cyan,
    },
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
        detail: `${formatSize(item.bodyBytes)}, too large to show here; use peek`,
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
