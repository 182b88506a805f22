import { long, short, uint } from './raw-amqp.ts';

/** Properties in the order in which they stand in a list, each with the bit that says that it is there. */
export const PROPERTIES = [
  ['content_type', 15],
  ['content_encoding', 14],
  ['headers', 13],
  ['delivery_mode', 12],
  ['priority', 11],
  ['correlation_id', 10],
  ['reply_to', 9],
  ['expiration', 8],
  ['message_id', 7],
  ['timestamp', 6],
  ['type', 5],
  ['user_id', 4],
  ['app_id', 3],
  ['cluster_id', 2],
] as const;

export type PropertyName = (typeof PROPERTIES)[number][0];

/** The bytes of the value of each property that is there. */
export type PropertyParts = { [Name in PropertyName]?: Buffer | undefined };

/** A name and the bytes of a field value, type included. */
export type Entry = readonly [name: Buffer, value: Buffer];

/** The flags and the values. */
export function propertyList(parts: PropertyParts): Buffer {
  let flags = 0;
  const values: Buffer[] = [];
  for (const [name, bit] of PROPERTIES) {
    const value = parts[name];
    if (value === undefined) continue;
    flags |= 1 << bit;
    values.push(value);
  }
  return Buffer.concat([uint(2, flags), ...values]);
}

/** A field value: the letter of its type, and the bytes. */
export function field(type: string, ...bytes: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(type), ...bytes]);
}

/** A table with its length before it, as the property `headers` has it; as a field value it needs its letter, F. */
export function table(entries: readonly Entry[]): Buffer {
  return long(Buffer.concat(entries.map(([name, value]) => Buffer.concat([short(name), value]))));
}

/** A header by its name. */
export function header(name: string, value: Buffer): Entry {
  return [Buffer.from(name), value];
}

/** A string as a header has it. */
export function text(value: string): Buffer {
  return field('S', long(value));
}

/** An array, from field values. */
export function array(values: readonly Buffer[]): Buffer {
  return field('A', long(Buffer.concat(values)));
}
