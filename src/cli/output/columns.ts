import { textWidth } from '../text/text-width.ts';
import { drawTable, GAP } from './plain-table.ts';

/** A column of a table. Its texts are safe for a terminal, and are painted once its width is known. */
export interface Column<Row> {
  title: string;
  /** Default: left. */
  align?: 'right';
  text(row: Row): string;
  paint?(text: string, row: Row): string;
  /** Cuts a text to a width. Default: texts are never cut, since a cut number is a wrong number. */
  cut?(text: string, width: number): string;
  /** With `cut`: the maximum width, and the width to which it shrinks on a narrow terminal. Default: unlimited. */
  most?: number;
  least?: number;
  /** On a narrow terminal, columns shrink (`shrinks`) or are left out (`givesWay`), in the order of these numbers. */
  shrinks?: number;
  givesWay?: number;
  /** Left out if it would be empty. */
  isOptional?: boolean;
}

/** The visible columns and their widths. Later rows may need {@link widened} ones. */
export interface Layout<Row> {
  columns: readonly { column: Column<Row>; width: number }[];
  /** The width left for the text after the last column. */
  rest: number;
  /** What text columns leave to it when they grow. */
  leastRest: number;
}

interface Fitted<Row> {
  column: Column<Row>;
  /** Its full width. */
  full: number;
  width: number;
}

/**
 * Makes columns as wide as their contents.
 * @param leastRest minimum width for the text after the last column; columns give way to it
 */
export function planColumns<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width, leastRest }: { width: number; leastRest: number },
): Layout<Row> {
  let shown = columns
    .map((column) => ({ column, width: contentWidth(column, rows) }))
    .filter(({ column, width }) => !(column.isOptional && width === 0))
    .map(({ column, width }): Fitted<Row> => {
      const full = Math.max(width, column.title.length);
      return { column, full, width: full };
    });
  const restOf = () => width - shown.reduce((sum, each) => sum + each.width + GAP.length, 0);
  for (const { column, shrinks } of stepsOf(columns)) {
    const missing = leastRest - restOf();
    if (missing <= 0) break;
    shown = shrinks
      ? shown.map((each) => (each.column === column ? shrunk(each, rows, missing) : each))
      : shown.filter((each) => each.column !== column);
  }
  // A later step may have freed more room than needed.
  shown = shown.map((each) => {
    const spare = Math.max(0, restOf() - leastRest);
    each.width = usedWidth(each.column, rows, Math.min(each.full, each.width + spare));
    return each;
  });
  return { columns: shown, rest: Math.max(1, restOf()), leastRest };
}

/** The layout for more rows: wide enough for their numbers, which are never cut, and for their texts where there is room. */
export function widened<Row>(layout: Layout<Row>, rows: readonly Row[]): Layout<Row> {
  const { leastRest } = layout;
  let { rest } = layout;
  const columns = layout.columns.map(({ column, width }) => {
    const missing = Math.max(0, contentWidth(column, rows) - width);
    const most = width + (column.cut ? Math.min(missing, Math.max(0, rest - leastRest)) : missing);
    // Some texts are as short in the room that there is as before: `…/progress`.
    const grown = Math.max(width, usedWidth(column, rows, most));
    rest -= grown - width;
    return { column, width: grown };
  });
  return { columns, rest: Math.max(1, rest), leastRest };
}

function contentWidth<Row>({ text, most }: Column<Row>, rows: readonly Row[]): number {
  const width = rows.reduce((widest, row) => Math.max(widest, textWidth(text(row))), 0);
  return most === undefined ? width : Math.min(width, most);
}

function stepsOf<Row>(columns: readonly Column<Row>[]) {
  return columns
    .flatMap((column) => [
      { column, shrinks: true, at: column.shrinks },
      { column, shrinks: false, at: column.givesWay },
    ])
    .filter((step): step is typeof step & { at: number } => step.at !== undefined)
    .sort((a, b) => a.at - b.at);
}

function shrunk<Row>({ column, full, width }: Fitted<Row>, rows: readonly Row[], missing: number) {
  const { least = 1 } = column;
  return { column, full, width: usedWidth(column, rows, Math.max(Math.min(least, width), width - missing)) };
}

/** No more of a width than makes a difference: a cut may leave less. */
function usedWidth<Row>(column: Column<Row>, rows: readonly Row[], width: number): number {
  return rows.reduce(
    (widest, row) => Math.max(widest, textWidth(fitCell(column, row, width))),
    column.title.length,
  );
}

/** A row, and the text after its last column, already painted and cut to its width. */
export interface TableRow<Row> {
  row: Row;
  rest: string;
}

/**
 * The lines of some rows.
 * @param head the line above them: the title after the last column, and the paint of all titles
 */
export function tableLines<Row>(
  { columns }: Layout<Row>,
  rows: readonly TableRow<Row>[],
  head?: { restTitle: string; paint(text: string): string },
): string[] {
  const lines = rows.map(({ row, rest }) => [
    ...columns.map(({ column, width }) => cell(column, row, width)),
    rest,
  ]);
  if (head) lines.unshift([...columns.map(({ column: { title } }) => title), head.restTitle]);
  const drawn = drawTable(
    lines,
    columns.map(({ column: { align }, width }) => ({ width, align })),
  );
  if (head) drawn[0] = head.paint(drawn[0] as string);
  return drawn;
}

function cell<Row>(column: Column<Row>, row: Row, width: number): string {
  const text = fitCell(column, row, width);
  return column.paint?.(text, row) ?? text;
}

function fitCell<Row>({ text, cut }: Column<Row>, row: Row, width: number): string {
  const whole = text(row);
  return cut === undefined || textWidth(whole) <= width ? whole : cut(whole, width);
}
