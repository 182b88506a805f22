import type { ChalkInstance } from 'chalk';
import { standardError } from '../terminal/standard-error.ts';

/** A name and its value, both safe for a terminal. Without a value, the line is left out. */
export type Fact = readonly [name: string, value: string | undefined];

/** Below this width, wrapping does not help. */
const LEAST_VALUE = 20;

/**
 * Facts on separate lines, with aligned values. A long value is wrapped and indented, between words if possible; a
 * line break in a value starts a new line.
 */
export function layOutFacts(
  facts: readonly Fact[],
  { width, colors, indent = '' }: { width: number; colors: ChalkInstance; indent?: string },
): string {
  const shown = facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
  const nameWidth = Math.max(0, ...shown.map(([name]) => name.length));
  const room = Math.max(LEAST_VALUE, width - indent.length - nameWidth - 2);
  return shown
    .flatMap(([name, value]) =>
      value
        .split('\n')
        .flatMap((line) => wrap(line, room))
        .map((line, index) => {
          const label = index === 0 ? colors.dim(name.padEnd(nameWidth)) : ' '.repeat(nameWidth);
          return `${indent}${label}  ${line}\n`;
        }),
    )
    .join('');
}

/** A sentence for stderr, wrapped between words on a terminal. */
export function fitStderr(text: string): string {
  const { isTTY, columns } = standardError();
  return isTTY && columns > LEAST_VALUE ? wrap(text, columns).join('\n') : text;
}

/** Lines of at most `room` characters; escape sequences of colours count for nothing. */
export function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const candidate = line === '' ? word : `${line} ${word}`;
    if (lengthOf(candidate) <= room) {
      line = candidate;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (lengthOf(line) > room && lengthOf(line) === line.length) {
      lines.push(line.slice(0, room));
      line = line.slice(room);
    }
  }
  return [...lines, line];
}

/** Rows as aligned columns, as wide as their contents, without trailing space. */
export function alignColumns(
  rows: readonly (readonly string[])[],
  aligns: readonly ('left' | 'right')[],
): string[] {
  const widths = aligns.map((_, index) => Math.max(0, ...rows.map((row) => lengthOf(row[index] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, index) => {
        const space = ' '.repeat((widths[index] as number) - lengthOf(cell));
        return aligns[index] === 'right' ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Characters on the screen. */
export function lengthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}
