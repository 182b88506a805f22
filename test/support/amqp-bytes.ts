/*
 * Property lists written byte by byte, by nothing that is under test: what AMQP 0-9-1 puts into a content header frame
 * behind the size of the body, with RabbitMQ's field types.
 */

/** The bit of each property among the flags. */
export const FLAGS = {
  content_type: 0x8000,
  content_encoding: 0x4000,
  headers: 0x2000,
  delivery_mode: 0x1000,
  priority: 0x0800,
  correlation_id: 0x0400,
  reply_to: 0x0200,
  expiration: 0x0100,
  message_id: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  user_id: 0x0010,
  app_id: 0x0008,
  cluster_id: 0x0004,
} as const;

/** The bytes of the value of each property that is there. */
export type PropertyParts = { -readonly [Name in keyof typeof FLAGS]?: Buffer | undefined };

/** A property list of encoded values, which are put into the order of their flags. */
export function propertyList(values: PropertyParts): Buffer {
  const names = (Object.keys(FLAGS) as (keyof typeof FLAGS)[]).filter((name) => values[name] !== undefined);
  const flags = names.reduce((all, name) => all | FLAGS[name], 0);
  return Buffer.concat([uint(2, flags), ...names.map((name) => values[name] as Buffer)]);
}

/** A whole number of so many bytes. */
export function uint(bytes: 1 | 2 | 4 | 8, value: number | bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)));
  return buffer.subarray(8 - bytes);
}

/** A short string: at most 255 bytes. */
export function short(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([uint(1, bytes.length), bytes]);
}

/** A long string, and whatever else has four bytes of length before it: bytes, a table, an array. */
export function long(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([uint(4, bytes.length), bytes]);
}

/** A key and a value with its tag. */
export type Entry = [key: string | Uint8Array, value: Buffer];

/** A table's bytes: its length and its entries, each a key and a value with its tag. */
export function table(...entries: Entry[]): Buffer {
  return long(Buffer.concat(entries.flatMap(([key, value]) => [short(key), value])));
}

/** A value with its tag: the number of bytes that follow is the caller's. */
export function field(tag: string, ...bytes: (string | Uint8Array)[]): Buffer {
  return Buffer.concat([Buffer.from(tag), ...bytes.map((part) => Buffer.from(part as string))]);
}

export function textField(text: string | Uint8Array): Buffer {
  return field('S', long(text));
}

export function bytesField(bytes: Uint8Array): Buffer {
  return field('x', long(bytes));
}

export function arrayField(...values: Buffer[]): Buffer {
  return field('A', long(Buffer.concat(values)));
}

export function tableField(...entries: Entry[]): Buffer {
  return field('F', table(...entries));
}

/** A number of 64 bits, as `T` (timestamp), `l` or `L` (int64). */
export function longField(tag: 'T' | 'l' | 'L', value: bigint): Buffer {
  return field(tag, uint(8, value));
}
