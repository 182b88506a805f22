import type { ChalkInstance } from 'chalk';
import { lexer, type Token, type Tokens } from 'marked';
import { drawTable, GAP } from '../output/plain-table.ts';
import { shownWidth, wrap } from '../text/wrap.ts';

interface Page {
  width: number;
  colors: ChalkInstance;
}

/** Text in a narrower column is hard to read. */
const LEAST_COLUMN = 16;

const STACKED = '    ';

/** A page of Markdown as text for a terminal: wrapped between words, code verbatim. */
export function renderMarkdown(markdown: string, page: Page): string {
  return blocks(lexer(markdown), page);
}

function blocks(tokens: readonly Token[], page: Page): string {
  return tokens
    .map((token) => block(token, page))
    .filter((text) => text !== '')
    .join('\n');
}

function block(token: Token, page: Page): string {
  const { width, colors } = page;
  switch (token.type) {
    case 'heading':
      return lines(wrap(colors.bold(inline(token.tokens, page)), width));
    case 'paragraph':
    case 'text':
      return lines(wrap(inline(token.tokens, page), width));
    case 'code':
      return indent(token.text, '  ', '  ');
    case 'list':
      return list(token as Tokens.List, page);
    case 'table':
      return table(token as Tokens.Table, page);
    // Comments, and the space between blocks.
    default:
      return '';
  }
}

function list({ items, ordered, start, loose }: Tokens.List, { width, colors }: Page): string {
  const texts = items.map(({ tokens }, index) => {
    const mark = ordered ? `${Number(start) + index}. ` : '* ';
    return indent(
      blocks(tokens, { width: width - mark.length, colors }).trimEnd(),
      mark,
      ' '.repeat(mark.length),
    );
  });
  return texts.join(loose ? '\n' : '');
}

function table({ header, rows }: Tokens.Table, page: Page): string {
  const cells = rows.map((row) => row.map(({ tokens }) => inline(tokens, page)));
  const hasHead = header.some(({ text }) => text !== '');
  const head = header.map(({ tokens }) => page.colors.bold(inline(tokens, page)));
  const all = hasHead ? [head, ...cells] : cells;
  const columns = header.map((_, column) => all.map((row) => row[column] ?? ''));
  const widths = shrink(columns, page.width - GAP.length * (header.length - 1));
  if (widths === undefined) return cells.map((row) => stackedRow(row, hasHead ? head : [], page)).join('');
  const wrapped = all.map((row) =>
    row.map((cell, column) => wrap(cell, widths[column] as number).join('\n')),
  );
  return lines(
    drawTable(
      wrapped,
      widths.map((width) => ({ width })),
    ),
  );
}

/** The widest columns give way, down to what is readable. Undefined if there is no room for that. */
function shrink(columns: readonly (readonly string[])[], room: number): number[] | undefined {
  const widths = columns.map((cells) => Math.max(...cells.map(shownWidth)));
  const least = columns.map((cells, index) =>
    Math.max(
      Math.min(widths[index] as number, LEAST_COLUMN),
      // What is as narrow as can be has its longest word on a line of its own.
      ...cells.flatMap((cell) => wrap(cell, 1).map(shownWidth)),
    ),
  );
  while (widths.reduce((sum, each) => sum + each, 0) > room) {
    const widest = Math.max(...widths.filter((width, index) => width > (least[index] as number)));
    if (widest < 0) return undefined;
    widths[widths.findIndex((width, index) => width === widest && width > (least[index] as number))] =
      widest - 1;
  }
  return widths;
}

/** On a narrow terminal: the first cell, and below it the others, each after the title of its column. */
function stackedRow(
  [first = '', ...others]: readonly string[],
  [, ...titles]: readonly string[],
  page: Page,
): string {
  const below = others.flatMap((cell, index) => {
    if (cell === '') return [];
    const title = titles[index] ? `${titles[index]}: ` : '';
    return wrap(`${title}${cell}`, page.width - STACKED.length).map((line) => `${STACKED}${line}`);
  });
  return lines([...wrap(first, page.width), ...below]);
}

function inline(tokens: readonly Token[] | undefined, page: Page): string {
  return (tokens ?? []).map((token) => span(token, page)).join('');
}

function span(token: Token, page: Page): string {
  const { colors } = page;
  switch (token.type) {
    case 'strong':
      return colors.bold(inline(token.tokens, page));
    case 'em':
      return colors.italic(inline(token.tokens, page));
    case 'codespan':
      return colors.cyan(token.text);
    case 'link':
      return link(token as Tokens.Link, page);
    case 'text':
      return token.tokens ? inline(token.tokens, page) : token.text.replaceAll('\n', ' ');
    case 'escape':
      return token.text;
    default:
      return '';
  }
}

/** Another topic is named by its command, and a page of the web by its address; other files are not at hand. */
function link({ href, text, tokens }: Tokens.Link, page: Page): string {
  const topic = /^([a-z-]+)\.md(#.*)?$/.exec(href)?.[1];
  const shown = inline(tokens, page);
  if (topic !== undefined) return text === topic ? `help ${topic}` : `${shown} (help ${topic})`;
  return /^https?:/.test(href) && href !== text ? `${shown} (${href})` : shown;
}

function indent(text: string, first: string, rest: string): string {
  return lines(
    text.split('\n').map((line, index) => (line === '' ? '' : `${index === 0 ? first : rest}${line}`)),
  );
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
