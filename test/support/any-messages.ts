import fc from 'fast-check';
import {
  arrayField,
  type Entry,
  field,
  long,
  type PropertyParts,
  propertyList,
  short,
  table,
  tableField,
  textField,
  uint,
} from './amqp-bytes.ts';
import type { FramedMessage } from './raw-amqp.ts';

/** The most bytes of a property list in a frame of RabbitMQ's default size: 128 KiB with frame, class, weight and size. */
export const MOST_PROPERTY_BYTES = 131_072 - 8 - 12;

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((each) => Buffer.from(each));

/** Words, any characters but lone surrogates, bytes that are not UTF-8. */
function texts(maxBytes: number): fc.Arbitrary<Buffer> {
  const unicode = fc.string({ unit: 'binary', maxLength: Math.min(20, Math.floor(maxBytes / 4)) });
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.string({ maxLength: Math.min(20, maxBytes) }).map((each) => Buffer.from(each)),
    },
    { weight: 2, arbitrary: unicode.map((each) => Buffer.from(each)) },
    { weight: 1, arbitrary: bytes(Math.min(40, maxBytes)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '\0', '\r\n', '"', '\u2028', '\ufeff', '0').map(Buffer.from),
    },
    { weight: 1, arbitrary: fc.constant(Buffer.alloc(maxBytes, 'm')) },
  );
}

/** Whole numbers of so many bytes, above all where their representation changes. */
function whole(size: 1 | 2 | 4 | 8): fc.Arbitrary<Buffer> {
  const bits = BigInt(8 * size);
  const max = 2n ** bits - 1n;
  const edges = [
    0n,
    1n,
    2n ** (bits - 1n) - 1n,
    2n ** (bits - 1n),
    max,
    max - 127n,
    max - 128n,
    max - 32_768n,
  ];
  if (size === 8)
    for (const power of [31n, 32n, 53n]) edges.push(2n ** power - 1n, 2n ** power, 2n ** power + 1n);
  return fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max })).map((value) => uint(size, value));
}

// RabbitMQ ends the connection on floating point numbers that are not finite.
const float = fc.oneof(
  fc.constantFrom(-0, 3, 1.5, 3.4e38),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
);
const double = fc.oneof(
  fc.constantFrom(-0, 0, 3, 1.5, 2 ** 31, 2 ** 53, 2 ** 63, 1e300, 5e-324),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

function floatBytes(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatBE(value);
  return buffer;
}

function doubleBytes(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleBE(value);
  return buffer;
}

/** Every type of RabbitMQ that has no others in it. */
const simpleValue: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 4, arbitrary: texts(300).map((each) => textField(each)) },
  fc.constantFrom(0, 1, 2, 255).map((value) => field('t', uint(1, value))),
  whole(1).map((value) => field('b', value)),
  whole(1).map((value) => field('B', value)),
  whole(2).map((value) => field('s', value)),
  whole(2).map((value) => field('u', value)),
  whole(4).map((value) => field('I', value)),
  whole(4).map((value) => field('i', value)),
  whole(8).map((value) => field('l', value)),
  whole(8).map((value) => field('L', value)),
  whole(8).map((value) => field('T', value)),
  float.map((value) => field('f', floatBytes(value))),
  double.map((value) => field('d', doubleBytes(value))),
  fc.tuple(whole(1), whole(4)).map(([scale, value]) => field('D', scale, value)),
  bytes(60).map((each) => field('x', long(each))),
  fc.constant(field('V')),
);

const NAMES = [
  '__proto__',
  '!',
  '0',
  '10',
  '',
  'value',
  'constructor',
  'toString',
  'a',
  'b',
  'x-death',
  'cc',
  'x-cc',
];

const name = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...NAMES).map(Buffer.from) }, texts(255));

const { value: anyValue } = fc.letrec<{ value: Buffer }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    { weight: 6, arbitrary: simpleValue },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 4 }).map((values) => arrayField(...values)) },
    {
      weight: 1,
      arbitrary: fc
        // What the broker acts on in the table of headers means nothing further inside.
        .array(fc.tuple(fc.oneof(name, fc.constant(Buffer.from('CC'))), tie('value')), { maxLength: 4 })
        .map((entries) => tableField(...entries)),
    },
    // As amqplib's own typed values look, in a table.
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom('nope', 'int', 'bytes', 'table'), tie('value'))
        .map(([type, value]) => tableField(['!', textField(type)], ['value', value])),
    },
  ),
}));

/** Something deep, which a decoder that calls itself may not survive, and something large. */
const extremeValue = fc.oneof(
  fc.integer({ min: 300, max: 5_000 }).map((depth) => {
    // From inside, each level with its length; a concatenation for each would take the square of it.
    const inner = textField('x');
    const levels = Array.from({ length: depth }, (_, level) =>
      field('A', uint(4, inner.length + 5 * (depth - 1 - level))),
    );
    return Buffer.concat([...levels, inner]);
  }),
  fc.integer({ min: 60_000, max: 125_000 }).map((size) => field('x', long(Buffer.alloc(size, 0xc3)))),
  fc
    .integer({ min: 100, max: 1_500 })
    .map((count) => tableField(...Array<Entry>(count).fill(['a', textField('value')]))),
);

/** Written by the broker itself, which does it again where it applies. */
const COUNTERS = ['x-delivery-count'];

function entries(ccQueue: string): fc.Arbitrary<Entry[]> {
  const routes = fc
    .array(fc.constantFrom(ccQueue, 'nobody', '').map(textField), { maxLength: 3 })
    .map((values) => arrayField(...values));
  const ordinary = fc.tuple(
    // RabbitMQ refuses a message whose CC or BCC is not an array.
    name.filter((each) => !/^B?CC$/.test(each.toString())),
    anyValue,
  );
  const special = fc.oneof(
    routes.map((value): Entry => ['CC', value]),
    routes.map((value): Entry => ['BCC', value]),
    fc.tuple(fc.constantFrom(...COUNTERS), whole(8)).map(([each, value]): Entry => [each, field('l', value)]),
  );
  return fc.oneof(
    {
      weight: 20,
      arbitrary: fc.array(fc.oneof({ weight: 12, arbitrary: ordinary }, special), { maxLength: 6 }),
    },
    { weight: 1, arbitrary: fc.tuple(ordinary, fc.tuple(name.filter(isOrdinary), extremeValue)) },
  );
}

function isOrdinary(each: Buffer): boolean {
  return !/^B?CC$/.test(each.toString());
}

const shortText = texts(255).map(short);
const absent = fc.constant(undefined);
const maybe = (arbitrary: fc.Arbitrary<Buffer>) => fc.oneof({ weight: 2, arbitrary: absent }, arbitrary);

/** Lasts longer than any test, in every way that RabbitMQ can read. */
const expiration = fc.constantFrom('600000', '+600000', '000600000', '4294967295').map(short);

/** For {@link anyMessages}. */
export interface AnyMessageOptions {
  /** Stands in headers CC and BCC: whoever sends such a message again, as it is, has a copy there. */
  ccQueue: string;
  /** What `user_id` may be, besides absent. */
  userIds: readonly string[];
}

function anyPropertyList({ ccQueue, userIds }: AnyMessageOptions): fc.Arbitrary<Buffer> {
  const parts: fc.Arbitrary<PropertyParts> = fc.record({
    content_type: maybe(shortText),
    content_encoding: maybe(shortText),
    headers: fc.oneof(
      { weight: 1, arbitrary: absent },
      { weight: 4, arbitrary: entries(ccQueue).map((each) => table(...each)) },
    ),
    delivery_mode: maybe(fc.constantFrom(1, 2).map((mode) => uint(1, mode))),
    priority: maybe(whole(1)),
    correlation_id: maybe(shortText),
    reply_to: maybe(shortText),
    expiration: maybe(expiration),
    message_id: maybe(shortText),
    timestamp: maybe(whole(8)),
    type: maybe(shortText),
    user_id: maybe(fc.constantFrom(...userIds).map(short)),
    app_id: maybe(shortText),
    cluster_id: maybe(shortText),
  });
  // Names that the policy gives to headers are longer.
  return parts.map(propertyList).filter(({ length }) => length <= MOST_PROPERTY_BYTES - 100);
}

const TELLING_BODIES = [
  '',
  'null',
  '{}',
  '{"a":NaN}',
  'NaN',
  '\ufeff{}',
  '{}\r\n',
  ' {"a": 1} ',
  '{"body":1}',
  '"\\ud800"',
];

const anyBody = fc.oneof(
  { weight: 20, arbitrary: fc.json({ maxDepth: 3 }).map((json) => Buffer.from(json)) },
  { weight: 20, arbitrary: bytes(200) },
  { weight: 10, arbitrary: fc.constantFrom(...TELLING_BODIES).map(Buffer.from) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 1_000, max: 300_000 }), fc.constantFrom(0x20, 0x61, 0xff))
      .map(([size, fill]) => Buffer.alloc(size, fill)),
  },
);

/** So many messages that RabbitMQ takes from somebody; the same ones for the same seed. */
export function anyMessages(count: number, seed: number, options: AnyMessageOptions): FramedMessage[] {
  const message = fc.record({ list: anyPropertyList(options), body: anyBody });
  return fc.sample(message, { numRuns: count, seed });
}
