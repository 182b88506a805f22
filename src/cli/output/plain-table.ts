import Table, { type TableConstructorOptions } from 'cli-table3';

/** Between two columns. */
export const GAP = '  ';

export interface PlainColumn {
  width: number;
  /** Default: left. */
  align?: 'right' | undefined;
}

/**
 * The lines of a table of cells, with space between its columns and no borders: to be read, and to be copied from. A cell
 * may have several lines, none of them wider than its column. The last cells need no column if all have one line.
 */
export function drawTable(rows: readonly string[][], columns: readonly PlainColumn[]): string[] {
  const options: TableConstructorOptions = {
    ...PLAIN_TABLE,
    colWidths: columns.map(({ width }) => width + GAP.length),
    colAligns: columns.map(({ align }) => align ?? 'left'),
  };
  const drawn: string[] = [];
  for (let start = 0; start < rows.length; start += DRAWN_TOGETHER) {
    const table = new Table(options);
    table.push(...rows.slice(start, start + DRAWN_TOGETHER));
    drawn.push(
      ...table
        .toString()
        .split('\n')
        .map((line) => line.trimEnd()),
    );
  }
  return drawn;
}

/** The time that cli-table3 takes grows with the square of the rows. */
const DRAWN_TOGETHER = 20;

const BORDERS = [
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

const PLAIN_TABLE: TableConstructorOptions = {
  chars: Object.fromEntries(BORDERS.map((name) => [name, ''])),
  style: { 'padding-left': 0, 'padding-right': GAP.length, head: [], border: [] },
};
