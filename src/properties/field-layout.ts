import type { MessageProperties } from './message-properties.ts';

/*
 * Where values end in an AMQP table, without decoding them. RabbitMQ's types, which differ from those of the AMQP
 * specification.
 */

/** AMQP bytes that cannot be read: cut off, or of an unknown type. */
export class UnreadableList extends Error {}

/** Why a value cannot be encoded: what it must be, or what is wrong with it. */
export class Unencodable extends Error {}

export const Tag = {
  string: 0x53, // S
  bytes: 0x78, // x
  array: 0x41, // A
  table: 0x46, // F
  void: 0x56, // V
  boolean: 0x74, // t
  int8: 0x62, // b
  uint8: 0x42, // B
  int16: 0x73, // s
  uint16: 0x75, // u
  int32: 0x49, // I
  uint32: 0x69, // i
  int64: 0x6c, // l
  /** A second type for the same numbers, written by clients that follow the specification. */
  longlong: 0x4c, // L
  float: 0x66, // f
  double: 0x64, // d
  decimal: 0x44, // D
  timestamp: 0x54, // T
} as const;

/** How the value of a property is written: a short string, a table, one octet, or 64 bits. */
export type PropertyKind = 'text' | 'table' | 'octet' | 'time';

const KINDS = {
  content_type: 'text',
  content_encoding: 'text',
  headers: 'table',
  delivery_mode: 'octet',
  priority: 'octet',
  correlation_id: 'text',
  reply_to: 'text',
  expiration: 'text',
  message_id: 'text',
  timestamp: 'time',
  type: 'text',
  user_id: 'text',
  app_id: 'text',
  cluster_id: 'text',
} as const satisfies { [Name in keyof MessageProperties]-?: PropertyKind };

/** In the order of their values, which is that of their flags, from the highest bit down. */
export const PROPERTIES = (Object.keys(KINDS) as (keyof MessageProperties)[]).map((name, index) => ({
  name,
  kind: KINDS[name] as PropertyKind,
  flag: 0x8000 >> index,
}));

export const FLAG = Object.fromEntries(PROPERTIES.map(({ name, flag }) => [name, flag])) as {
  [Name in keyof MessageProperties]-?: number;
};

/** Another 16 flags follow. No property has one. */
export const MORE_FLAGS = 0x0001;

/**
 * Where the value of a property ends.
 * @throws UnreadableList
 */
export function endOfProperty(list: Buffer, at: number, kind: PropertyKind): number {
  const end = at + sizeOfProperty(list, at, kind);
  if (end > list.length) throw new UnreadableList('a property is cut off');
  return end;
}

function sizeOfProperty(list: Buffer, at: number, kind: PropertyKind): number {
  switch (kind) {
    case 'table':
      return 4 + list.readUInt32BE(at);
    case 'octet':
      return 1;
    case 'time':
      return 8;
    case 'text':
      return 1 + list.readUInt8(at);
  }
}

/**
 * Where the value ends whose type tag is at this position.
 * @param limit the end of the enclosing table, array or list
 * @throws UnreadableList
 */
export function endOfField(list: Buffer, at: number, limit: number): number {
  const start = at + 1;
  const end = start + sizeOf(list, at, start, limit);
  if (end > limit) throw new UnreadableList('a value ends outside of its table');
  return end;
}

function sizeOf(list: Buffer, at: number, start: number, limit: number): number {
  switch (list[at]) {
    case Tag.string:
    case Tag.bytes:
    case Tag.array:
    case Tag.table:
      if (start + 4 > limit) throw new UnreadableList('a value is cut off');
      return 4 + list.readUInt32BE(start);
    case Tag.void:
      return 0;
    case Tag.boolean:
    case Tag.int8:
    case Tag.uint8:
      return 1;
    case Tag.int16:
    case Tag.uint16:
      return 2;
    case Tag.int32:
    case Tag.uint32:
    case Tag.float:
      return 4;
    case Tag.decimal:
      return 5;
    case Tag.int64:
    case Tag.longlong:
    case Tag.double:
    case Tag.timestamp:
      return 8;
    default:
      throw new UnreadableList(
        `a value has an unknown type, ${JSON.stringify(list.toString('latin1', at, start))}`,
      );
  }
}
