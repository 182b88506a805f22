import { ByteWriter } from './byte-writer.ts';
import { Tag, Unencodable } from './field-layout.ts';
import {
  bytesFromBase64,
  canonicalType,
  integer64,
  isBase64Text,
  isTyped,
  isWhole,
  MAX_NESTING,
  numberFromJson,
  type TypedValue,
} from './typed-values.ts';

const MAX_SHORT_BYTES = 255;
const INTEGERS: Readonly<Record<string, { tag: number; bytes: 1 | 2 | 4; least: number; most: number }>> = {
  int8: { tag: Tag.int8, bytes: 1, least: -0x80, most: 0x7f },
  uint8: { tag: Tag.uint8, bytes: 1, least: 0, most: 0xff },
  int16: { tag: Tag.int16, bytes: 2, least: -0x8000, most: 0x7fff },
  uint16: { tag: Tag.uint16, bytes: 2, least: 0, most: 0xffff },
  int32: { tag: Tag.int32, bytes: 4, least: -0x80000000, most: 0x7fffffff },
  uint32: { tag: Tag.uint32, bytes: 4, least: 0, most: 0xffffffff },
};

/** Encodes AMQP values one after the other. */
export class FieldWriter extends ByteWriter {
  /** @throws Unencodable for more than 255 bytes, or a lone surrogate, which UTF-8 cannot carry */
  shortText(text: string): void {
    if (text.length > MAX_SHORT_BYTES) throw tooLong();
    this.reserve(1 + 3 * text.length);
    const start = this.at++;
    this.text(text);
    const length = this.at - start - 1;
    if (length > MAX_SHORT_BYTES) throw tooLong();
    this.buffer[start] = length;
  }

  /** A short string that is not UTF-8. */
  #shortBytes(bytes: Uint8Array): void {
    if (bytes.length > MAX_SHORT_BYTES) throw tooLong();
    this.octet(bytes.length);
    this.bytes(bytes);
  }

  /** @throws Unencodable unless it is an unsigned 64-bit integer */
  uint64(value: unknown): void {
    const number = integer64(value);
    if (number === undefined || number < 0n || number >= 2n ** 64n) {
      throw new Unencodable(`expected a whole number from 0 to 2^64 - 1, not ${shown(value)}`);
    }
    this.reserve(8);
    this.at = this.buffer.writeBigUInt64BE(number, this.at);
  }

  table(table: object, depth = 1): void {
    if (depth > MAX_NESTING) throw tooDeep();
    if (!isPlain(table)) throw new Unencodable('only plain objects have an AMQP type');
    const start = this.startLong();
    if (isTyped(table)) {
      this.#pairs(table, depth);
    } else {
      for (const key of Object.keys(table)) {
        const value = (table as { [key: string]: unknown })[key];
        if (value === undefined) continue;
        try {
          this.shortText(key);
          this.value(value, depth);
        } catch (error) {
          throw depth === 1 ? inHeader(key, error) : error;
        }
      }
    }
    this.endLong(start);
  }

  value(value: unknown, depth: number): void {
    if (typeof value === 'string') this.#longText(value);
    else if (typeof value === 'number') this.#plainNumber(value);
    else if (typeof value === 'boolean') this.#tagged(Tag.boolean, value ? 1 : 0);
    else if (value === null) this.#tag(Tag.void);
    else if (typeof value === 'object') this.#object(value, depth);
    else throw new Unencodable(`${typeof value} has no AMQP type`);
  }

  #object(value: object, depth: number): void {
    if (Array.isArray(value)) {
      this.#array(value, depth);
    } else if (value instanceof Uint8Array) {
      this.#longBytes(Tag.bytes, value);
    } else if (isTyped(value) && value['!'] !== 'table') {
      this.#typed(value);
    } else {
      this.#tag(Tag.table);
      this.table(value, depth + 1);
    }
  }

  /** Encodes a number as amqplib does: as the smallest signed integer type that holds it, or a double. */
  #plainNumber(value: number): void {
    if (!Number.isInteger(value) || value >= 2 ** 63 || value < -(2 ** 63)) this.#double(value);
    else if (value >= -0x80 && value < 0x80) this.#integer('int8', value);
    else if (value >= -0x8000 && value < 0x8000) this.#integer('int16', value);
    else if (value >= -0x80000000 && value < 0x80000000) this.#integer('int32', value);
    else this.#int64(value, 'int64');
  }

  #typed(typed: TypedValue): void {
    const type = canonicalType(typed['!']);
    const isInteger = Object.hasOwn(INTEGERS, type);
    if (!isInteger && !Object.hasOwn(FieldWriter.#TYPES, type))
      throw new Unencodable(`there is no type ${shown(typed['!'])}`);
    if (Object.keys(typed).length !== 2 || !Object.hasOwn(typed, 'value')) {
      throw new Unencodable(`a value of type ${shown(type)} has the members "!" and "value", and no others`);
    }
    const { value } = typed;
    if (isInteger) this.#integer(type, value);
    else FieldWriter.#TYPES[type]?.(this, value);
  }

  /** How the value of each type is written, besides integers of up to 32 bits. */
  static readonly #TYPES: Readonly<Record<string, (writer: FieldWriter, value: unknown) => void>> = {
    int64: (writer, value) => writer.#int64(value, 'int64'),
    longlong: (writer, value) => writer.#int64(value, 'longlong'),
    timestamp: (writer, value) => {
      writer.#tag(Tag.timestamp);
      writer.uint64(value);
    },
    double: (writer, value) => writer.#double(number(value, 'double')),
    float: (writer, value) => writer.#float(number(value, 'float')),
    decimal: (writer, value) => writer.#decimal(value),
    boolean: (writer, value) => {
      if (typeof value !== 'boolean' && !isWhole(value, 0, 255)) throw unfit('boolean', 'a boolean', value);
      writer.#tagged(Tag.boolean, Number(value));
    },
    string: (writer, value) => {
      if (typeof value !== 'string') throw unfit('string', 'a string', value);
      writer.#longText(value);
    },
    string_base64: (writer, value) => writer.#longBytes(Tag.string, base64(value, 'string_base64')),
    bytes: (writer, value) =>
      writer.#longBytes(Tag.bytes, value instanceof Uint8Array ? value : base64(value, 'bytes')),
  };

  #array(values: readonly unknown[], depth: number): void {
    if (depth >= MAX_NESTING) throw tooDeep();
    this.#tag(Tag.array);
    const start = this.startLong();
    for (let index = 0; index < values.length; index++) this.value(values[index], depth + 1);
    this.endLong(start);
  }

  #pairs(typed: TypedValue, depth: number): void {
    const { value: pairs } = typed;
    if (typed['!'] !== 'table')
      throw new Unencodable(`headers are a table, not a value of type ${shown(typed['!'])}`);
    if (Object.keys(typed).length !== 2 || !Array.isArray(pairs)) {
      throw new Unencodable('table expects "value": [[key, value], …]');
    }
    for (const pair of pairs) {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new Unencodable(`table expects pairs of a key and a value, not ${shown(pair)}`);
      }
      const [key, value] = pair;
      try {
        this.shortTextOrBytes(key);
        this.value(value, depth);
      } catch (error) {
        throw depth === 1 ? inHeader(key, error) : error;
      }
    }
  }

  /** A string, or `{"!": "string_base64", …}`. */
  shortTextOrBytes(value: unknown): void {
    if (typeof value === 'string') this.shortText(value);
    else if (isBase64Text(value)) this.#shortBytes(base64(value.value, 'string_base64'));
    else throw new Unencodable(`expected a string, not ${shown(value)}`);
  }

  #integer(type: string, value: unknown): void {
    const { tag, bytes, least, most } = INTEGERS[type] as (typeof INTEGERS)[string];
    if (!isWhole(value, least, most)) {
      throw unfit(type, `a whole number from ${least} to ${most}`, value);
    }
    this.#tag(tag);
    this.reserve(bytes);
    const buffer = this.buffer;
    // Two's complement: the low bits are the same with and without a sign.
    if (bytes === 4) this.at = buffer.writeUInt32BE(value >>> 0, this.at);
    else if (bytes === 2) this.at = buffer.writeUInt16BE(value & 0xffff, this.at);
    else buffer[this.at++] = value & 0xff;
  }

  #int64(value: unknown, type: 'int64' | 'longlong'): void {
    const number = integer64(value);
    if (number === undefined || number < -(2n ** 63n) || number >= 2n ** 63n) {
      throw unfit(type, 'a whole number from -2^63 to 2^63 - 1', value);
    }
    this.#tag(Tag[type]);
    this.reserve(8);
    this.at = this.buffer.writeBigInt64BE(number, this.at);
  }

  #double(value: number): void {
    this.#tag(Tag.double);
    this.reserve(8);
    this.at = this.buffer.writeDoubleBE(value, this.at);
  }

  #float(value: number): void {
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      throw unfit('float', 'a number that fits 32 bits', value);
    }
    this.#tag(Tag.float);
    this.reserve(4);
    this.at = this.buffer.writeFloatBE(value, this.at);
  }

  #decimal(value: unknown): void {
    const { places, digits } = (value ?? {}) as { places?: unknown; digits?: unknown };
    if (!isWhole(places, 0, 0xff) || !isWhole(digits, 0, 0xffffffff)) {
      throw unfit('decimal', '{"places": 0 to 255, "digits": 0 to 4294967295}', value);
    }
    this.#tagged(Tag.decimal, places);
    this.reserve(4);
    this.at = this.buffer.writeUInt32BE(digits, this.at);
  }

  #longText(text: string): void {
    this.#tag(Tag.string);
    this.reserve(4 + 3 * text.length);
    const start = this.startLong();
    this.text(text);
    this.endLong(start);
  }

  #longBytes(tag: number, bytes: Uint8Array): void {
    this.#tag(tag);
    const start = this.startLong();
    this.bytes(bytes);
    this.endLong(start);
  }

  #tagged(tag: number, octet: number): void {
    this.#tag(tag);
    this.octet(octet);
  }

  #tag(tag: number): void {
    this.reserve(1);
    this.buffer[this.at++] = tag;
  }
}

function base64(value: unknown, type: string): Buffer {
  const bytes = bytesFromBase64(value);
  if (bytes === undefined) throw unfit(type, 'base64', value);
  return bytes;
}

function number(value: unknown, type: string): number {
  const number = numberFromJson(value);
  if (number === undefined) throw unfit(type, 'a number', value);
  return number;
}

/** A plain object (a literal, from JSON.parse, …) of any realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function inHeader(key: unknown, error: unknown): unknown {
  if (!(error instanceof Unencodable)) return error;
  return new Unencodable(`header ${shown(typeof key === 'string' ? key : '?')}: ${error.message}`);
}

function unfit(type: string, expected: string, value: unknown): Unencodable {
  return new Unencodable(`${type} expects ${expected}, not ${shown(value)}`);
}

function tooLong(): Unencodable {
  return new Unencodable(`it has more than ${MAX_SHORT_BYTES} bytes`);
}

function tooDeep(): Unencodable {
  return new Unencodable(`values are nested more than ${MAX_NESTING} levels deep`);
}

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
