import fc from 'fast-check';
import {
  arrayField,
  bytesField,
  type FLAGS,
  field,
  propertyList,
  short,
  table,
  tableField,
  textField,
} from './amqp-bytes.ts';

/** Text and bytes that mean something to somebody: keys that objects reorder, that set prototypes, that mark types. */
const TELLING_KEYS = [
  '!',
  '',
  '__proto__',
  'constructor',
  '0',
  '1',
  '10',
  '01',
  '-1',
  'value',
  'CC',
  'x-death',
  'ü',
  '😀',
];
const NOT_UTF8 = [
  Buffer.from([0xff]),
  Buffer.from([0xc3, 0x28]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0x61, 0x80]),
];

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }).map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: fc.string({ minLength: 60, maxLength: 70 }).map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: fc.constantFrom(...NOT_UTF8) },
  { weight: 1, arbitrary: bytes(20) },
);

const shortBytes = text.map((value) => short(value.subarray(0, 255)));

const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c', 'd').map((value) => Buffer.from(value)) },
  { weight: 2, arbitrary: fc.constantFrom(...TELLING_KEYS).map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: text },
);

/** Bytes at the bounds of integer types, small integers, and any. */
function fixed(size: number) {
  return fc.oneof(
    fc
      .constantFrom(0x00, 0xff, 0x7f, 0x80)
      .map((first) => Buffer.alloc(size, first === 0xff ? 0xff : 0).fill(first, 0, 1)),
    fc.constant(Buffer.alloc(size)),
    bytes(8).map((value) => Buffer.concat([Buffer.alloc(8), value]).subarray(-size)),
    fc.uint8Array({ minLength: size, maxLength: size }).map((value) => Buffer.from(value)),
  );
}

/** Floating point that Erlang has: not NaN and not infinite. */
const float = fc
  .oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(-0, 0, 1, 3, 0.5))
  .map((value) => {
    const encoded = Buffer.alloc(4);
    encoded.writeFloatBE(value);
    return field('f', encoded);
  });

const double = fc
  .oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(-0, 0, 3, -1, 2 ** 53, 2 ** 63, -(2 ** 63), 2 ** 64, 1e300, 2 ** 51 + 0.5),
  )
  .map((value) => {
    const encoded = Buffer.alloc(8);
    encoded.writeDoubleBE(value);
    return field('d', encoded);
  });

const scalar = fc.oneof(
  text.map(textField),
  bytes(20).map(bytesField),
  fc.constant(field('V')),
  fc.constantFrom(0, 1).map((value) => field('t', Buffer.from([value]))),
  fc.constantFrom(0, 1, 2, 255).map((value) => field('t', Buffer.from([value]))),
  ...(['b', 'B'] as const).map((tag) => fixed(1).map((value) => field(tag, value))),
  ...(['s', 'u'] as const).map((tag) => fixed(2).map((value) => field(tag, value))),
  ...(['I', 'i'] as const).map((tag) => fixed(4).map((value) => field(tag, value))),
  ...(['l', 'L', 'T'] as const).map((tag) => fixed(8).map((value) => field(tag, value))),
  fixed(5).map((value) => field('D', value)),
  float,
  double,
);

const { value: anyField } = fc.letrec<{ value: Buffer }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }).map((values) => arrayField(...values)),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => tableField(...cut(entries))),
  ),
}));

function cut(entries: [Buffer, Buffer][]): [Buffer, Buffer][] {
  return entries.map(([name, value]) => [name.subarray(0, 255), value]);
}

const octet = fc
  .oneof(fc.constantFrom(0, 1, 2, 255), fc.integer({ min: 0, max: 255 }))
  .map((value) => Buffer.from([value]));

const headers = fc.array(fc.tuple(key, anyField), { maxLength: 6 }).map((entries) => table(...cut(entries)));

const VALUES: { [Name in keyof typeof FLAGS]: fc.Arbitrary<Buffer> } = {
  content_type: shortBytes,
  content_encoding: shortBytes,
  headers,
  delivery_mode: octet,
  priority: octet,
  correlation_id: shortBytes,
  reply_to: shortBytes,
  expiration: shortBytes,
  message_id: shortBytes,
  timestamp: fixed(8),
  type: shortBytes,
  user_id: shortBytes,
  app_id: shortBytes,
  cluster_id: shortBytes,
};

/**
 * Property lists as bytes, with everything that RabbitMQ decodes: all types, any nesting, keys that occur twice or mean
 * something in JavaScript, text that is not UTF-8. What the broker acts on is among it: expirations that it refuses,
 * users who are not there, headers CC. Leave those out for lists that are to be published.
 */
export function anyPropertyList(leftOut: readonly (keyof typeof FLAGS)[] = []): fc.Arbitrary<Buffer> {
  const kept = Object.entries(VALUES).filter(([name]) => !leftOut.includes(name as keyof typeof FLAGS));
  return fc.record(Object.fromEntries(kept), { requiredKeys: [] }).map(propertyList);
}
