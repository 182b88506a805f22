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

/** A column of a table whose last column takes the rest of the line. Widths include the space behind. */
export interface Column {
  name: string;
  width: number;
  /** What it shrinks to on a narrow terminal. Default: its width. */
  least?: number;
  align: 'left' | 'right';
  /** On a narrow terminal columns shrink, and then go, in the order of these numbers. Default: it stays. */
  givesWay?: number;
}

/** The columns that fit beside a last one of at least so many characters, and the width left for that one. */
export function fitColumns<T extends Column>(
  columns: readonly T[],
  width: number,
  leastRest: number,
): { columns: T[]; rest: number } {
  let fitting = [...columns];
  const restOf = () => width - fitting.reduce((sum, column) => sum + column.width, 0);
  const giving = columns
    .filter(({ givesWay }) => givesWay !== undefined)
    .sort((a, b) => (a.givesWay as number) - (b.givesWay as number));
  for (const { name } of giving) {
    if (restOf() >= leastRest) break;
    const shrunk = ({ width, least = width }: T) => Math.max(least, width - (leastRest - restOf()));
    fitting = fitting.map((column) => (column.name === name ? { ...column, width: shrunk(column) } : column));
  }
  for (const { name } of giving) {
    if (restOf() >= leastRest) break;
    fitting = fitting.filter((column) => column.name !== name);
  }
  return { columns: fitting, rest: Math.max(leastRest, restOf()) };
}

/** Columns of the terminal; of a file or pipe none are known. */
export function terminalWidth(): number {
  return process.stdout.columns || 120;
}
