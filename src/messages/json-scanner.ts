const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const COMMA = 0x2c;
const [OPENING_BRACKET, CLOSING_BRACKET] = [0x5b, 0x5d];
const [OPENING_BRACE, CLOSING_BRACE] = [0x7b, 0x7d];

const isSpace = (byte: number) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === LINE_FEED;

/** A value of JSON as it is written. */
export interface ScannedValue {
  /** The number of the line on which it begins, counted from 1, as in editors. */
  number: number;
  text: Buffer;
  /** The text ends in it, or in the array around it: its writer may have been interrupted. */
  isUnfinished: boolean;
  /** Where it begins in the text. */
  offset: number;
}

/**
 * Finds the values in a text that arrives in chunks: those of an array, or values that follow one another. They are found
 * by counting brackets outside strings; errors inside a value are found when it is parsed.
 */
export class JsonScanner {
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

  scan(chunk: Buffer): ScannedValue[] {
    const values: ScannedValue[] = [];
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
    }
    this.#position += chunk.length;
    return values;
  }

  /** How much there is of the value that has begun, and on which line. */
  get pending(): { bytes: number; number: number } {
    return { bytes: this.#partBytes, number: this.#startNumber };
  }

  /** What is incomplete at the end, including an unclosed array. */
  end(): ScannedValue | undefined {
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

  #take(isUnfinished: boolean): ScannedValue {
    const text = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    this.#isInValue = false;
    this.#isInString = false;
    this.#depth = 0;
    return { number: this.#startNumber, text, isUnfinished, offset: this.#startPosition };
  }
}
