import { wrap } from '../text/wrap.ts';

/** What is not read on a terminal is made for one of this width. */
export const USUAL_WIDTH = 80;

/** A narrower column for the descriptions would be hard to read: each stands below its term then. */
const LEAST_DESCRIPTION = 24;

const INDENT = '  ';
const GAP = '  ';

/** Whether descriptions fit next to terms of this width. */
export function fitsBeside(termWidth: number, width: number): boolean {
  return width - INDENT.length - termWidth - GAP.length >= LEAST_DESCRIPTION;
}

/** Terms and their descriptions, in two columns where there is room. */
export function layOutTerms(
  items: readonly (readonly [term: string, description: string])[],
  width: number,
  termWidth: number,
): string {
  const isBeside = fitsBeside(termWidth, width);
  const indent = isBeside ? ' '.repeat(INDENT.length + termWidth + GAP.length) : INDENT.repeat(3);
  return items
    .map(([term, description]) => {
      const text = wrap(description, width - indent.length).map((line) => `${indent}${line}`);
      const head = `${INDENT}${term}`;
      const lines = isBeside
        ? [`${head.padEnd(indent.length)}${text.join('\n').slice(indent.length)}`]
        : [head, ...text];
      return lines.map((line) => `${line.trimEnd()}\n`).join('');
    })
    .join('');
}
