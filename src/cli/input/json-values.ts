import type { InputLine, LineSource } from './input-lines.ts';
import { checkLength } from './line-length.ts';

/*
 * Messages that are not one per line: a JSON array, as written by `-o json` and `jq -s`, or multi-line values, as
 * written by `jq` without -c. They are found in the bytes by counting brackets outside strings; errors inside a value
 * are found when it is parsed.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const COMMA = 0x2c;
const [OPENING_BRACKET, CLOSING_BRACKET] = [0x5b, 0x5d];
const [OPENING_BRACE, CLOSING_BRACE] = [0x7b, 0x7d];

const isSpace = (byte: number) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === LINE_FEED;

/**
 * Whether a text has one message per line, even if the first line is damaged: the second line of a multi-line value
 * is not an object.
 */
export async function isOneALine(source: LineSource): Promise<boolean> {
  let isSecond = false;
  for await (const lines of source.lines()) {
    for (const { text, isUnfinished } of lines) {
      const line = text.toString('latin1').trimEnd();
      if (line.trim() === '') continue;
      const isObject = line.startsWith('{') && line.endsWith('}');
      if (isSecond) return isObject;
      if (line.trimStart().startsWith('[')) return false;
      if (isObject || isUnfinished || !line.startsWith('{')) return true;
      isSecond = true;
    }
  }
  return !isSecond;
}

/** The values in a text, each with the line on which it begins. */
export async function* jsonValues(source: LineSource): AsyncGenerator<InputLine[]> {
  const scanner = new ValueScanner();
  for await (const chunk of source.chunks()) {
    const values = scanner.scan(chunk);
    if (values.length > 0) yield values;
  }
  const rest = scanner.end();
  if (rest !== undefined) yield [rest];
}

/** Whether the value with which a text begins ends in it. */
export function endsValue(text: Buffer): boolean {
  return new ValueScanner().scan(text).length > 0;
}

class ValueScanner {
  #depth = 0;
  #isInArray = false;
  #isInString = false;
  #isEscaped = false;
  #number = 1;
  #startNumber = 1;
  #position = 0;
  #startPosition = 0;
  /** Parts of the value being read. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  #isInValue = false;

  scan(chunk: Buffer): InputLine[] {
    const values: InputLine[] = [];
    let start = 0;
    const finish = (end: number) => {
      this.#parts.push(chunk.subarray(start, end));
      values.push(this.#take(false));
    };
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (byte === LINE_FEED) this.#number++;
      if (!this.#isInValue) {
        if (isSpace(byte) || this.#isBetween(byte)) continue;
        this.#isInValue = true;
        this.#startNumber = this.#number;
        this.#startPosition = this.#position + at;
        start = at;
      } else if (this.#depth === 0 && !this.#isInString && this.#endsScalar(byte)) {
        finish(at);
        this.#isBetween(byte);
        continue;
      }
      if (this.#step(byte)) finish(at + 1);
    }
    if (this.#isInValue) {
      this.#parts.push(chunk.subarray(start));
      this.#partBytes += chunk.length - start;
      checkLength(this.#partBytes, this.#startNumber);
    }
    this.#position += chunk.length;
    return values;
  }

  /** What is incomplete at the end, including an unclosed array. */
  end(): InputLine | undefined {
    if (this.#isInValue) return this.#take(true);
    if (!this.#isInArray) return undefined;
    return { number: this.#number, text: Buffer.from('['), isUnfinished: true, offset: this.#position };
  }

  /** Whether a byte is a bracket or comma of the array around the values. */
  #isBetween(byte: number): boolean {
    if (byte === OPENING_BRACKET && !this.#isInArray) {
      this.#isInArray = true;
      return true;
    }
    if (byte === CLOSING_BRACKET && this.#isInArray) {
      this.#isInArray = false;
      return true;
    }
    return byte === COMMA && this.#isInArray;
  }

  #endsScalar(byte: number): boolean {
    return isSpace(byte) || (this.#isInArray && (byte === COMMA || byte === CLOSING_BRACKET));
  }

  /** @returns whether the value ends with this byte */
  #step(byte: number): boolean {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) this.#isInString = false;
      return false;
    }
    if (byte === QUOTE) this.#isInString = true;
    else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) this.#depth++;
    else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) {
      this.#depth = Math.max(0, this.#depth - 1);
      return this.#depth === 0;
    }
    return false;
  }

  #take(isUnfinished: boolean): InputLine {
    const text = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    this.#isInValue = false;
    this.#isInString = false;
    this.#depth = 0;
    return { number: this.#startNumber, text, isUnfinished, offset: this.#startPosition };
  }
}
