import { describe, expect, test } from 'vitest';
import { parseFilter } from '../../src/cli/input/filters.ts';

const NOW = Date.UTC(2026, 0, 10, 1, 0, 0);

function matches(expression: string, body: unknown = MESSAGE, properties = {}): boolean {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return parseFilter(expression, () => NOW)({ taskId: 't', redelivered: true, properties, body: bytes });
}

const MESSAGE = {
  type: 'request',
  message: {
    jsonrpc: '2.0',
    id: 7,
    method: 'elicitation/create',
    params: { message: 'Delete all?', list: [{ a: 1 }], type: 'inner' },
  },
  timestamp: '2026-01-10T00:50:00+00:00',
  original_request_id: null,
};

describe('a filter', () => {
  test.each([
    'type == "request"',
    'type == "request" && method.startsWith("elicitation/")',
    '"request" == type || type == "type"',
    'params.type == "inner" && body.message.params.type == "inner"',
    'id == 7',
    'age > duration("5m") && age < duration("1h")',
    'size > 100 && redelivered && task_id == "t"',
    'params.message.contains("Delete")',
    'params.list.exists(x, x.a == 1)',
    'has(body.original_request_id) && !has(params.nothing)',
    'method in ["elicitation/create", "ping"]',
  ])('%s is true for it', (expression) => {
    expect(matches(expression)).toBe(true);
  });

  test.each([
    'type == "notification"',
    'params.nothing == 1',
    'params.message > 3',
    'id == "7"',
    'body.constructor.name == "Object"',
    'body["__proto__"] != null',
  ])('%s is not', (expression) => {
    expect(matches(expression)).toBe(false);
  });

  test.each([
    'properties.headers.retries == 3',
    'properties.headers.retries > 2 && properties.headers.ratio < 1.0',
    'properties.headers.large == 9007199254740993',
    'properties.headers.deaths[0].count == 2',
    'properties.headers.when == 1700000000 && properties.headers.flag',
    'properties.headers.twice.a == 2',
    'properties.message_id == "base64:/w=="',
    'properties.timestamp > 1700000000',
  ])('compares headers and properties by their values, whatever their AMQP types: %s', (expression) => {
    const headers = {
      retries: { '!': 'int32', value: 3 },
      ratio: { '!': 'float', value: 0.5 },
      large: { '!': 'int64', value: '9007199254740993' },
      deaths: [{ count: { '!': 'int64', value: 2 } }],
      when: { '!': 'timestamp', value: 1_700_000_000 },
      flag: { '!': 'boolean', value: 2 },
      twice: {
        '!': 'table',
        value: [
          ['a', 1],
          ['a', { '!': 'uint8', value: 2 }],
        ],
      },
    };
    const properties = {
      headers,
      message_id: { '!': 'string_base64', value: '/w==' },
      timestamp: { '!': 'uint64', value: '18446744073709551615' },
    };
    expect(matches(expression, '{}', properties)).toBe(true);
  });

  test('looks at properties, and at bodies that are no JSON', () => {
    expect(matches('properties.headers["x-team"] == "red"', '{}', { headers: { 'x-team': 'red' } })).toBe(
      true,
    );
    expect(matches('body.contains("plain")', 'plain text')).toBe(true);
    expect(matches('type == "?" && size == 2', Buffer.from([0xff, 0xfe]))).toBe(true);
  });

  test.each([
    ['type ==', 'Unexpected token'],
    ['colour == "red"', 'Unknown variable: colour'],
    ['method', 'It is a string, not true or false'],
    ['size == "x"', 'no such overload'],
    ['process.exit(1)', 'Unknown variable: process'],
    ['(() => 1)()', 'Unexpected'],
  ])('%j is refused: %s', (expression, reason) => {
    expect(() => parseFilter(expression)).toThrowError(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(reason) }),
    );
  });
});
