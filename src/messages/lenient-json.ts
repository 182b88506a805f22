/** What Python's json writes for numbers that JSON lacks. */
const NUMBERS = /-?(?:NaN|Infinity)/g;

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

/** Infinity becomes a number that is too large for a double; NaN becomes a marker that occurs nowhere else. */
function parseWithMarks(text: string, error: unknown): unknown {
  const mark = crypto.randomUUID();
  const replacements: Record<string, string> = {
    // In an array, as a bare string would pass for a key; with spaces, as the digits would join a number before them.
    NaN: `["${mark}"]`,
    Infinity: ' 1e999 ',
    '-Infinity': ' -1e999 ',
  };
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const end = quote === -1 ? text.length : quote;
    // "-NaN" is not a number that Python writes: leave it to fail.
    parts.push(text.slice(at, end).replace(NUMBERS, (number) => replacements[number] ?? number));
    at = quote === -1 ? end : endOfString(text, quote);
    parts.push(text.slice(end, at));
  }
  try {
    return JSON.parse(parts.join(''), (_name, value) =>
      Array.isArray(value) && value[0] === mark ? Number.NaN : value,
    );
  } catch {
    // Report the error about the given text, not about the modified one.
    throw error;
  }
}

/** The position after the closing quote, or the end of the text. */
function endOfString(text: string, quote: number): number {
  let close = text.indexOf('"', quote + 1);
  while (close !== -1 && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close === -1 ? text.length : close + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}
