import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MessageProperties } from '../../src/properties/message-properties.ts';
import { encodePropertyList, propertyListOf, readPropertyList } from '../../src/properties/property-list.ts';
import {
  arrayField,
  bytesField,
  field,
  longField,
  propertyList,
  short,
  table,
  tableField,
  textField,
  uint,
} from '../support/amqp-bytes.ts';
import { anyPropertyList } from '../support/any-property-lists.ts';

/** A number of any size with its tag, from its bytes in hexadecimal digits. */
const hex = (tag: string, digits: string) => field(tag, Buffer.from(digits, 'hex'));

/** Reads a list and proves that the typed form gives it back. */
function read(list: Buffer): MessageProperties {
  const { properties, propertyList: bytes } = readPropertyList(list);
  expect(bytes).toBeUndefined();
  expect(encodePropertyList(properties).equals(list)).toBe(true);
  return properties;
}

const readHeader = (value: Buffer) => read(propertyList({ headers: table(['h', value]) })).headers?.h;

describe('a property list', () => {
  test('has every property by its AMQP name', () => {
    const text = {
      content_type: 'a',
      content_encoding: 'b',
      correlation_id: 'c',
      reply_to: 'd',
      expiration: '+60000',
    };
    const more = { message_id: 'e', type: 'f', user_id: 'g', app_id: 'h', cluster_id: 'ü' };
    const encoded = Object.entries({ ...text, ...more }).map(([name, value]) => [name, short(value)]);
    const list = propertyList({
      ...Object.fromEntries(encoded),
      delivery_mode: Buffer.from([255]),
      priority: Buffer.from([0]),
      timestamp: uint(8, 1_700_000_000n),
      headers: table(),
    });
    const rest = { delivery_mode: 255, priority: 0, timestamp: 1_700_000_000, headers: {} };
    expect(read(list)).toEqual({ ...text, ...more, ...rest });
  });

  test('has none where there are none, which is not the same as none among the headers', () => {
    expect(read(propertyList({}))).toEqual({});
    expect(read(propertyList({ headers: table() }))).toEqual({ headers: {} });
  });

  test.each<[string, bigint, MessageProperties['timestamp'] | object]>([
    ['in seconds', 1_700_000_000n, 1_700_000_000],
    ['in microseconds', 1_700_000_000_000_000n, 1_700_000_000_000_000],
    ['in nanoseconds', 1_700_000_000_000_000_001n, { '!': 'uint64', value: '1700000000000000001' }],
    ['of -1', -1n, { '!': 'uint64', value: '18446744073709551615' }],
    ['of 2^53 - 1', 2n ** 53n - 1n, 2 ** 53 - 1],
    ['of 2^53', 2n ** 53n, { '!': 'uint64', value: '9007199254740992' }],
  ])('keeps a timestamp %s', (_, encoded, expected) => {
    expect(read(propertyList({ timestamp: uint(8, encoded) })).timestamp).toEqual(expected);
  });

  test('keeps text that is not UTF-8', () => {
    expect(read(propertyList({ message_id: short(Buffer.from([0xff, 0x61])) }))).toEqual({
      message_id: { '!': 'string_base64', value: '/2E=' },
    });
  });

  test.each<[Buffer, unknown]>([
    [hex('b', '80'), -128],
    [hex('B', '03'), { '!': 'uint8', value: 3 }],
    [hex('s', '0003'), { '!': 'int16', value: 3 }],
    [hex('s', '0080'), 128],
    [hex('u', 'ffff'), { '!': 'uint16', value: 65535 }],
    [hex('I', '00000003'), { '!': 'int32', value: 3 }],
    [hex('I', '00008000'), 32768],
    [hex('I', '80000000'), -(2 ** 31)],
    [hex('i', 'ffffffff'), { '!': 'uint32', value: 2 ** 32 - 1 }],
    [longField('l', 3n), { '!': 'int64', value: 3 }],
    [longField('l', -3n), { '!': 'int64', value: -3 }],
    [longField('l', 2n ** 31n), 2 ** 31],
    [longField('l', -(2n ** 53n) + 1n), -(2 ** 53) + 1],
    [longField('l', 2n ** 53n), { '!': 'int64', value: '9007199254740992' }],
    [longField('l', 2n ** 63n - 1n), { '!': 'int64', value: '9223372036854775807' }],
    [longField('l', -(2n ** 63n)), { '!': 'int64', value: '-9223372036854775808' }],
    [longField('L', 3n), { '!': 'longlong', value: 3 }],
    [longField('L', -(2n ** 63n)), { '!': 'longlong', value: '-9223372036854775808' }],
    [hex('f', '40490fdb'), { '!': 'float', value: Math.fround(Math.PI) }],
    [hex('f', '80000000'), { '!': 'float', value: -0 }],
    [hex('d', '3fe0000000000000'), 0.5],
    [hex('d', '4008000000000000'), { '!': 'double', value: 3 }],
    [hex('d', '8000000000000000'), { '!': 'double', value: -0 }],
    [hex('d', '7e37e43c8800759c'), 1e300],
    [hex('d', 'fff0000000000000'), { '!': 'double', value: Number.NEGATIVE_INFINITY }],
    [hex('d', '7ff8000000000000'), { '!': 'double', value: Number.NaN }],
    [hex('D', '020000013a'), { '!': 'decimal', value: { places: 2, digits: 314 } }],
    [longField('T', 1_700_000_000n), { '!': 'timestamp', value: 1_700_000_000 }],
    [longField('T', -1n), { '!': 'timestamp', value: '18446744073709551615' }],
    [hex('t', '00'), false],
    [hex('t', '01'), true],
    [hex('t', '02'), { '!': 'boolean', value: 2 }],
    [field('V'), null],
    [textField('ü'), 'ü'],
    [textField('\ufeffx'), '\ufeffx'],
    [textField(''), ''],
    [textField(Buffer.from([0xed, 0xa0, 0x80])), { '!': 'string_base64', value: '7aCA' }],
    [textField('x'.repeat(200_000)), 'x'.repeat(200_000)],
    [bytesField(Buffer.from([0, 0xff])), Buffer.from([0, 0xff])],
    [arrayField(), []],
    [arrayField(hex('b', '01'), field('V'), arrayField()), [1, null, []]],
    [tableField(['', hex('b', '01')]), { '': 1 }],
    [tableField(['01', field('V')]), { '01': null }],
  ])('keeps the value and its type: %#', (encoded, expected) => {
    expect(readHeader(encoded)).toEqual(expected);
  });

  test.each<[string, [string | Buffer, Buffer][], unknown[]]>([
    [
      'twice the same key',
      [
        ['a', hex('b', '01')],
        ['a', field('V')],
      ],
      [
        ['a', 1],
        ['a', null],
      ],
    ],
    [
      'keys that an object reorders',
      [
        ['b', hex('b', '01')],
        ['10', field('V')],
        ['2', field('V')],
      ],
      [
        ['b', 1],
        ['10', null],
        ['2', null],
      ],
    ],
    ['the key that marks types', [['!', textField('bytes')]], [['!', 'bytes']]],
    [
      'a key that is not UTF-8',
      [[Buffer.from([0xff]), field('V')]],
      [[{ '!': 'string_base64', value: '/w==' }, null]],
    ],
  ])('keeps a table with %s, in order', (_, entries, expected) => {
    expect(readHeader(tableField(...entries))).toEqual({ '!': 'table', value: expected });
    expect(read(propertyList({ headers: table(...entries) })).headers).toEqual({
      '!': 'table',
      value: expected,
    });
  });

  test('has __proto__ for an ordinary key, at any depth', () => {
    const evil = tableField(['__proto__', tableField(['polluted', hex('t', '01')])]);
    const headers = read(propertyList({ headers: table(['__proto__', evil], ['h', evil]) }))
      .headers as object;
    expect(Object.keys(headers)).toEqual(['__proto__', 'h']);
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
    expect('polluted' in headers).toBe(false);
    expect('polluted' in {}).toBe(false);
  });

  test('says all of it in the typed form, whatever it holds', () => {
    fc.assert(
      fc.property(anyPropertyList(), (list) => void read(list)),
      { numRuns: 1000 },
    );
  });

  test('does not share memory with the bytes that it was read from', () => {
    const list = propertyList({ headers: table(['h', bytesField(Buffer.from('abc'))]) });
    const { headers } = read(list);
    list.fill(0);
    expect(headers?.h).toEqual(Buffer.from('abc'));
  });
});

describe('a property list that the typed form cannot say', () => {
  const nested = (levels: number) => {
    let value = field('V');
    for (let level = 0; level < levels; level++) value = arrayField(value);
    return value;
  };

  test.each<[string, Buffer, MessageProperties]>([
    [
      'nested too deep',
      propertyList({
        headers: table(['a', field('V')], ['deep', nested(5000)], ['b', field('V')]),
        type: short('t'),
      }),
      { headers: { a: null, b: null }, type: 't' },
    ],
    [
      'tables nested too deep',
      propertyList({
        headers: table([
          'deep',
          Array.from({ length: 600 }).reduce<Buffer>((value) => tableField(['a', value]), field('V')),
        ]),
      }),
      { headers: {} },
    ],
    [
      'a value of an unknown type among others',
      propertyList({ headers: table(['a', field('V')], ['b', arrayField(field('Z'))], ['c', field('V')]) }),
      { headers: { a: null, c: null } },
    ],
    [
      'a value of an unknown type, whose end is unknown',
      propertyList({
        headers: table(['a', field('V')], ['b', field('Z')], ['c', field('V')]),
        type: short('t'),
      }),
      { headers: { a: null }, type: 't' },
    ],
    [
      'a number that JavaScript cannot tell from another',
      propertyList({ headers: table(['nan', hex('d', '7ff8000000000001')]) }),
      { headers: { nan: { '!': 'double', value: Number.NaN } } },
    ],
    [
      'bytes after its end',
      Buffer.concat([propertyList({ type: short('t') }), Buffer.from([0])]),
      { type: 't' },
    ],
    ['flags of unknown properties', Buffer.from([0x80, 1, 0x80, 0, 1, 0x61, 0x61]), { content_type: 'a' }],
    ['a table cut off', Buffer.from([0xa0, 0, 1, 0x61, 0, 0, 0, 9, 1]), { content_type: 'a' }],
    ['nothing', Buffer.alloc(0), {}],
    ['one byte', Buffer.from([0x80]), {}],
  ])('is kept as bytes, with what can be read beside it: %s', (_, list, expected) => {
    const { properties, propertyList: bytes } = readPropertyList(list);
    expect(properties).toEqual(expected);
    expect(bytes).toEqual(list);
  });

  test('never throws, whatever the bytes', () => {
    const damaged = fc
      .tuple(anyPropertyList(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
      .map(([list, changes, end]) => {
        const copy = Buffer.from(list);
        for (const [at, value] of changes) copy[at % copy.length] = value;
        return copy.subarray(0, end % (copy.length + 1));
      });
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        (list) => {
          const { properties, propertyList: bytes } = readPropertyList(list);
          expect((bytes ?? encodePropertyList(properties)).equals(list)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('properties to be encoded', () => {
  const encodeHeader = (value: unknown) => encodePropertyList({ headers: { h: value } });

  test.each<[unknown, Buffer]>([
    [{ '!': 'byte', value: 3 }, hex('b', '03')],
    [{ '!': 'unsignedbyte', value: 3 }, hex('B', '03')],
    [{ '!': 'short', value: 3 }, hex('s', '0003')],
    [{ '!': 'unsignedshort', value: 3 }, hex('u', '0003')],
    [{ '!': 'int', value: -3 }, hex('I', 'fffffffd')],
    [{ '!': 'unsignedint', value: 3 }, hex('i', '00000003')],
    [{ '!': 'long', value: 3 }, longField('l', 3n)],
    [{ '!': 'long', value: 2 ** 60 }, longField('l', 2n ** 60n)],
    [{ '!': 'float64', value: 3 }, hex('d', '4008000000000000')],
    [{ '!': 'double', value: '-Infinity' }, hex('d', 'fff0000000000000')],
    [{ '!': 'float', value: '-0' }, hex('f', '80000000')],
    [{ '!': 'bytes', value: 'AP8=' }, bytesField(Buffer.from([0, 255]))],
    [{ '!': 'string', value: 'x' }, textField('x')],
    [{ '!': 'timestamp', value: 1.7e18 }, longField('T', 1_700_000_000_000_000_000n)],
    [2 ** 60, longField('l', 2n ** 60n)],
    [-0, hex('b', '00')],
    [2 ** 63, hex('d', '43e0000000000000')],
    [new Uint8Array([1]), bytesField(Buffer.from([1]))],
    [Object.assign(Object.create(null), { a: null }), tableField(['a', field('V')])],
  ])('may have the names and numbers of amqplib, and JSON: %j', (value, expected) => {
    expect(encodeHeader(value)).toEqual(propertyList({ headers: table(['h', expected]) }));
  });

  test('leave out what is undefined', () => {
    expect(encodePropertyList({ headers: { h: undefined }, type: undefined } as object)).toEqual(
      propertyList({ headers: table() }),
    );
  });

  const deep: unknown[] = [];
  deep.push(deep);

  test.each<[unknown, string]>([
    [{ '!': 'nope' }, 'no type "nope"'],
    [{ '!': 'int8' }, '"value"'],
    [[{ a: { '!': null } }], 'no type null'],
    [{ '!': ['int8'], value: 1 }, 'no type an array'],
    [{ '!': { toString: null }, value: 1 }, 'no type an object'],
    [{ '!': 'nope', value: 1 }, 'no type "nope"'],
    [{ '!': '__proto__', value: 1 }, 'no type "__proto__"'],
    [{ '!': 7, value: 1 }, 'no type 7'],
    [{ '!': 'int8', value: 1, more: 2 }, 'no others'],
    [{ '!': 'int8', value: 128 }, 'int8 expects a whole number from -128 to 127'],
    [{ '!': 'int32', value: 1.5 }, 'int32'],
    [{ '!': 'int32', value: '1' }, 'int32'],
    [{ '!': 'uint32', value: '' }, 'uint32'],
    [{ '!': 'uint32', value: -1 }, 'uint32'],
    [{ '!': 'uint16', value: null }, 'uint16'],
    [{ '!': 'int64', value: '9223372036854775808' }, 'int64'],
    [{ '!': 'int64', value: '' }, 'int64'],
    [{ '!': 'int64', value: ' 1' }, 'int64'],
    [{ '!': 'int64', value: 0.5 }, 'int64'],
    [{ '!': 'timestamp', value: -1 }, 'from 0 to 2^64 - 1'],
    [{ '!': 'timestamp', value: '18446744073709551616' }, 'from 0 to 2^64 - 1'],
    [{ '!': 'float', value: 1e300 }, 'float'],
    [{ '!': 'float', value: 'x' }, 'float'],
    [{ '!': 'double', value: '3' }, 'double'],
    [{ '!': 'double', value: null }, 'double'],
    [{ '!': 'boolean', value: 'true' }, 'boolean'],
    [{ '!': 'boolean', value: 256 }, 'boolean'],
    [{ '!': 'decimal', value: { places: 256, digits: 1 } }, 'decimal'],
    [{ '!': 'decimal', value: 3 }, 'decimal'],
    [{ '!': 'decimal', value: null }, 'decimal'],
    [{ '!': 'bytes', value: 'A' }, 'base64'],
    [{ '!': 'string_base64', value: 7 }, 'base64'],
    [{ '!': 'table', value: {} }, '[[key, value]'],
    [{ '!': 'table', value: [['a']] }, 'pairs'],
    [{ '!': 'table', value: [[1, 2]] }, 'expected a string'],
    ['\ud800', 'lone surrogate'],
    [`${'x'.repeat(100)}\udc00`, 'lone surrogate'],
    [{ '\ud800': 1 }, 'lone surrogate'],
    [{ [`${'k'.repeat(256)}`]: 1 }, 'more than 255 bytes'],
    [{ [`${'ü'.repeat(128)}`]: 1 }, 'more than 255 bytes'],
    [[undefined], 'undefined'],
    [7n, 'bigint'],
    [Symbol('s'), 'symbol'],
    [new Date(0), 'plain objects'],
    [new Map(), 'plain objects'],
    [deep, '500 levels'],
  ])('are refused by the name of the header: %#', (value, reason) => {
    expect(() => encodeHeader(value)).toThrowError(
      expect.objectContaining({ code: 'INVALID_MESSAGE', message: expect.stringContaining(reason) }),
    );
    expect(() => encodeHeader(value)).toThrowError('header "h"');
  });

  test.each<[object, string]>([
    [{ colour: 'red' }, '"colour"'],
    [{ type: 7 }, 'property type'],
    [{ type: 'x'.repeat(256) }, 'property type: it has more than 255 bytes'],
    [{ message_id: '\ud800' }, 'property message_id: a lone surrogate'],
    [{ message_id: { '!': 'bytes', value: '' } }, 'property message_id'],
    [{ priority: 256 }, 'property priority'],
    [{ priority: '9' }, 'property priority'],
    [{ delivery_mode: 1.5 }, 'property delivery_mode'],
    [{ timestamp: -1 }, 'property timestamp'],
    [{ timestamp: 2 ** 64 }, 'property timestamp'],
    [{ timestamp: null }, 'property timestamp'],
    [{ timestamp: '1700000000' }, 'property timestamp'],
    [{ timestamp: { '!': 'int64', value: '1' } }, 'property timestamp'],
    [{ headers: [] }, 'property headers'],
    [{ headers: null }, 'property headers'],
    [{ headers: { '!': 'bytes', value: '' } }, 'header'],
    [{ headers: { a: 1, '!': 'table', value: [] } }, 'table'],
  ])('are refused by name: %j', (properties, reason) => {
    expect(() => encodePropertyList(properties)).toThrowError(
      expect.objectContaining({ code: 'INVALID_MESSAGE', message: expect.stringContaining(reason) }),
    );
  });

  test('can be encoded after others were refused, and after large ones', () => {
    const list = propertyList({ type: short('t') });
    expect(() => encodeHeader('\ud800')).toThrowError();
    expect(encodePropertyList({ type: 't' })).toEqual(list);
    encodeHeader('x'.repeat(1_000_000));
    expect(encodePropertyList({ type: 't' })).toEqual(list);
  });
});

describe('a property list to be published', () => {
  const deep = Array.from({ length: 5000 }).reduce<Buffer>((value) => arrayField(value), field('V'));

  test('is whatever RabbitMQ can read, at any depth', () => {
    fc.assert(
      fc.property(anyPropertyList(), (list) => {
        expect(propertyListOf(readPropertyList(list)).equals(list)).toBe(true);
        expect(propertyListOf({ properties: {}, propertyList: list })).toBe(list);
      }),
      { numRuns: 500 },
    );
    const propertyList = propertyListWith(deep);
    expect(propertyListOf({ properties: {}, propertyList })).toBe(propertyList);
  });

  const propertyListWith = (value: Buffer) =>
    propertyList({ headers: table(['a', field('V')], ['h', value]) });

  test.each<[string, Buffer]>([
    ['header "h": it is NaN or infinite', propertyListWith(hex('d', '7ff8000000000000'))],
    [
      'header "h": it is NaN or infinite',
      propertyListWith(tableField(['a', arrayField(hex('d', 'fff0000000000000'))])),
    ],
    ['header "h": it is NaN or infinite', propertyListWith(arrayField(arrayField(), hex('f', 'ff800000')))],
    ['header "h": a value has an unknown type, "Z"', propertyListWith(field('Z'))],
    [
      'header "h": a value has an unknown type',
      propertyListWith(arrayField(tableField(['a', field('U', Buffer.alloc(2))]))),
    ],
    ['header "h": a value ends outside', propertyListWith(arrayField(field('S', Buffer.from([0, 0, 0, 9]))))],
    ['header "h": a value', propertyListWith(arrayField(field('l', Buffer.alloc(7))))],
    ['header "h": a value', propertyListWith(field('F', Buffer.from([0, 0, 0, 2, 9, 0])))],
    ['1 bytes follow', Buffer.concat([propertyList({ type: short('t') }), Buffer.from([0])])],
    ['flags of unknown properties', Buffer.from([0x00, 1, 0, 0])],
    ['a property is cut off', Buffer.from([0x80, 0, 9])],
    ['cut off', Buffer.from([0x20, 0, 0, 0, 0, 9])],
    ['', Buffer.alloc(1)],
  ])('is refused where RabbitMQ would close the connection: %s', (reason, list) => {
    const refused = expect.objectContaining({
      code: 'INVALID_MESSAGE',
      message: expect.stringContaining(reason),
    });
    expect(() => propertyListOf({ properties: {}, propertyList: list })).toThrowError(refused);
    expect(() => propertyListOf(readPropertyList(list))).toThrowError(refused);
  });
});
