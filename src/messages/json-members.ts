/**
 * The members of a JSON object as they are written: the text of each value, untouched, where JSON.parse would
 * lose `1.0`, 2^53 + 1, 1e400, duplicate keys and the escapes of strings. Of a member that occurs twice the
 * last one counts, as for JSON.parse.
 *
 * @param text an object that JSON.parse accepts; nothing is checked again
 */
export function jsonMembers(text: string): Map<string, string> {
  return new Map([...memberSpans(text)].map(([key, [start, end]]) => [key, text.slice(start, end)]));
}

/** Where the values of {@link jsonMembers} begin and end in the text. */
export function memberSpans(text: string): Map<string, [start: number, end: number]> {
  const members = new Map<string, [start: number, end: number]>();
  let at = skipSpace(text, text.indexOf('{') + 1);
  while (text[at] !== '}') {
    const keyEnd = endOfString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    // Behind the colon.
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    members.set(key, [start, end]);
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return members;
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /[^,\]} \t\n\r]*/y;
/** Whatever matters inside an object or array. */
const STRUCTURE = /["{}[\]]/g;

function skipSpace(text: string, at: number): number {
  SPACE.lastIndex = at;
  SPACE.test(text);
  return SPACE.lastIndex;
}

/** @param at of the opening quote; returns the place behind the closing one */
function endOfString(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); ; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
}

function endOfValue(text: string, start: number): number {
  if (text[start] === '"') return endOfString(text, start);
  if (text[start] !== '{' && text[start] !== '[') {
    SCALAR.lastIndex = start;
    SCALAR.test(text);
    return SCALAR.lastIndex;
  }
  let depth = 0;
  let at = start;
  do {
    STRUCTURE.lastIndex = at;
    at = (STRUCTURE.exec(text) as RegExpExecArray).index;
    if (text[at] === '"') {
      at = endOfString(text, at);
      continue;
    }
    depth += text[at] === '{' || text[at] === '[' ? 1 : -1;
    at++;
  } while (depth > 0);
  return at;
}
