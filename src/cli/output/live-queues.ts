import type { ChalkInstance } from 'chalk';
import type { TaskQueueInfo } from '../../index.ts';
import type { SortKey } from '../queues/queue-selection.ts';
import { STALLED_MS, stalledFor } from '../terminal/stall-notice.ts';
import { clockTime } from '../text/clock-time.ts';
import { exactDuration } from '../text/durations.ts';
import { formatNumber } from '../text/sizes.ts';
import { safeLine } from '../text/terminal-text.ts';
import { cutEnd } from '../text/text-width.ts';
import { wrap } from '../text/wrap.ts';
import { QueueTable, totalsLine } from './queue-table.ts';
import type { QueueTotals } from './queue-totals.ts';

/** The state of a live list. */
export interface LiveQueues {
  /** What is listed, for the title line. */
  title: string;
  intervalMs: number;
  sort: SortKey | undefined;
  showsIdle: boolean;
  /** Number of queues scrolled past. */
  offset: number;
  last: Snapshot | undefined;
  previous: Snapshot | undefined;
  /** Recent numbers of ready messages, oldest first, for the rate. */
  recent: readonly { at: number; ready: number }[];
  /** Why the last refresh failed. */
  trouble?: string | undefined;
  /** How long the next list has been pending. */
  waitingMs?: number;
  /** From the last drawing: rows per page, and the largest offset. */
  page?: number;
  mostOffset?: number;
}

interface Snapshot {
  /** Time of the request, in milliseconds since the epoch. */
  at: number;
  queues: readonly TaskQueueInfo[];
  totals: QueueTotals;
}

/** Two characters before each row mark changes. */
const MARK_WIDTH = 2;

/** The lines of the screen, none wider than the screen. */
export function drawQueues(
  shown: LiveQueues,
  { rows, columns }: { rows: number; columns: number },
  { colors, isWide }: { colors: ChalkInstance; isWide: boolean },
): { lines: string[]; page: number; mostOffset: number } {
  const {
    title,
    intervalMs,
    sort,
    showsIdle,
    last,
    previous,
    recent,
    trouble,
    waitingMs = 0,
    offset,
  } = shown;
  const cut = (text: string) => cutEnd(safeLine(text), columns);
  const wrapped = (text: string) => wrap(safeLine(text), columns).map((line) => cutEnd(line, columns));
  const head = `mcp-taskq ls  ${clockTime(last?.at ?? Date.now())}  every ${exactDuration(intervalMs)}  ${title}`;
  const lines = [colors.bold(cut(head.trimEnd()))];
  if (waitingMs >= STALLED_MS)
    lines.push(...wrapped(stalledFor(waitingMs)).map((line) => colors.yellow(line)));
  else if (trouble !== undefined) lines.push(...wrapped(trouble).map((line) => colors.red(line)));
  if (last === undefined) return { lines, page: 1, mostOffset: 0 };
  lines.push(...wrapped(`${totalsLine(last.totals)}${rateOf(recent)}`), '');
  // One line for the titles, and one for the status line at the bottom.
  const page = Math.max(1, rows - lines.length - 2);
  const mostOffset = Math.max(0, last.queues.length - page);
  const first = Math.min(offset, mostOffset);
  const width = columns - MARK_WIDTH;
  const table = new QueueTable({ width, colors, sort, showsIdle, isWide, cutsIds: true });
  table.layOut(last.queues);
  const queues = last.queues.slice(first, first + page);
  const before = new Map(previous?.queues.map(({ taskId, ready = 0 }) => [taskId, ready]));
  const [titles = '', ...body] = table.lines(queues, Date.now());
  const marks = queues.map((queue) => markOf(queue, previous && before, colors));
  lines.push(`  ${titles}`, ...body.map((line, index) => `${marks[index]} ${line}`));
  const range =
    mostOffset === 0
      ? ''
      : `${formatNumber(first + 1)}–${formatNumber(first + queues.length)} of ${formatNumber(last.queues.length)}  ↑↓ scroll  `;
  lines.push(colors.dim(cut(`${range}q quits  up to 10 s old`)));
  return { lines, page, mostOffset };
}

/** How the number of ready messages has changed since the previous list. */
function markOf(
  { taskId, ready = 0 }: TaskQueueInfo,
  before: ReadonlyMap<string, number> | undefined,
  colors: ChalkInstance,
): string {
  if (before === undefined) return ' ';
  const change = ready - (before.get(taskId) ?? 0);
  return change > 0 ? colors.green('▲') : change < 0 ? colors.red('▼') : ' ';
}

/**
 * Statistics change every five seconds: between two shorter lists they say that nothing happens, and then that all happens
 * at once.
 */
const LEAST_RATE_MS = 5_000;
const MOST_RATE_MS = 15_000;

/** What to keep for the rate after another list: at least the list before it. */
export function withRecent(recent: LiveQueues['recent'], { at, totals }: Snapshot): LiveQueues['recent'] {
  const kept = recent.filter((point, index) => index === recent.length - 1 || at - point.at <= MOST_RATE_MS);
  return [...kept, { at, ready: totals.ready }];
}

/** The change per second of all queues together. */
function rateOf(recent: LiveQueues['recent']): string {
  const [first, last] = [recent[0], recent.at(-1)];
  if (first === undefined || last === undefined || last.at - first.at < LEAST_RATE_MS) return '';
  const perSecond = ((last.ready - first.ready) * 1000) / (last.at - first.at);
  const rounded = Math.round(10 * perSecond) / 10;
  const shown =
    Math.abs(rounded) < 10 ? Math.abs(rounded).toFixed(1) : formatNumber(Math.round(Math.abs(rounded)));
  return `  ${rounded > 0 ? '+' : rounded < 0 ? '-' : ''}${shown}/s`;
}
