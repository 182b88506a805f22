import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import type { StoredMessage } from '../index.ts';
import { formatDuration } from './durations.ts';
import { summarize } from './message-summary.ts';
import { formatSize } from './sizes.ts';
import { PLAIN_TABLE } from './tables.ts';
import { safeLine } from './terminal-text.ts';

interface Column {
  name: string;
  width: number;
  align: 'left' | 'right';
}

/** All columns but the last, which takes the rest of the line. */
const COLUMNS: readonly Column[] = [
  { name: '#', width: 6, align: 'right' },
  { name: 'AGE', width: 10, align: 'right' },
  { name: 'TYPE', width: 17, align: 'left' },
  { name: 'METHOD', width: 27, align: 'left' },
  { name: 'ID', width: 12, align: 'left' },
  { name: 'SIZE', width: 9, align: 'right' },
];

const TASK_COLUMN: Column = { name: 'TASK', width: 16, align: 'left' };

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
  const columns = showTask ? [TASK_COLUMN, ...COLUMNS] : COLUMNS;
  const detailWidth = Math.max(LEAST_DETAIL, width - columns.reduce((sum, column) => sum + column.width, 0));
  const table = new Table({
    ...PLAIN_TABLE,
    ...(first === 1 && {
      head: [...columns.map(({ name }) => name), 'MESSAGE'].map((name) => colors.dim(name)),
    }),
    colWidths: [...columns.map((column) => column.width), detailWidth],
    colAligns: [...columns.map(({ align }) => align), 'left'],
  });
  for (const [index, message] of messages.entries()) {
    const { type, method, id, queuedAt, size, detail } = summarize(message);
    table.push([
      ...(showTask ? [safeLine(message.taskId)] : []),
      String(first + index),
      queuedAt === undefined ? '' : formatDuration(now - queuedAt),
      `${safeLine(type)}${message.redelivered ? colors.yellow(' ↻') : ''}`,
      colors.cyan(safeLine(method ?? '')),
      safeLine(id ?? ''),
      formatSize(size),
      // Long ones are cut by the table; making megabytes of them safe first would take a while.
      safeLine(detail.slice(0, 4 * detailWidth)),
    ]);
  }
  // The padding of the last column would only be carried along when a row is copied.
  return `${table.toString().replace(/ +$/gm, '')}\n`;
}
