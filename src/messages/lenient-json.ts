import { randomUUID } from 'node:crypto';

/** Numbers, and what Python's json writes for those that JSON lacks. */
const NUMBERS = /-?(?:NaN|Infinity|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)/g;

/** The shortest integer that may be beyond 2^53 has as many digits. */
const MAY_BE_LARGE = /\d{16}/;
const LARGE = /^-?\d{16,}$/;

/**
 * JSON.parse that also takes `NaN`, `Infinity` and `-Infinity` where a number may be, which Python's json writes and
 * reads. Text without them costs no more than with JSON.parse.
 * @throws SyntaxError
 */
export function parseLenientJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!text.includes('NaN') && !text.includes('Infinity')) throw error;
    return parseWithMarks(text, error);
  }
}

/**
 * The same, but integers beyond 2^53 are a `bigint`, with all their digits. Text that has none costs no more, as long as
 * it has no sixteen digits in a row.
 * @throws SyntaxError
 */
export function parseExactJson(text: string): unknown {
  const value = parseLenientJson(text);
  return MAY_BE_LARGE.test(text) ? parseWithMarks(text, undefined, true) : value;
}

/** JSON.stringify for what {@link parseExactJson} gave, with NaN and Infinity where JSON would have null. */
export function exactJsonText(value: unknown): string {
  try {
    const text = JSON.stringify(value);
    if (!text.includes('null')) return text;
  } catch {
    // It has a bigint.
  }
  const mark = randomUUID();
  const mayMark = (_name: string, part: unknown) =>
    typeof part === 'bigint' || (typeof part === 'number' && !Number.isFinite(part))
      ? `${mark}${part}`
      : part;
  return JSON.stringify(value, mayMark).replace(new RegExp(`"${mark}([^"]*)"`, 'g'), '$1');
}

/**
 * Infinity becomes a number that is too large for a double; NaN, and integers that a double cannot hold if they have to
 * be exact, become markers that occur nowhere else.
 */
function parseWithMarks(text: string, error: unknown, isExact = false): unknown {
  const mark = randomUUID();
  const replacements: Record<string, string> = {
    // In an array, as a bare string would pass for a key; with spaces, as the digits would join a number before them.
    NaN: `["${mark}","NaN"]`,
    Infinity: ' 1e999 ',
    '-Infinity': ' -1e999 ',
  };
  const replaceNumber = (number: string) => {
    const isLarge = isExact && LARGE.test(number) && !Number.isSafeInteger(Number(number));
    return isLarge ? `["${mark}","${number}"]` : (replacements[number] ?? number);
  };
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const end = quote === -1 ? text.length : quote;
    // "-NaN" is not a number that Python writes: leave it to fail.
    parts.push(text.slice(at, end).replace(NUMBERS, replaceNumber));
    at = quote === -1 ? end : endOfString(text, quote);
    parts.push(text.slice(end, at));
  }
  try {
    return JSON.parse(parts.join(''), (_name, value) => {
      if (!Array.isArray(value) || value[0] !== mark) return value;
      return value[1] === 'NaN' ? Number.NaN : BigInt(value[1]);
    });
  } catch {
    // Report the error about the given text, not about the modified one.
    throw error;
  }
}

/** The position after the closing quote, or the end of the text. */
export function endOfString(text: string, quote: number): number {
  let close = text.indexOf('"', quote + 1);
  while (close !== -1 && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close === -1 ? text.length : close + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}
