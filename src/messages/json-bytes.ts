/*
 * Reads JSON text as bytes, without parsing it into values: those would lose `1.0`, 2^53 + 1, 1e400, duplicate keys
 * and string escapes, and would hold a body of many megabytes in memory three times. The grammar is that of RFC 8259,
 * like JSON.parse. Callers check that the bytes are UTF-8.
 */

const [SPACE, TAB, LINE_FEED, CARRIAGE_RETURN] = [0x20, 0x09, 0x0a, 0x0d];
const [QUOTE, BACKSLASH, COMMA, COLON, MINUS, PLUS, DOT] = [0x22, 0x5c, 0x2c, 0x3a, 0x2d, 0x2b, 0x2e];
const [OPENING_BRACKET, CLOSING_BRACKET, OPENING_BRACE, CLOSING_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];
const [ZERO, NINE] = [0x30, 0x39];
/** `"\/bfnrt`, what may follow a backslash besides `u`. */
const ESCAPES: ReadonlySet<number | undefined> = new Set(Buffer.from('"\\/bfnrt'));
const LETTER_U = 0x75;
/** `\u00e9` */
const UNICODE_ESCAPE_BYTES = 6;
const LITERALS = ['true', 'false', 'null'];

/** Returned in place of an end position for "not JSON". */
const INVALID = -1;

/** Whether the bytes are exactly one JSON value, with optional white space around it. */
export function isJson(bytes: Buffer): boolean {
  const end = endOfValue(bytes, 0);
  return end !== INVALID && skipSpace(bytes, end) === bytes.length;
}

/** A JSON object as written; members are parsed on demand. */
export class JsonObjectText {
  readonly #bytes: Buffer;
  readonly #members: ReadonlyMap<string, Span>;

  private constructor(bytes: Buffer, members: ReadonlyMap<string, Span>) {
    this.#bytes = bytes;
    this.#members = members;
  }

  /** @returns `undefined` if the text is not a JSON object */
  static read(bytes: Buffer): JsonObjectText | undefined {
    const members = memberSpans(bytes);
    return members && new JsonObjectText(bytes, members);
  }

  get names(): string[] {
    return [...this.#members.keys()];
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** The text of a member's value, a view of the object's; `undefined` if there is no such member. */
  text(name: string): Buffer | undefined {
    const span = this.#members.get(name);
    return span && this.#bytes.subarray(...span);
  }

  value(name: string): unknown {
    const text = this.text(name);
    return text && JSON.parse(text.toString());
  }
}

/**
 * The same text with its strings cut to about `most` bytes: for a reader who sees no more of them, and should not hold a
 * body of many megabytes in memory three times. What is not JSON stays what is not JSON.
 */
export function cutStrings(json: Buffer, most: number): Buffer {
  if (json.length <= most) return json;
  const pieces: Buffer[] = [];
  let from = 0;
  for (let quote = json.indexOf(QUOTE); quote !== -1; ) {
    const end = endOfString(json, quote);
    if (end === INVALID) break;
    if (end - quote > most) {
      pieces.push(json.subarray(from, cutPosition(json, quote, most)));
      from = end - 1;
    }
    quote = json.indexOf(QUOTE, end);
  }
  return Buffer.concat([...pieces, json.subarray(from)]);
}

/** The last position up to `most` bytes after a quote that is neither within a character nor an escape sequence. */
function cutPosition(bytes: Buffer, quote: number, most: number): number {
  let at = quote + 1;
  while (true) {
    const isEscape = bytes[at] === BACKSLASH;
    const next = at + (!isEscape ? 1 : bytes[at + 1] === LETTER_U ? UNICODE_ESCAPE_BYTES : 2);
    if (next > quote + most) break;
    at = next;
  }
  // The bytes of a character after its first one, in UTF-8.
  while (((bytes[at] as number) & 0xc0) === 0x80) at--;
  return at;
}

type Span = [start: number, end: number];

/**
 * The positions of an object's member values. Of duplicate names the last one counts, as for JSON.parse.
 * @returns `undefined` for what is not an object of JSON
 */
function memberSpans(bytes: Buffer): Map<string, Span> | undefined {
  const members = new Map<string, Span>();
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPENING_BRACE) return undefined;
  at = skipSpace(bytes, at + 1);
  let isOver = bytes[at] === CLOSING_BRACE;
  if (isOver) at++;
  while (!isOver) {
    const keyStart = at;
    const colon = behindColon(bytes, keyStart);
    if (colon === INVALID) return undefined;
    const start = skipSpace(bytes, colon);
    const end = endOfValue(bytes, start);
    if (end === INVALID) return undefined;
    const key = JSON.parse(bytes.toString('utf8', keyStart, endOfString(bytes, keyStart))) as string;
    members.set(key, [start, end]);
    at = skipSpace(bytes, end);
    isOver = bytes[at] === CLOSING_BRACE;
    if (!isOver && bytes[at] !== COMMA) return undefined;
    at = isOver ? at + 1 : skipSpace(bytes, at + 1);
  }
  return skipSpace(bytes, at) === bytes.length ? members : undefined;
}

/** Without recursion: JSON nested deeper than the stack is still JSON. */
function endOfValue(bytes: Buffer, from: number): number {
  const closing: number[] = [];
  let at = from;
  while (true) {
    at = skipSpace(bytes, at);
    const first = bytes[at];
    if (first === OPENING_BRACE || first === OPENING_BRACKET) {
      const close = first === OPENING_BRACE ? CLOSING_BRACE : CLOSING_BRACKET;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== close) {
        closing.push(close);
        if (close === CLOSING_BRACE) at = behindColon(bytes, at);
        if (at === INVALID) return INVALID;
        continue;
      }
      at++;
    } else {
      at = endOfScalar(bytes, at);
      if (at === INVALID) return INVALID;
    }
    // After a value: close every array or object that ends here, then continue after a comma.
    let close = closing.at(-1);
    while (close !== undefined) {
      at = skipSpace(bytes, at);
      if (bytes[at] !== close) break;
      at++;
      closing.pop();
      close = closing.at(-1);
    }
    if (close === undefined) return at;
    if (bytes[at] !== COMMA) return INVALID;
    at++;
    if (close === CLOSING_BRACE) at = behindColon(bytes, skipSpace(bytes, at));
    if (at === INVALID) return INVALID;
  }
}

/** The position after a member name and its colon. */
function behindColon(bytes: Buffer, at: number): number {
  const end = bytes[at] === QUOTE ? endOfString(bytes, at) : INVALID;
  if (end === INVALID) return INVALID;
  const colon = skipSpace(bytes, end);
  return bytes[colon] === COLON ? colon + 1 : INVALID;
}

function endOfScalar(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfString(bytes, at);
  if (first === MINUS || isDigit(first)) return endOfNumber(bytes, at);
  const text = bytes.toString('latin1', at, at + 5);
  const literal = LITERALS.find((word) => text.startsWith(word));
  return literal === undefined ? INVALID : at + literal.length;
}

/** @param at of the opening quote */
function endOfString(bytes: Buffer, at: number): number {
  for (let index = at + 1; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    if (byte === QUOTE) return index + 1;
    if (byte < SPACE) return INVALID;
    if (byte !== BACKSLASH) continue;
    index++;
    if (ESCAPES.has(bytes[index])) continue;
    if (!/^u[\da-f]{4}$/i.test(bytes.toString('latin1', index, index + 5))) return INVALID;
    index += 4;
  }
  return INVALID;
}

function endOfNumber(bytes: Buffer, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  at = bytes[at] === ZERO ? at + 1 : endOfDigits(bytes, at);
  if (at !== INVALID && bytes[at] === DOT) at = endOfDigits(bytes, at + 1);
  // E or e.
  if (at !== INVALID && ((bytes[at] ?? 0) | 0x20) === 0x65) {
    const hasSign = bytes[at + 1] === PLUS || bytes[at + 1] === MINUS;
    at = endOfDigits(bytes, at + (hasSign ? 2 : 1));
  }
  return at;
}

/** At least one. */
function endOfDigits(bytes: Buffer, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at++;
  return at === from ? INVALID : at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte !== SPACE && byte !== LINE_FEED && byte !== CARRIAGE_RETURN && byte !== TAB) break;
    at++;
  }
  return at;
}
