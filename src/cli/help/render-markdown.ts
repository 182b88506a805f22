import type { ChalkInstance } from 'chalk';
import { lexer, type Token, type Tokens } from 'marked';
import { lengthOf, wrap } from '../output/facts.ts';

interface Page {
  width: number;
  colors: ChalkInstance;
}

const BETWEEN_COLUMNS = 2;

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
  const widths = shrink(
    header.map((_, column) => Math.max(...all.map((row) => lengthOf(row[column] ?? '')))),
    page.width - BETWEEN_COLUMNS * (header.length - 1),
  );
  return all.map((row) => tableRow(row, widths)).join('');
}

/** The widest columns give way. */
function shrink(widths: readonly number[], room: number): number[] {
  const fitting = [...widths];
  while (fitting.reduce((sum, each) => sum + each, 0) > room) {
    const widest = Math.max(...fitting);
    if (widest <= 1) break;
    fitting[fitting.indexOf(widest)] = widest - 1;
  }
  return fitting;
}

function tableRow(cells: readonly string[], widths: readonly number[]): string {
  const wrapped = cells.map((cell, column) => wrap(cell, widths[column] as number));
  const height = Math.max(...wrapped.map(({ length }) => length));
  const result = Array.from({ length: height }, (_, line) =>
    wrapped
      .map((cell, column) => {
        const text = cell[line] ?? '';
        return text + ' '.repeat(Math.max(0, (widths[column] as number) - lengthOf(text)));
      })
      .join(' '.repeat(BETWEEN_COLUMNS))
      .trimEnd(),
  );
  return lines(result);
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
