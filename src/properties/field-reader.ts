import { isUtf8 } from 'node:buffer';
import { endOfField, Tag, UnreadableList } from './field-layout.ts';
import { type Base64Text, isIndex, MAX_NESTING, type TypedTable, type TypedValue } from './typed-values.ts';

type Table = { [name: string]: unknown };

/** There are many NaN bit patterns, and JavaScript knows only one. */
const NAN_32 = 0x7fc00000;
const NAN_64 = 0x7ff8000000000000n;

/**
 * Decodes AMQP values one after the other. A number is plain if the encoder would write the same bytes for it;
 * otherwise it carries its type.
 */
export class FieldReader {
  readonly #list: Buffer;
  /** The position of the next value. */
  at: number;
  /** Whether everything requested could be decoded. */
  isComplete = true;

  constructor(list: Buffer, at: number) {
    this.#list = list;
    this.at = at;
  }

  octet(): number {
    return this.#list[this.#take(1, this.#list.length)] as number;
  }

  /** Up to 255 bytes. */
  shortText(limit = this.#list.length): string | Base64Text {
    const length = this.#list[this.#take(1, limit)] as number;
    const start = this.#take(length, limit);
    return this.#text(start, start + length);
  }

  uint64(limit = this.#list.length): number | string {
    const start = this.#take(8, limit);
    const high = this.#list.readUInt32BE(start);
    if (high < 0x200000) return high * 0x100000000 + this.#list.readUInt32BE(start + 4);
    return this.#list.readBigUInt64BE(start).toString();
  }

  /**
   * A table. Values that cannot be decoded are left out; if the end of one cannot be found, so is everything after
   * it.
   */
  headers(): Table {
    const end = this.#endOfLong(this.#list.length);
    const start = this.at;
    try {
      return this.#table(end, 1);
    } catch (error) {
      if (!(error instanceof UnreadableList)) throw error;
      this.isComplete = false;
      const readable = this.#readableEntries(start, end);
      this.at = end;
      return new FieldReader(readable, 0).#table(readable.length, 1);
    }
  }

  #readableEntries(start: number, end: number): Buffer {
    const readable: Buffer[] = [];
    for (let at = start; at < end; ) {
      const entryEnd = endOfEntry(this.#list, at, end);
      if (entryEnd === undefined) break;
      try {
        this.at = at;
        this.#table(entryEnd, 1);
        readable.push(this.#list.subarray(at, entryEnd));
      } catch (error) {
        if (!(error instanceof UnreadableList)) throw error;
      }
      at = entryEnd;
    }
    return Buffer.concat(readable);
  }

  #value(limit: number, depth: number): unknown {
    const list = this.#list;
    const tag = list[this.#take(1, limit)];
    switch (tag) {
      case Tag.string: {
        const end = this.#endOfLong(limit);
        const start = this.at;
        this.at = end;
        return this.#text(start, end);
      }
      case Tag.boolean: {
        const value = list[this.#take(1, limit)] as number;
        return value > 1 ? typed('boolean', value) : value === 1;
      }
      case Tag.int8:
        return list.readInt8(this.#take(1, limit));
      case Tag.int16: {
        const value = list.readInt16BE(this.#take(2, limit));
        return value >= -0x80 && value < 0x80 ? typed('int16', value) : value;
      }
      case Tag.int32: {
        const value = list.readInt32BE(this.#take(4, limit));
        return value >= -0x8000 && value < 0x8000 ? typed('int32', value) : value;
      }
      case Tag.int64:
        return this.#int64(limit);
      case Tag.longlong:
        return typed('longlong', this.#signed64(limit));
      case Tag.uint8:
        return typed('uint8', list[this.#take(1, limit)]);
      case Tag.uint16:
        return typed('uint16', list.readUInt16BE(this.#take(2, limit)));
      case Tag.uint32:
        return typed('uint32', list.readUInt32BE(this.#take(4, limit)));
      case Tag.float:
        return this.#float(limit);
      case Tag.double:
        return this.#double(limit);
      case Tag.timestamp:
        return typed('timestamp', this.uint64(limit));
      case Tag.decimal: {
        const start = this.#take(5, limit);
        return typed('decimal', { places: list[start], digits: list.readUInt32BE(start + 1) });
      }
      case Tag.void:
        return null;
      case Tag.bytes: {
        const end = this.#endOfLong(limit);
        const bytes = Buffer.from(list.subarray(this.at, end));
        this.at = end;
        return bytes;
      }
      case Tag.array: {
        const end = this.#endOfLong(limit);
        if (depth >= MAX_NESTING) throw tooDeep();
        const values: unknown[] = [];
        while (this.at < end) values.push(this.#value(end, depth + 1));
        return values;
      }
      case Tag.table:
        return this.#table(this.#endOfLong(limit), depth + 1);
      default:
        throw new UnreadableList('a value has an unknown type');
    }
  }

  #table(end: number, depth: number): Table {
    if (depth > MAX_NESTING) throw tooDeep();
    const table: Table = {};
    let pairs: TypedTable['value'] | undefined;
    while (this.at < end) {
      const key = this.shortText(end);
      const value = this.#value(end, depth);
      if (pairs === undefined) {
        if (typeof key === 'string' && key !== '!' && !isIndex(key) && !Object.hasOwn(table, key)) {
          if (key === '__proto__') define(table, key, value);
          else table[key] = value;
          continue;
        }
        pairs = Object.entries(table);
      }
      pairs.push([key, value]);
    }
    return pairs === undefined ? table : { '!': 'table', value: pairs };
  }

  #float(limit: number): unknown {
    const start = this.#take(4, limit);
    const value = this.#list.readFloatBE(start);
    if (Number.isNaN(value) && this.#list.readUInt32BE(start) !== NAN_32) this.isComplete = false;
    return typed('float', value);
  }

  #double(limit: number): unknown {
    const start = this.#take(8, limit);
    const value = this.#list.readDoubleBE(start);
    if (Number.isNaN(value) && this.#list.readBigUInt64BE(start) !== NAN_64) this.isComplete = false;
    const isPlain =
      Number.isFinite(value) && (!Number.isInteger(value) || value >= 2 ** 63 || value < -(2 ** 63));
    return isPlain ? value : typed('double', value);
  }

  #int64(limit: number): unknown {
    const value = this.#signed64(limit);
    const isPlain = typeof value === 'number' && (value < -0x80000000 || value >= 0x80000000);
    return isPlain ? value : typed('int64', value);
  }

  /** A string of digits where a number would not be exact. */
  #signed64(limit: number): number | string {
    const start = this.#take(8, limit);
    const value = this.#list.readInt32BE(start) * 0x100000000 + this.#list.readUInt32BE(start + 4);
    return Number.isSafeInteger(value) ? value : this.#list.readBigInt64BE(start).toString();
  }

  #text(start: number, end: number): string | Base64Text {
    const bytes = this.#list.subarray(start, end);
    if (isUtf8(bytes)) return bytes.toString();
    return { '!': 'string_base64', value: bytes.toString('base64') };
  }

  /** Steps over a 32-bit length, and returns where what it counts ends. */
  #endOfLong(limit: number): number {
    const start = this.#take(4, limit);
    const end = this.at + this.#list.readUInt32BE(start);
    if (end > limit) throw new UnreadableList('a value ends outside of its table');
    return end;
  }

  /** Steps over this many bytes, and returns where they start. */
  #take(size: number, limit: number): number {
    const start = this.at;
    if (start + size > limit) throw new UnreadableList('a value is cut off');
    this.at = start + size;
    return start;
  }
}

function typed(type: string, value: unknown): TypedValue {
  return { '!': type, value };
}

function tooDeep(): UnreadableList {
  return new UnreadableList(`values are nested more than ${MAX_NESTING} levels deep`);
}

function endOfEntry(list: Buffer, at: number, limit: number): number | undefined {
  try {
    return endOfField(list, at + 1 + (list[at] as number), limit);
  } catch {
    return undefined;
  }
}

/** An assignment to `__proto__` would set the prototype. */
function define(table: Table, key: string, value: unknown): void {
  Object.defineProperty(table, key, { value, enumerable: true, configurable: true, writable: true });
}
