/*
 * AMQP values that a plain JavaScript value cannot express: {"!": TYPE, "value": …}, in memory and in JSON. Which
 * types exist, and what each may hold.
 */

/** A value with its AMQP type. In JSON, `NaN`, `Infinity`, `-Infinity` and `-0` are strings. */
export interface TypedValue {
  '!': string;
  value: unknown;
}

/** The bytes of a string that is not UTF-8, in base64. */
export interface Base64Text {
  '!': 'string_base64';
  value: string;
}

/** A string of at most 255 bytes; one that is not UTF-8 as the base64 of its bytes. */
export type PropertyText = string | Base64Text;

/** A whole number above 2^53 - 1, in decimal digits. */
export interface Uint64 {
  '!': 'uint64';
  value: string;
}

/**
 * A property other than `headers` as a string, for display and comparison: numbers as digits, text that is not UTF-8
 * as `base64:…`.
 */
export function propertyText(property: PropertyText | Uint64 | number): string;
export function propertyText(property: PropertyText | Uint64 | number | undefined): string | undefined;
export function propertyText(property: PropertyText | Uint64 | number | undefined): string | undefined {
  if (property === undefined) return undefined;
  if (typeof property !== 'object') return String(property);
  return property['!'] === 'string_base64' ? `base64:${property.value}` : property.value;
}

/**
 * A table that an object cannot represent: with keys that occur twice, are not UTF-8, would be reordered, or are
 * `"!"`.
 */
export interface TypedTable {
  '!': 'table';
  value: [key: string | Base64Text, value: unknown][];
}

/** Names that amqplib has for the same types; records written by earlier versions may hold them. */
const ALIASES: Readonly<Record<string, string>> = {
  byte: 'int8',
  short: 'int16',
  int: 'int32',
  long: 'int64',
  unsignedbyte: 'uint8',
  unsignedshort: 'uint16',
  unsignedint: 'uint32',
  float64: 'double',
};

/** The name that this package writes for a type; an empty one for what is not a name. */
export function canonicalType(type: unknown): string {
  if (typeof type !== 'string') return '';
  return Object.hasOwn(ALIASES, type) ? (ALIASES[type] as string) : type;
}

/** Arrays and tables nested deeper than this are not decoded, and refused when encoded, which bounds the recursion. */
export const MAX_NESTING = 500;

export function isTyped(value: object): value is TypedValue {
  return Object.hasOwn(value, '!');
}

/** Whether it is a whole number in this range. */
export function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** A whole number, or a string of digits where a number would not be exact; `undefined` for anything else. */
export function integer64(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  // 20 digits are those of 2^64.
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

export function isBase64Text(value: unknown): value is Base64Text {
  if (typeof value !== 'object' || value === null || !isTyped(value)) return false;
  return value['!'] === 'string_base64' && Object.keys(value).length === 2;
}

/** Whether V8 would sort it before the keys that were added earlier. */
export function isIndex(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 0x30 && first <= 0x39 && String(Number(key) >>> 0) === key;
}

/** The value in a form that JSON can express: numbers that JSON lacks become strings. */
export function numberToJson(value: number): number | string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : value;
  return String(value);
}

const NAMED_NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
]);

/** What {@link numberToJson} was given; `undefined` for what is not a number. */
export function numberFromJson(value: unknown): number | undefined {
  return typeof value === 'number' ? value : NAMED_NUMBERS.get(value);
}

/** Decodes canonical base64; `undefined` for anything else, of which Buffer would decode a part. */
export function bytesFromBase64(value: unknown): Buffer | undefined {
  if (typeof value !== 'string') return undefined;
  const bytes = Buffer.from(value, 'base64');
  return bytes.toString('base64') === value ? bytes : undefined;
}
