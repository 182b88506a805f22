import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import type { StoredMessage } from '../../index.ts';
import { formatDuration } from '../input/durations.ts';
import { safeLine } from '../terminal/terminal-text.ts';
import { summarize } from './message-summary.ts';
import { formatSize } from './sizes.ts';
import { type Column, fitColumns, PLAIN_TABLE } from './tables.ts';

/** All columns but the last, which takes the rest of the line. */
const COLUMNS = [
  { name: 'TASK', width: 16, align: 'left', givesWay: 4, least: 10 },
  { name: '#', width: 6, align: 'right' },
  { name: 'AGE', width: 10, align: 'right', givesWay: 5 },
  { name: 'TYPE', width: 17, align: 'left', givesWay: 6, least: 10 },
  { name: 'METHOD', width: 27, align: 'left', givesWay: 3, least: 16 },
  { name: 'ID', width: 12, align: 'left', givesWay: 2, least: 7 },
  { name: 'SIZE', width: 9, align: 'right', givesWay: 1 },
] as const satisfies Column[];

const LEAST_DETAIL = 12;

export interface MessageTableOptions {
  /** Number of the first message, from 1; the head is above that one. */
  first: number;
  width: number;
  colors: ChalkInstance;
  now: number;
  /** A column for the task. */
  showTask?: boolean;
}

/**
 * Messages as a table, one readable line each. Batches that follow each other keep the same columns.
 */
export function messageTable(
  messages: readonly StoredMessage[],
  { first, width, colors, now, showTask = false }: MessageTableOptions,
): string {
  const wanted = COLUMNS.filter(({ name }) => showTask || name !== 'TASK');
  const { columns, rest } = fitColumns(wanted, width, LEAST_DETAIL);
  const table = new Table({
    ...PLAIN_TABLE,
    ...(first === 1 && {
      head: [...columns.map(({ name }) => name), 'MESSAGE'].map((name) => colors.dim(name)),
    }),
    colWidths: [...columns.map((column) => column.width), rest],
    colAligns: [...columns.map(({ align }) => align), 'left'],
  });
  for (const [index, message] of messages.entries()) {
    const { type, method, id, askedBy, queuedAt, size, detail } = summarize(message);
    const cells = {
      TASK: safeLine(message.taskId),
      '#': String(first + index),
      AGE: queuedAt === undefined ? '' : formatDuration(now - queuedAt),
      TYPE: `${safeLine(type)}${message.redelivered ? colors.yellow(' ↻') : ''}`,
      METHOD: colors.cyan(safeLine(method ?? '')),
      ID: safeLine(askedBy ?? id ?? ''),
      SIZE: formatSize(size),
    };
    // Long ones are cut by the table; making megabytes of them safe first would take a while.
    table.push([...columns.map(({ name }) => cells[name]), safeLine(detail.slice(0, 4 * rest))]);
  }
  // The padding of the last column would only be carried along when a row is copied.
  return `${table.toString().replace(/ +$/gm, '')}\n`;
}
