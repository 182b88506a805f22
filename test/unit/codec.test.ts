import { JSONRPCMessageSchema as newestSchema } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { JSONRPCMessageSchema as oldestSchema } from 'sdk-1.24/types.js';
import { describe, expect, test } from 'vitest';
import {
  decodeQueuedMessage,
  encodeQueuedMessage,
  MalformedMessageError,
  type QueuedMessage,
} from '../../src/index.ts';
import { findPython, runPython } from '../support/python.ts';
import { REFERENCE_MESSAGES } from '../support/reference-messages.ts';
import { SAMPLE_MESSAGES } from '../support/sample-messages.ts';

const samples = Object.entries(SAMPLE_MESSAGES);

function decode(text: string) {
  return decodeQueuedMessage('t', Buffer.from(text));
}

/** A stored body that is fine, but for these members. */
function body(changes: { [member: string]: unknown }) {
  return JSON.stringify({
    type: 'request',
    message: { jsonrpc: '2.0', id: 1, method: 'ping', params: {} },
    timestamp: '2026-01-10T00:46:05.123456+00:00',
    original_request_id: null,
    ...changes,
  });
}

function rpc(changes: { [member: string]: unknown }) {
  return { jsonrpc: '2.0', id: 1, method: 'ping', ...changes };
}

describe('a message that the Python package wrote', () => {
  test.each(REFERENCE_MESSAGES)('is one that the SDK sends: $name', ({ body }) => {
    const { message } = decodeQueuedMessage('t', body);
    expect(newestSchema.parse(message)).toEqual(message);
    expect(oldestSchema.parse(message)).toEqual(message);
  });

  test.each(REFERENCE_MESSAGES)('keeps all that it says: $name', ({ body }) => {
    const decoded = decodeQueuedMessage('t', body);
    const written = JSON.parse(body.toString());
    const { params, ...rest } = written.message;
    expect(decoded.type).toBe(written.type);
    expect(decoded.message).toEqual(params === null ? rest : written.message);
    expect(decoded.originalRequestId).toEqual(written.original_request_id ?? undefined);
  });

  const reference = (name: string) => {
    const found = REFERENCE_MESSAGES.find((message) => message.name === name);
    if (!found) throw new Error(`no reference message ${name}`);
    return decodeQueuedMessage('t', found.body);
  };

  test('has null params, which the SDK refuses, left out', () => {
    expect(reference('request-no-params')).toStrictEqual({
      type: 'request',
      message: { jsonrpc: '2.0', method: 'ping', id: 3 },
      timestamp: Date.UTC(2026, 0, 10, 0, 46, 5, 123),
    });
    expect(reference('notification-no-params').message).not.toHaveProperty('params');
  });

  test('has its time in milliseconds, whatever the offset, and without one in UTC', () => {
    expect(reference('request-elicitation').timestamp).toBe(Date.UTC(2026, 0, 10, 0, 46, 5, 123));
    expect(reference('naive-timestamp').timestamp).toBe(Date.UTC(2024, 0, 1));
    expect(reference('offset-timestamp').timestamp).toBe(Date.UTC(2026, 5, 1, 6, 30));
  });

  test('has its original request id, a string or an integer, or none', () => {
    expect(reference('request-elicitation').originalRequestId).toBe('c0ffee-1');
    expect(reference('request-sampling-int-origin').originalRequestId).toBe(7);
    expect(reference('request-no-params')).not.toHaveProperty('originalRequestId');
  });

  test('has its escapes read, and its numbers as JavaScript has them', () => {
    expect(reference('request-elicitation').message).toMatchObject({
      params: { message: 'Delete “Ünïcode” file? 🗑' },
    });
    expect(reference('request-sampling-int-origin').message).toMatchObject({ params: { temperature: 1 } });
    // Beyond 2^53 the last digit goes; what moves messages moves bytes for that reason.
    expect(reference('notification-progress').message).toMatchObject({
      params: { progressToken: 9_007_199_254_740_992 },
    });
  });
});

describe('a message that we write', () => {
  test.each(samples)('is read back as it was: %s', (_what, message) => {
    expect(decodeQueuedMessage('t', encodeQueuedMessage(message))).toStrictEqual(message);
  });

  test('is JSON in UTF-8 with the fields of the wire', () => {
    const encoded = encodeQueuedMessage({
      type: 'request',
      message: { jsonrpc: '2.0', id: 1, method: 'ping', params: { name: 'Ünïcode' } },
      timestamp: Date.UTC(2026, 0, 10, 0, 46, 5, 123),
      originalRequestId: 'c0ffee-1',
    });
    expect(encoded.toString('utf8')).toBe(
      '{"type":"request","message":{"jsonrpc":"2.0","id":1,"method":"ping","params":{"name":"Ünïcode"}},' +
        '"timestamp":"2026-01-10T00:46:05.123+00:00","original_request_id":"c0ffee-1"}',
    );
  });

  test.each(samples)('says null when there is no original request id: %s', (_what, message) => {
    expect(JSON.parse(encodeQueuedMessage(message).toString())).toHaveProperty(
      'original_request_id',
      message.originalRequestId ?? null,
    );
  });

  test('keeps any JSON value in its params', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (params, timestamp) => {
        // Through JSON once, as JSON itself turns -0 into 0.
        const message = JSON.parse(
          JSON.stringify({
            type: 'notification',
            timestamp,
            message: { jsonrpc: '2.0', method: 'm', params },
          }),
        );
        expect(decodeQueuedMessage('t', encodeQueuedMessage(message))).toEqual(message);
      }),
    );
  });

  test('can be read, or is refused', () => {
    const odd = fc.constantFrom(
      ...[Number.NaN, Number.POSITIVE_INFINITY, 1n, undefined, null, '', 'x', 0.5, true, [], {}],
      ...[
        new Date(),
        new Map(),
        Symbol('x'),
        () => {},
        { toJSON: () => 1 },
        { toJSON: 1 },
        { deep: new Date() },
      ],
      ...[
        new (class Own {})(),
        Object.assign(new Error('x'), { code: 1 }),
        1.5,
        1e21,
        Object.create(null),
        { code: Number.NaN, message: 'x' },
        { code: 1, message: 'x' },
      ],
    );
    const type = fc.constantFrom('request', 'notification', 'response', 'error');
    const names = fc.constantFrom('id', 'method', 'params', 'result', 'error', 'toJSON', 'more');
    const outer = fc.constantFrom('originalRequestId', 'original_request_id', 'toJSON', 'more');
    const valid = { jsonrpc: '2.0', id: 1, method: 'm', result: {}, error: { code: 1, message: 'x' } };
    fc.assert(
      fc.property(type, names, odd, outer, odd, (kind, name, value, more, other) => {
        const rpc = { ...valid, [name]: value };
        const message = { type: kind, timestamp: 0, message: rpc, [more]: other } as unknown as QueuedMessage;
        let encoded: Buffer;
        try {
          encoded = encodeQueuedMessage(message);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_MESSAGE' });
          return;
        }
        const read = decodeQueuedMessage('t', encoded);
        expect(read.originalRequestId).toEqual(message.originalRequestId ?? undefined);
        if (kind === 'request' || kind === 'response') expect(read.message).toMatchObject({ id: rpc.id });
      }),
      { numRuns: 2_000 },
    );
  });

  test('has the members that a class has by getters, and those of an Error', () => {
    class Notification {
      readonly jsonrpc = '2.0';
      get method() {
        return 'm';
      }
      get params() {
        return { a: 1 };
      }
    }
    const notification = { type: 'notification', timestamp: 0, message: new Notification() } as const;
    expect(decodeQueuedMessage('t', encodeQueuedMessage(notification)).message).toEqual({
      jsonrpc: '2.0',
      method: 'm',
      params: { a: 1 },
    });
    const error = Object.assign(new Error('it failed'), { code: -32_000, data: [1] });
    const failure = { type: 'error', timestamp: 0, message: { jsonrpc: '2.0', id: 1, error } } as const;
    expect(decodeQueuedMessage('t', encodeQueuedMessage(failure)).message).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32_000, message: 'it failed', data: [1] },
    });
  });

  test('is refused with the reason why it is not JSON', () => {
    const params: Record<string, unknown> = {};
    params.self = params;
    const message = { jsonrpc: '2.0', method: 'm', params };
    const encode = () =>
      encodeQueuedMessage({ type: 'notification', timestamp: 0, message } as QueuedMessage);
    expect(encode).toThrow('not serialisable as JSON: Converting circular structure to JSON');
  });

  test.each([-62_135_596_800_000, 253_402_300_799_999])('has any time of the calendar: %d', (timestamp) => {
    const message = { ...SAMPLE_MESSAGES['a request'], timestamp } as QueuedMessage;
    expect(decodeQueuedMessage('t', encodeQueuedMessage(message))).toStrictEqual(message);
  });

  const python = findPython();
  const readableInPython = samples.filter(([, { type }]) => type === 'request' || type === 'notification');

  test.runIf(python)('is read by Python: the type, the message, the time and the origin', async () => {
    const bodies = readableInPython.map(([, message]) => encodeQueuedMessage(message).toString('base64'));
    expect(await runPython(python as string, ['decode'], bodies)).toEqual(
      readableInPython.map(([, { type, message, timestamp, originalRequestId }]) => ({
        type,
        message,
        queued_at_ms: timestamp,
        original_request_id: originalRequestId ?? null,
      })),
    );
  });

  test.runIf(python)('is judged by a Python reader that reads what Python wrote', async () => {
    const bodies = REFERENCE_MESSAGES.map(({ body }) => body.toString('base64'));
    const read = (await runPython(python as string, ['decode'], bodies)) as { queued_at_ms: number }[];
    expect(read.map(({ queued_at_ms }) => queued_at_ms)).toEqual(
      REFERENCE_MESSAGES.map(({ body }) => decodeQueuedMessage('t', body).timestamp),
    );
  });

  test.runIf(python)('is judged by a Python reader that refuses what lacks a field', async () => {
    const lacking = Buffer.from(body({ original_request_id: undefined })).toString('base64');
    await expect(runPython(python as string, ['decode'], [lacking])).rejects.toThrow('original_request_id');
  });
});

describe('a body that is not a queued message is refused with its reason:', () => {
  test.each([
    ['nothing at all', '', 'it is not JSON'],
    ['text', 'hello', 'it is not JSON'],
    ['half of it', body({}).slice(0, -1), 'it is not JSON'],
    ['a byte order mark before it', `\ufeff${body({})}`, 'it is not JSON'],
    ['a list', '[]', 'it is not a JSON object'],
    ['null', 'null', 'it is not a JSON object'],
    ['no type', body({ type: undefined }), '"type"'],
    ['a type of its own', body({ type: 'greeting' }), '"type"'],
    ['the type of a built-in property', body({ type: 'constructor' }), '"type"'],
    ['no message', body({ message: undefined }), '"message" is not a JSON object'],
    ['a message that is text', body({ message: 'ping' }), '"message" is not a JSON object'],
    ['another version', body({ message: rpc({ jsonrpc: '1.0' }) }), '"message.jsonrpc"'],
    ['a request without method', body({ message: rpc({ method: undefined }) }), '"message.method"'],
    ['a request without id', body({ message: rpc({ id: undefined }) }), '"message.id" of a request'],
    ['a request with the id null', body({ message: rpc({ id: null }) }), '"message.id" of a request'],
    ['a request with a fraction as its id', body({ message: rpc({ id: 1.5 }) }), 'nor an integer'],
    ['an infinite id', body({}).replace('"id":1', '"id":1e400'), 'nor an integer'],
    ['an origin that is a fraction', body({ original_request_id: -0.5 }), '"original_request_id"'],
    ['params that are a list', body({ message: rpc({ params: [1] }) }), '"message.params"'],
    ['a response without result', body({ type: 'response', message: rpc({}) }), '"message.result"'],
    ['an error without error', body({ type: 'error', message: rpc({}) }), '"message.error"'],
    [
      'an error without code',
      body({ type: 'error', message: rpc({ error: { message: 'x' } }) }),
      '"message.error.code"',
    ],
    [
      'an error without text',
      body({ type: 'error', message: rpc({ error: { code: 1 } }) }),
      '"message.error.message"',
    ],
    ['no timestamp', body({ timestamp: undefined }), '"timestamp"'],
    ['milliseconds', body({ timestamp: 1_767_225_600_000 }), '"timestamp"'],
    ['a date of its own', body({ timestamp: 'yesterday' }), '"timestamp" is not ISO 8601'],
    ['an origin that is an object', body({ original_request_id: {} }), '"original_request_id"'],
  ])('%s', (_what, text, reason) => {
    expect(() => decode(text)).toThrowError(
      expect.objectContaining({
        code: 'MALFORMED_MESSAGE',
        taskId: 't',
        body: Buffer.from(text),
        message: expect.stringContaining(reason),
      }),
    );
  });

  test('broken UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('{"type":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    const refuse = () => decodeQueuedMessage('t', bytes);
    expect(refuse).toThrowError(MalformedMessageError);
    expect(refuse).toThrowError('it is not UTF-8');
  });

  test('any other bytes, never with an error of another kind', () => {
    const bytes = fc.oneof(
      fc.uint8Array().map((array) => Buffer.from(array)),
      fc.json().map((text) => Buffer.from(text)),
      fc
        .dictionary(fc.constantFrom('type', 'message', 'timestamp'), fc.jsonValue())
        .map((value) => Buffer.from(body(value))),
    );
    fc.assert(
      fc.property(bytes, (buffer) => {
        try {
          decodeQueuedMessage('t', buffer);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessageError);
          expect((error as MalformedMessageError).body).toBe(buffer);
        }
      }),
    );
  });
});

describe('a message that is handed in to be queued is refused with its reason:', () => {
  const valid = SAMPLE_MESSAGES['a request'];

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'it is not a JSON object'],
    ['a bare JSON-RPC message', valid?.message, '"timestamp"'],
    ['one in the form of the wire', JSON.parse(body({})), '"timestamp"'],
    ['a time that is none', { ...valid, timestamp: Number.NaN }, '"timestamp"'],
    ['a time in microseconds', { ...valid, timestamp: 1_767_225_600_123_456 }, '"timestamp"'],
    ['a time after the year 9999', { ...valid, timestamp: 253_402_300_800_000 }, '"timestamp"'],
    ['a time before the year 1', { ...valid, timestamp: -62_135_596_800_001 }, '"timestamp"'],
    ['an id that Python reads as a float', { ...valid, message: rpc({ id: 1e21 }) }, 'nor an integer'],
    ['an origin that is a fraction', { ...valid, originalRequestId: 1.5 }, 'nor an integer'],
    ['an origin that is none', { ...valid, originalRequestId: Number.NaN }, 'nor an integer'],
    ['a type that does not fit the message', { ...valid, type: 'response' }, '"message.result"'],
  ])('%s', (_what, message, reason) => {
    expect(() => encodeQueuedMessage(message as never)).toThrowError(
      expect.objectContaining({ code: 'INVALID_MESSAGE', message: expect.stringContaining(reason) }),
    );
  });

  test('what JSON cannot hold', () => {
    const circular: { [key: string]: unknown } = {};
    circular.self = circular;
    const message = {
      type: 'notification',
      timestamp: 0,
      message: { jsonrpc: '2.0', method: 'm', params: circular },
    };
    expect(() => encodeQueuedMessage(message as never)).toThrowError('not serialisable');
    const large = { ...message, message: { jsonrpc: '2.0', method: 'm', params: { n: 1n } } };
    expect(() => encodeQueuedMessage(large as never)).toThrowError('not serialisable');
  });

  test.each([
    ['an error', new Error('boom'), 'boom'],
    ['a string', 'boom', 'threw'],
    ['null', null, 'threw'],
    ['undefined', undefined, 'threw'],
  ])('a member whose reading throws %s', (_what, thrown, reason) => {
    const throwing = {
      enumerable: true,
      get: () => {
        throw thrown;
      },
    };
    const params = Object.defineProperty({}, 'a', throwing);
    const valid = { jsonrpc: '2.0', method: 'm' };
    const messages = [
      { type: 'notification', timestamp: 0, message: { ...valid, params } },
      {
        type: 'notification',
        timestamp: 0,
        message: Object.defineProperty({ ...valid }, 'params', throwing),
      },
      Object.defineProperty({ timestamp: 0, message: valid }, 'type', throwing),
    ];
    for (const message of messages) {
      expect(() => encodeQueuedMessage(message as never)).toThrowError(
        expect.objectContaining({ code: 'INVALID_MESSAGE', message: expect.stringContaining(reason) }),
      );
    }
  });

  test('a notification with an id, which would be answered', () => {
    for (const id of [0, '0', null]) {
      const message = { jsonrpc: '2.0', method: 'elicitation/create', id };
      expect(() =>
        encodeQueuedMessage({ type: 'notification', timestamp: 0, message } as never),
      ).toThrowError('of a notification');
      expect(() => decode(body({ type: 'notification', message }))).toThrowError(MalformedMessageError);
    }
  });
});

describe('nesting', () => {
  const nested = (levels: number) => `${'{"a\\"[":['.repeat(levels / 2)}${']}'.repeat(levels / 2)}`;

  test('is read and written up to 500 levels', () => {
    // The body and its message are two.
    const text = body({}).replace('"params":{}', `"params":${nested(498)}`);
    expect(() => encodeQueuedMessage(decode(text))).not.toThrow();
  });

  test.each([502, 20_000, 2_000_000])('of %d levels is refused', (levels) => {
    const text = body({}).replace('"params":{}', `"params":${nested(levels - 2)}`);
    expect(() => decode(text)).toThrowError(
      expect.objectContaining({
        code: 'MALFORMED_MESSAGE',
        reason: 'it is nested more than 500 levels deep',
      }),
    );
  });

  test('of 502 levels cannot be enqueued', () => {
    const message = { jsonrpc: '2.0', method: 'm', params: JSON.parse(nested(500)) };
    expect(() => encodeQueuedMessage({ type: 'notification', timestamp: 0, message } as never)).toThrowError(
      expect.objectContaining({ code: 'INVALID_MESSAGE', message: expect.stringContaining('500 levels') }),
    );
  });

  test('in strings or side by side does not count', () => {
    const params = { a: '{['.repeat(1_000), b: Array(1_000).fill([{}, '"']) };
    const text = body({ message: rpc({ params }) });
    expect(decode(text).message).toMatchObject({ id: 1 });
  });
});
