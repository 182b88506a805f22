import { describe, expect, test } from 'vitest';
import { decodeQueuedMessage } from '../../src/messages/codec.ts';
import { parseMessageInput } from '../../src/messages/message-input.ts';

const text = (input: string) => parseMessageInput(input).body.toString();

describe('a message to be enqueued', () => {
  test('is taken from a record with its bytes and properties, even if it is not a queued message', () => {
    expect(parseMessageInput('{"task_id":"a","properties":{"priority":3},"body":[1.0]}')).toEqual({
      taskId: 'a',
      properties: { priority: 3 },
      body: Buffer.from('[1.0]'),
    });
  });

  test.each([
    '{"type":"notification","message":{"jsonrpc":"2.0","method":"m"},"timestamp":"2026-01-10T00:46:05Z","body":1}',
    '{"type":"notification","message":{"jsonrpc":"2.0","method":"m"},"timestamp":"2026-01-10T00:46:05Z","body_base64":"eA=="}',
  ])('is a queued message also with a body of its own: %s', (envelope) => {
    expect(parseMessageInput(envelope)).toEqual({ body: Buffer.from(envelope) });
  });

  test.each(['"body":{"a":1}', '"body_base64":"eA=="', '"body":null,"body_base64":7'])(
    'is JSON-RPC also with %s of its own',
    (member) => {
      const rpc = `{"jsonrpc":"2.0","method":"m",${member}}`;
      expect(text(rpc)).toContain(`"message":${rpc},`);
    },
  );

  test('is not guessed at where it may be a record and a message', () => {
    const message = '"message":{"jsonrpc":"2.0","method":"m"},"body":{}';
    for (const input of [`{"type":"notification","task_id":"t",${message}}`, `{${message}}`])
      expect(() => parseMessageInput(input)).toThrowError(
        expect.objectContaining({ code: 'INVALID_MESSAGE', hint: expect.stringContaining('jq') }),
      );
  });

  test('is kept as it is written when it has the form of the wire', () => {
    const envelope =
      '{"type": "notification", "message": {"jsonrpc": "2.0", "method": "m", "params": {"n": 1.0}}, "timestamp": "2026-01-10T00:46:05.123456+00:00", "original_request_id": null}';
    expect(text(envelope)).toBe(envelope);
    expect(parseMessageInput(envelope).properties).toBeUndefined();
  });

  test('may have the shape of the TypeScript SDK, and then gets that of the wire', () => {
    const message = { jsonrpc: '2.0', id: 1, method: 'm' };
    const body = text(
      JSON.stringify({ type: 'request', message, timestamp: 1_700_000_000_000, originalRequestId: 7 }),
    );
    expect(JSON.parse(body)).toEqual({
      type: 'request',
      message,
      timestamp: '2023-11-14T22:13:20.000+00:00',
      original_request_id: 7,
    });
  });

  test('gets the present time when it has none, and keeps what else it has', () => {
    const before = Date.now();
    const body = text(
      '{"type":"request","message":{"jsonrpc":"2.0","id":1,"method":"m"},"original_request_id":"o"}',
    );
    const decoded = decodeQueuedMessage('t', Buffer.from(body));
    expect(decoded.originalRequestId).toBe('o');
    expect(decoded.timestamp).toBeGreaterThanOrEqual(before);
    expect(decoded.timestamp).toBeLessThanOrEqual(Date.now());
  });

  test.each([
    ['{"jsonrpc":"2.0","id":1,"method":"m"}', 'request'],
    ['{"jsonrpc":"2.0","method":"m","params":null}', 'notification'],
    ['{"jsonrpc":"2.0","id":"x","result":{}}', 'response'],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}', 'error'],
  ])('is wrapped when it is bare JSON-RPC: %s', (rpc, type) => {
    expect(decodeQueuedMessage('t', Buffer.from(text(rpc))).type).toBe(type);
  });

  test('ignores what somebody has added to a record, but not properties in the wrong place', () => {
    const added = '"place":3,"source":"x","properties_base64":null,"type":null';
    expect(parseMessageInput(`{"body":1,${added}}`)).toEqual({ taskId: undefined, body: Buffer.from('1') });
    const { properties } = parseMessageInput('{"body":1,"properties":{"type":"a"},"type":"b"}');
    expect(properties).toEqual({ type: 'a' });
  });

  test('keeps the numbers of bare JSON-RPC as they are written', () => {
    const rpc = '{"jsonrpc": "2.0", "method": "m", "params": {"a": 1.0, "b": 9007199254740993, "c": 1e400}}';
    expect(text(rpc)).toContain(`"message":${rpc},`);
  });

  test.each([
    ['{"a"', 'not JSON'],
    ['{"jsonrpc":"2.0","method":"\ud800"}', 'not UTF-8'],
    ['{"properties":{"message_id":"\\ud800"},"body":1}', 'lone surrogate'],
    ['[]', 'array'],
    ['7', 'not an object'],
    ['{}', 'neither a record'],
    ['{"body":1,"headers":{"a":1}}', '"headers" beside "properties", not in it'],
    ['{"body":1,"properties":null,"message_id":"x"}', '"message_id" beside "properties", not in it'],
    ['{"body":1,"proprties":{"type":"x"}}', '"proprties" instead of "properties"'],
    ['{"jsonrpc":"2.0"}', 'no "method", "result" or "error"'],
    ['{"jsonrpc":"1.0","method":"m"}', '"message.jsonrpc" is not "2.0"'],
    ['{"type":"request","message":{"jsonrpc":"2.0","method":"m"}}', '"message.id"'],
    [
      '{"type":"request","message":{"jsonrpc":"2.0","method":"m"},"timestamp":"2026-01-10T00:46:05Z"}',
      '"message.id"',
    ],
    ['{"type":"letter","message":{"jsonrpc":"2.0","method":"m"}}', '"type" must be'],
    ['{"type":"notification","message":{"jsonrpc":"2.0","method":"m"},"timestamp":"noon"}', 'not ISO 8601'],
    ['{"type":"notification","message":{"jsonrpc":"2.0","method":"m","id":0}}', 'of a notification'],
    [
      `{"jsonrpc":"2.0","method":"m","params":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
      'nested more than 500 levels deep',
    ],
  ])('%s is refused: %s', (input, reason) => {
    expect(() => parseMessageInput(input)).toThrowError(
      expect.objectContaining({ code: 'INVALID_MESSAGE', message: expect.stringContaining(reason) }),
    );
  });
});
