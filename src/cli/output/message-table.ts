import type { ChalkInstance } from 'chalk';
import type { StoredMessage } from '../../index.ts';
import { formatShortAge } from '../text/durations.ts';
import { type MessageSummary, summarize } from '../text/message-summary.ts';
import { formatNumber, formatSize } from '../text/sizes.ts';
import { safeId, safeLine } from '../text/terminal-text.ts';
import { cutEnd, cutMethod, cutMiddle, textWidth } from '../text/text-width.ts';
import { type Column, type Layout, planColumns, tableLines, widened } from './columns.ts';

export interface MessageTableOptions {
  width: number;
  colors: ChalkInstance;
  showTask?: boolean;
  /** Show all columns and whole messages, however narrow the terminal is. */
  isWide?: boolean;
}

interface Row extends MessageSummary {
  number: number;
  taskId: string;
  redelivered: boolean;
}

/** Minimum share of a narrow terminal's width: 30 of 80 columns. */
const LEAST_DETAIL_SHARE = 3 / 8;

/**
 * Messages as a table, one readable line each. Laid out for the first batch; later batches keep its columns, which may
 * grow. A batch with something for a column that was empty so far has titles again.
 */
export class MessageTable {
  readonly #options: MessageTableOptions;
  readonly #columns: Column<Row>[];
  #layout: Layout<Row> | undefined;
  /** The rows that it was planned for. */
  #planned: readonly Row[] = [];
  #count = 0;
  #now = 0;

  constructor(options: MessageTableOptions) {
    this.#options = options;
    this.#columns = columnsOf(options, () => this.#now);
  }

  /** The next rows, below the titles where those are new. */
  rows(messages: readonly StoredMessage[], now = Date.now()): string {
    const { colors, isWide = false } = this.#options;
    const longest = isWide ? Number.POSITIVE_INFINITY : undefined;
    this.#now = now;
    const rows = messages.map((message): Row => {
      const { taskId, redelivered } = message;
      const summary = summarize(message, longest);
      this.#count++;
      return { ...summary, detail: this.#shown(summary.detail), number: this.#count, taskId, redelivered };
    });
    const known = this.#fillColumns(rows) ? undefined : this.#layout;
    if (!known) this.#planned = [...this.#planned, ...rows];
    const layout = known ? widened(known, rows) : this.#plan(this.#planned);
    this.#layout = layout;
    const shown = rows.map((row) => ({
      row,
      rest: isWide ? row.detail : cutEnd(row.detail, layout.rest),
    }));
    const head = known ? undefined : { restTitle: 'MESSAGE', paint: colors.dim };
    return tableLines(layout, shown, head)
      .map((line) => `${line}\n`)
      .join('');
  }

  /** Safe for a terminal. Cuts before escaping, as escaping megabytes would take a while. */
  #shown(detail: string): string {
    const { width, isWide = false } = this.#options;
    return safeLine(isWide ? detail : detail.slice(0, 4 * width));
  }

  /** @returns whether these are the first rows with something for an optional column, which is shown from now on */
  #fillColumns(rows: readonly Row[]): boolean {
    const filled = this.#columns.filter(
      ({ isOptional, text }) => isOptional && rows.some((row) => text(row) !== ''),
    );
    for (const column of filled) column.isOptional = false;
    return filled.length > 0;
  }

  #plan(rows: readonly Row[]): Layout<Row> {
    const { width, isWide = false } = this.#options;
    const longest = rows.reduce((most, { detail }) => Math.max(most, textWidth(detail)), 'MESSAGE'.length);
    const leastRest = Math.min(longest, Math.floor(width * LEAST_DETAIL_SHARE));
    return planColumns(this.#columns, rows, {
      width: isWide ? Number.POSITIVE_INFINITY : width,
      leastRest,
    });
  }
}

function columnsOf(
  { colors, showTask = false, isWide = false }: MessageTableOptions,
  now: () => number,
): Column<Row>[] {
  return [
    ...(showTask
      ? [
          {
            title: 'TASK',
            text: (row: Row) => safeId(row.taskId),
            cut: cutMiddle,
            most: isWide ? Number.POSITIVE_INFINITY : MOST_TASK,
            least: LEAST_TASK,
            shrinks: 9,
          } as const,
        ]
      : []),
    { title: '#', align: 'right', text: ({ number }) => formatNumber(number) },
    {
      title: '',
      text: ({ redelivered }) => (redelivered ? '↻' : ''),
      paint: (text) => colors.yellow(text),
      isOptional: true,
      givesWay: 3,
    },
    {
      title: 'AGE',
      align: 'right',
      text: ({ queuedAt }) => (queuedAt === undefined ? '?' : formatShortAge(now() - queuedAt)),
      givesWay: 8,
    },
    {
      title: 'TYPE',
      text: ({ type }) => safeLine(type),
      cut: cutEnd,
      most: MOST_TYPE,
      givesWay: 6,
    },
    {
      title: 'METHOD',
      text: ({ method = '' }) => safeLine(method),
      paint: (text) => colors.cyan(text),
      cut: cutMethod,
      most: MOST_METHOD,
      least: LEAST_METHOD,
      isOptional: true,
      shrinks: 2,
      givesWay: 7,
    },
    {
      title: 'ID',
      text: ({ askedBy, id }) => safeLine(askedBy ?? id ?? ''),
      cut: cutEnd,
      most: MOST_ID,
      isOptional: true,
      givesWay: 5,
    },
    { title: 'SIZE', align: 'right', text: ({ size }) => formatSize(size), givesWay: 1 },
  ];
}

/** Servers may invent ids, types and methods of any length: one of them must not cost the others their columns. */
const MOST_TASK = 36;
const MOST_TYPE = 16;
const MOST_METHOD = 40;
const MOST_ID = 20;

/** On a narrow terminal, enough to tell them apart: `…/progress`, `7865…c3d4e5f6`. */
const LEAST_TASK = 13;
const LEAST_METHOD = 12;
