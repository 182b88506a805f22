import type { TableConstructorOptions } from 'cli-table3';

const CHARACTERS = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
  'middle',
] as const;

/** Columns with space between them and no lines: to be read, and to be copied from. */
export const PLAIN_TABLE: TableConstructorOptions = {
  chars: Object.fromEntries(CHARACTERS.map((name) => [name, ''])),
  style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [] },
};

/** Columns of the terminal; of a file or pipe none are known. */
export function terminalWidth(): number {
  return process.stdout.columns || 120;
}
