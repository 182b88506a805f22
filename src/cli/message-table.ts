import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import type { StoredMessage } from '../index.ts';
import { formatDuration } from './durations.ts';
import { summarize } from './message-summary.ts';
import { formatSize } from './sizes.ts';
import { PLAIN_TABLE } from './tables.ts';
import { safeLine } from './terminal-text.ts';

const HEAD = ['#', 'AGE', 'TYPE', 'METHOD', 'ID', 'SIZE', 'MESSAGE'];

/** Widths of all columns but the last, which takes the rest of the line. */
const WIDTHS = [6, 10, 17, 27, 12, 9];

const LEAST_DETAIL = 12;

/**
 * Messages as a table, one readable line each. Batches that follow each other keep the same columns.
 * @param first number of the first message, from 1; the head is above that one
 */
export function messageTable(
  messages: readonly StoredMessage[],
  { first, width, colors, now }: { first: number; width: number; colors: ChalkInstance; now: number },
): string {
  const detailWidth = Math.max(LEAST_DETAIL, width - WIDTHS.reduce((sum, each) => sum + each, 0));
  const table = new Table({
    ...PLAIN_TABLE,
    ...(first === 1 && { head: HEAD.map((name) => colors.dim(name)) }),
    colWidths: [...WIDTHS, detailWidth],
    colAligns: ['right', 'right', 'left', 'left', 'left', 'right', 'left'],
  });
  for (const [index, message] of messages.entries()) {
    const { type, method, id, queuedAt, size, detail } = summarize(message);
    table.push([
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
