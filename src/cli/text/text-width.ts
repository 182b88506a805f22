import { eastAsianWidth } from 'get-east-asian-width';

/** Printable ASCII, the most common text: its width is its length. */
const NARROW = /^[\x20-\x7e]*$/;

/** Characters without a width: combining accents, joiners, variation selectors. */
const NO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

const ELLIPSIS = '…';

/** The terminal columns that a line of text occupies. The text must be safe for a terminal and without colours. */
export function textWidth(text: string): number {
  if (NARROW.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  return NO_WIDTH.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) as number);
}

/** The text if it fits, else as much of its beginning as fits before an ellipsis. */
export function cutEnd(text: string, width: number): string {
  return textWidth(text) <= width ? text : `${fitting([...text], width - 1)}${ELLIPSIS}`;
}

/** The same for a text whose end is more informative: the ellipsis comes first. */
export function cutStart(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  return `${ELLIPSIS}${[...fitting([...text].reverse(), width - 1)].reverse().join('')}`;
}

/** The same for a method, whose last part says the most: `…/progress` for `notifications/progress`. */
export function cutMethod(method: string, width: number): string {
  if (textWidth(method) <= width) return method;
  const slash = method.lastIndexOf('/');
  return cutStart(slash > 0 ? `…${method.slice(slash)}` : method, width);
}

/** The same for an id, whose two ends together distinguish it: random, counted or of one moment. */
export function cutMiddle(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const start = fitting([...text], Math.ceil((width - 1) / 2));
  return `${start}${cutStart(text, width - textWidth(start))}`;
}

/** As many of the first characters as fit. */
function fitting(characters: readonly string[], width: number): string {
  let taken = '';
  let left = width;
  for (const character of characters) {
    left -= characterWidth(character);
    if (left < 0) break;
    taken += character;
  }
  return taken;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}
