import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonMembers } from '../../src/wire/json-members.ts';
import { encodeRecord, parseRecord } from '../../src/wire/records.ts';
import type { MessageProperties, StoredMessage } from '../../src/wire/stored-message.ts';

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
    ['JSON after a byte order mark', '\ufeff{}'],
    ['JSON in broken UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
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
        table: { inner: Buffer.from('x'), '': 1 },
        large: 2 ** 40,
        half: 0.5,
      },
      delivery_mode: 1,
      priority: 9,
      correlation_id: 'c',
      reply_to: 'r',
      expiration: '60000',
      message_id: 'm',
      timestamp: 1_700_000_000,
      type: 't',
      user_id: 'guest',
      app_id: 'a',
    };
    expect(roundTrip(stored('{}', properties)).properties).toEqual(properties);
  });

  test('writes numbers that JSON has not as typed values', () => {
    const { properties } = roundTrip(
      stored('{}', { headers: { no: Number.NaN, up: Number.POSITIVE_INFINITY } }),
    );
    expect(properties.headers).toEqual({
      no: { '!': 'double', value: Number.NaN },
      up: { '!': 'double', value: Number.POSITIVE_INFINITY },
    });
  });

  test('reads back after jq has reordered and spaced it', () => {
    const line = ' { "body" : {"a": 1.0} , "properties" : { } , "extra" : [ "}" ] , "task_id" : "x" } ';
    expect(parseRecord(line)).toEqual({ taskId: 'x', properties: {}, body: Buffer.from('{"a": 1.0}') });
  });

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
    ['{"properties":{"priority":"9"},"body":1}', '"properties.priority" is not a whole number from 0 to 255'],
    ['{"properties":{"delivery_mode":3},"body":1}', '"properties.delivery_mode" is not 1 or 2'],
    ['{"properties":{"colour":"red"},"body":1}', '"properties" has "colour"'],
    ['{"properties":{"expiration":"soon"},"body":1}', '"properties.expiration" is not milliseconds'],
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

  test('gives back any JSON text whatever', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(roundTrip(stored(text)).body.toString()).toBe(text);
      }),
    );
  });
});

describe('the members of a JSON object', () => {
  test('are found wherever JSON.parse finds them, as texts that mean the same', () => {
    const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const members = Object.fromEntries(
          [...jsonMembers(text)].map(([key, raw]) => [key, JSON.parse(raw)]),
        );
        expect(members).toEqual(JSON.parse(text));
      }),
    );
  });
});
