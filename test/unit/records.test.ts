import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeRecord, parseRecord } from '../../src/messages/records.ts';
import type { RawMessage, StoredMessage } from '../../src/messages/stored-message.ts';
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

const REFERENCE = JSON.parse(
  readFileSync(new URL('../wire/reference-messages.json', import.meta.url), 'utf8'),
) as { name: string; properties: MessageProperties; body_base64: string }[];

function stored(body: string | Buffer, properties: MessageProperties = {}): StoredMessage {
  return { taskId: 't', redelivered: false, properties, body: Buffer.from(body) };
}

/** What is read back after a trip through one line. */
function roundTrip(message: StoredMessage) {
  const line = encodeRecord(message);
  expect(line).not.toMatch(/[\n\r]/);
  return parseRecord(line);
}

describe('a record', () => {
  test('is one line with the metadata first and the body as it is', () => {
    const body = '{"type": "request", "n": 1.0}';
    expect(encodeRecord(stored(body, { delivery_mode: 2 }))).toBe(
      `{"task_id":"t","redelivered":false,"properties":{"delivery_mode":2},"body":${body}}`,
    );
  });

  test.each(REFERENCE)(
    'gives the reference message $name back byte for byte',
    ({ properties, body_base64 }) => {
      const message = stored(Buffer.from(body_base64, 'base64'), properties);
      expect(roundTrip(message)).toEqual({ taskId: 't', properties, body: message.body });
    },
  );

  test.each([
    '{"a":1.0,"b":9007199254740993,"c":1e400,"d":-0}',
    '{"a":1,"a":2,"__proto__":{"x":1},"body":{"body":3}}',
    '{"\\u0061":"\\ud83d\\ude00 \\ud800 \\/","b\\"}":"}],{\\\\"}',
    '[1 , 2,\t[ ]]',
    '"text"',
    'null',
    '-12.5e+3',
    '{}',
    `{"c1":"\u009b31m","del":"\u007f","bidi":"\u202e","line":"\u2028"}`,
  ])('carries the body %j as JSON, so that jq can look into it', (body) => {
    const line = encodeRecord(stored(body));
    expect(line).toContain('"body":');
    expect(parseRecord(line).body.toString()).toBe(body);
  });

  test.each([
    ['nothing', ''],
    ['text', 'not JSON'],
    ['several lines of JSON', '{\n  "a": 1\n}'],
    ['JSON with a carriage return', '{\r"a":1}'],
    ['JSON with space around it', ' {"a":1} '],
    ['JSON with a tab after it', '1\t'],
    ['JSON after a byte order mark', '\ufeff{}'],
    ['JSON in broken UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
    ['what Python takes for JSON', '{"a": NaN, "b": -Infinity}'],
    ['JSON in UTF-16', Buffer.from('{"a":1}', 'utf16le')],
  ])('carries %s as base64', (_what, body) => {
    const message = stored(body);
    expect(encodeRecord(message)).toContain('"body_base64":');
    expect(roundTrip(message).body).toEqual(message.body);
  });

  test('keeps every property and every kind of header value', () => {
    const properties: MessageProperties = {
      content_type: 'application/json',
      content_encoding: 'utf-8',
      headers: {
        text: 'ü',
        bytes: Buffer.from([0, 255, 10]),
        when: { '!': 'timestamp', value: 1_700_000_000 },
        price: { '!': 'decimal', value: { places: 2, digits: 314 } },
        list: [1, 'two', Buffer.from('3'), null, [true]],
        small: { '!': 'int32', value: 7 },
        huge: { '!': 'int64', value: '9223372036854775807' },
        zero: { '!': 'double', value: -0 },
        nan: { '!': 'float', value: Number.NaN },
        broken: { '!': 'string_base64', value: '/w==' },
        pairs: {
          '!': 'table',
          value: [
            ['!', Buffer.from([1])],
            [{ '!': 'string_base64', value: '/w==' }, 1],
          ],
        },
        table: { inner: Buffer.from('x'), '': 1 },
        large: 2 ** 40,
        half: 0.5,
      },
      delivery_mode: 255,
      priority: 9,
      correlation_id: 'c',
      reply_to: 'r',
      expiration: '+60000',
      message_id: 'm',
      timestamp: 1_700_000_000,
      type: 't',
      user_id: 'guest',
      app_id: 'a',
      cluster_id: { '!': 'string_base64', value: '/w==' },
    };
    expect(roundTrip(stored('{}', properties)).properties).toEqual(properties);
  });

  test('writes numbers that JSON has not as typed values', () => {
    const { properties } = roundTrip(
      stored('{}', { headers: { no: Number.NaN, up: Number.POSITIVE_INFINITY } }),
    );
    expect(properties?.headers).toEqual({
      no: { '!': 'double', value: Number.NaN },
      up: { '!': 'double', value: Number.POSITIVE_INFINITY },
    });
  });

  test('reads back after jq has reordered and spaced it', () => {
    const line = ' { "body" : {"a": 1.0} , "properties" : { } , "extra" : [ "}" ] , "task_id" : "x" } ';
    expect(parseRecord(line)).toEqual({ taskId: 'x', properties: {}, body: Buffer.from('{"a": 1.0}') });
  });

  test('has each property in the form in which it would be read from a queue', () => {
    const line =
      '{"properties":{"type":{"!":"string_base64","value":"w7w="},"timestamp":{"!":"uint64","value":"7"},"headers":{"h":{"!":"long","value":4294967296}}},"body":1}';
    expect(parseRecord(line).properties).toEqual({ type: 'ü', timestamp: 7, headers: { h: 4_294_967_296 } });
  });

  test('has no properties where it does not say, and none where it says so', () => {
    expect(parseRecord('{"body":1}').properties).toBeUndefined();
    expect(parseRecord('{"properties":null,"body":1}').properties).toBeUndefined();
    expect(parseRecord('{"properties":{},"body":1}').properties).toEqual({});
  });

  test.each([
    '{"body":[1]}',
    '{"body":[1],"body_base64":null,"task_id":null,"properties":null,"properties_base64":null}',
    '{"event":"enqueued","body":[1]}',
    '{"type":"request","method":"m","body":[1]}',
    '{"message":"a note","type":"request","timestamp":1,"properties":{},"body":[1]}',
    '{"message":null,"body":[1]}',
  ])('has a body, and maybe what somebody has added: %s', (line) => {
    expect(parseRecord(line).body.toString()).toBe('[1]');
  });

  test('of an earlier version means what it meant', () => {
    const line =
      '{"task_id":"t","redelivered":false,"properties":{"content_type":"application/json","delivery_mode":2,"timestamp":1700000000,"headers":{"when":{"!":"timestamp","value":1700000000},"price":{"!":"decimal","value":{"places":2,"digits":314}},"bytes":{"!":"bytes","value":"AP8K"},"up":{"!":"double","value":"Infinity"},"n":3,"large":1099511627776,"half":0.5,"list":[1,null,{"a":true}],"by hand":{"!":"long","value":3}}},"body":{}}';
    const { properties } = parseRecord(line);
    expect(encodePropertyList(properties as MessageProperties)).toEqual(
      propertyList({
        content_type: short('application/json'),
        delivery_mode: Buffer.from([2]),
        timestamp: uint(8, 1_700_000_000n),
        headers: table(
          ['when', longField('T', 1_700_000_000n)],
          ['price', field('D', Buffer.from([2, 0, 0, 1, 58]))],
          ['bytes', bytesField(Buffer.from([0, 255, 10]))],
          ['up', field('d', Buffer.from('7ff0000000000000', 'hex'))],
          ['n', field('b', Buffer.from([3]))],
          ['large', longField('l', 2n ** 40n)],
          ['half', field('d', Buffer.from('3fe0000000000000', 'hex'))],
          [
            'list',
            arrayField(
              field('b', Buffer.from([1])),
              field('V'),
              tableField(['a', field('t', Buffer.from([1]))]),
            ),
          ],
          ['by hand', longField('l', 3n)],
        ),
      }),
    );
  });

  test('gives back any property list whatever, as bytes', () => {
    fc.assert(
      fc.property(anyPropertyList(), (list) => {
        const record = parseRecord(encodeRecord({ ...stored('{}'), ...readPropertyList(list) }));
        expect(propertyListOf(record as RawMessage).equals(list)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('gives back a property list that the typed form cannot say', () => {
    const deep = Array.from({ length: 5000 }).reduce<Buffer>((value) => arrayField(value), field('V'));
    const list = propertyList({
      headers: table(['a', textField('x')], ['deep', deep]),
      type: short('t'),
    });
    const line = encodeRecord({ ...stored('{}'), ...readPropertyList(list) });
    expect(JSON.parse(line).properties).toEqual({ headers: { a: 'x' }, type: 't' });
    expect(propertyListOf(parseRecord(line) as RawMessage).equals(list)).toBe(true);
    const edited = line.replace('"type":"t"', '"type":"u"');
    expect(() => parseRecord(edited)).toThrowError('remove "properties_base64" to send the edit');
    const { properties_base64: _bytes, ...rest } = JSON.parse(edited);
    expect(parseRecord(JSON.stringify(rest)).properties).toEqual({ headers: { a: 'x' }, type: 'u' });
  });

  test.each([
    ['{"message":{"jsonrpc":"2.0"},"body":1}', 'del(.message)'],
    ['{"type":"request","message":{},"properties":{},"body_base64":""}', 'del(.body_base64)'],
    ['{"jsonrpc":"2.0","task_id":"t","body":1}', 'del(.jsonrpc)'],
  ])('is not guessed at where it may be a message too: %s', (line, hint) => {
    expect(() => parseRecord(line)).toThrowError(
      expect.objectContaining({ code: 'INVALID_MESSAGE', hint: expect.stringContaining(hint) }),
    );
  });

  test.each(['{"jsonrpc":"2.0","body":1}', '{"type":"request","message":{},"body":1}'])(
    'is not what is a message by itself: %s',
    (line) => {
      expect(() => parseRecord(line)).toThrowError('it is a message itself');
    },
  );

  test('takes the last of two bodies, as every JSON parser does', () => {
    expect(parseRecord('{"body":1,"properties":{},"b\\u006fdy":2}').body.toString()).toBe('2');
  });

  test.each([
    ['', 'not JSON'],
    ['{"body":1', 'not JSON'],
    ['[1]', 'not a JSON object'],
    ['{"properties":{}}', 'neither "body" nor "body_base64"'],
    ['{"body":1,"body_base64":""}', 'both "body" and "body_base64"'],
    ['{"body_base64":"a"}', '"body_base64" is not base64'],
    ['{"body_base64":7}', '"body_base64" is not base64'],
    ['{"task_id":1,"body":1}', '"task_id" is not a string'],
    ['{"properties":[],"body":1}', '"properties" is not an object'],
    ['{"properties":{"priority":"9"},"body":1}', 'property priority: expected a whole number from 0 to 255'],
    ['{"properties":{"delivery_mode":256},"body":1}', 'property delivery_mode'],
    ['{"properties":{"colour":"red"},"body":1}', 'AMQP has no property "colour"'],
    ['{"properties":{"__proto__":{}},"body":1}', 'AMQP has no property "__proto__"'],
    ['{"properties":{"expiration":60000},"body":1}', 'property expiration: expected a string, not 60000'],
    ['{"properties":{"message_id":"\\ud800"},"body":1}', 'property message_id: a lone surrogate'],
    ['{"properties":{"headers":{"h":["\\udc00"]}},"body":1}', 'header "h": a lone surrogate'],
    ['{"properties":{"headers":{"h":{"!":"nope"}}},"body":1}', 'header "h"'],
    [
      '{"properties":{"headers":{"h":{"!":"nope","value":1}}},"body":1}',
      'header "h": there is no type "nope"',
    ],
    ['{"properties":{"headers":{"h":{"!":"int32","value":1.5}}},"body":1}', 'header "h": int32 expects'],
    ['{"properties":{"headers":{"h":{"!":"uint32","value":""}}},"body":1}', 'header "h": uint32 expects'],
    ['{"properties":{"headers":[]},"body":1}', 'property headers: expected an object'],
    ['{"properties_base64":"A","body":1}', '"properties_base64" is not base64'],
    ['{"body":"\ud800"}', 'lone surrogate'],
  ])('%j is refused: %s', (line, reason) => {
    expect(() => parseRecord(line)).toThrowError(
      expect.objectContaining({ code: 'INVALID_MESSAGE', message: expect.stringContaining(reason) }),
    );
  });

  test('gives back any bytes whatever', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const message = stored(Buffer.from(bytes));
        expect(roundTrip(message).body).toEqual(message.body);
      }),
    );
  });

  test.each([49_151, 49_152, 49_153, 150_001])('gives back %i bytes that are not text', (size) => {
    const body = Buffer.alloc(size, 0xfb);
    expect(roundTrip(stored(body)).body.equals(body)).toBe(true);
    const line = encodeRecord(stored(body));
    for (const damaged of ['=', '*', 'A']) {
      const at = line.length - 60_000 > 80 ? line.length - 60_000 : 100;
      const text = line.slice(0, at) + damaged + line.slice(damaged === 'A' ? at : at + 1);
      expect(() => parseRecord(text)).toThrow('"body_base64" is not base64');
    }
  });

  test('takes base64 as other writers escape it', () => {
    expect(parseRecord('{"body_base64":"\\/\\/8="}').body).toEqual(Buffer.from('//8=', 'base64'));
  });

  test('gives back any JSON text whatever', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(roundTrip(stored(text)).body.toString()).toBe(text);
      }),
    );
  });
});
