import type { ChalkInstance } from 'chalk';
import { wrap } from '../text/wrap.ts';

/** A name and its value, both safe for a terminal. Without a value, the line is left out. */
export type Fact = readonly [name: string, value: string | undefined];

/** Below this width, wrapping does not help. */
const LEAST_VALUE = 20;

/**
 * Facts on separate lines, with aligned values. A long value is wrapped between words and indented; a line break in
 * a value starts a new line.
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
