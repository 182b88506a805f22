import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeQueuedMessage } from '../../src/messages/codec.ts';
import { exactJsonText, parseExactJson, parseLenientJson } from '../../src/messages/lenient-json.ts';

describe('JSON as Python writes it', () => {
  test.each<[string, unknown]>([
    ['NaN', Number.NaN],
    ['[NaN, Infinity,-Infinity , 1]', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1]],
    [
      '{"NaN": NaN, "a": "NaN, Infinity", "b": {"c": [Infinity]}}',
      { NaN: Number.NaN, a: 'NaN, Infinity', b: { c: [Number.POSITIVE_INFINITY] } },
    ],
    [
      '{"a": "\\"NaN", "b\\\\": NaN, "c": "\\\\\\"Infinity"}',
      { a: '"NaN', 'b\\': Number.NaN, c: '\\"Infinity' },
    ],
  ])('has numbers that JSON lacks: %s', (text, value) => {
    expect(parseLenientJson(text)).toEqual(value);
  });

  test('has __proto__ for an ordinary key', () => {
    const value = parseLenientJson('{"__proto__": {"a": NaN}}') as object;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test.each([
    '',
    'nan',
    '-NaN',
    'xNaN',
    'NaNs',
    '1Infinity',
    'Infinity1',
    '[1 Infinity]',
    'InfinityInfinity',
    '1-Infinity',
    '{Infinity: 1}',
    '+Infinity',
    'Inf',
    '{"a": NaN',
    '"NaN',
    '"NaN\\"',
    '[NaN "x"]',
    '{NaN: 1}',
  ])('is not just anything: %j', (text) => {
    expect(() => parseLenientJson(text)).toThrowError(SyntaxError);
  });

  test('is read as what it says, wherever these numbers stand', () => {
    const marked = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify([value, 'NaN"', null]));
    fc.assert(
      fc.property(marked, (text) => {
        const value = JSON.parse(text) as unknown[];
        expect(parseLenientJson(`[NaN,${text},Infinity]`)).toEqual([
          Number.NaN,
          value,
          Number.POSITIVE_INFINITY,
        ]);
      }),
    );
  });

  test('is refused in little time however many quotes it has', () => {
    const start = process.cpuUsage();
    expect(() => parseLenientJson(`[NaN,"${'\\"'.repeat(1_000_000)}`)).toThrowError(SyntaxError);
    expect(() => parseLenientJson(`[NaN,"${'\\'.repeat(1_000_000)}"`)).toThrowError(SyntaxError);
    // Of this process alone, in microseconds: a busy machine takes longer.
    expect(process.cpuUsage(start).user).toBeLessThan(5_000_000);
  });

  test('is accepted as a queued message', () => {
    const body = Buffer.from(
      '{"type": "notification", "message": {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": NaN, "total": Infinity}}, "timestamp": "2026-01-10T00:46:05", "original_request_id": null}',
    );
    expect(decodeQueuedMessage('t', body).message).toMatchObject({
      params: { progress: Number.NaN, total: Number.POSITIVE_INFINITY },
    });
  });
});

test('A body that is nested too deep for these numbers is malformed, and nothing worse', () => {
  const body = Buffer.from(`${'['.repeat(200_000)}NaN${']'.repeat(200_000)}`);
  expect(() => decodeQueuedMessage('t', body)).toThrowError(
    expect.objectContaining({ code: 'MALFORMED_MESSAGE' }),
  );
});

describe('JSON with all digits', () => {
  test.each<[string, unknown]>([
    ['9007199254740993', 9_007_199_254_740_993n],
    ['[-9007199254740993, 9007199254740991]', [-9_007_199_254_740_993n, 9_007_199_254_740_991]],
    ['{"9007199254740993": "9007199254740993"}', { '9007199254740993': '9007199254740993' }],
    ['[9007199254740993.0, 9007199254740993e2]', [9007199254740992, 900719925474099300]],
    ['[NaN, 12345678901234567890123]', [Number.NaN, 12_345_678_901_234_567_890_123n]],
    ['["\\"", 9007199254740993]', ['"', 9_007_199_254_740_993n]],
  ])('%s', (text, value) => {
    expect(parseExactJson(text)).toEqual(value);
  });

  test.each(['[09007199254740993]', '{9007199254740993: 1}', '[9007199254740993 1]', '90071992547409930.'])(
    'is not just anything: %s',
    (text) => {
      expect(() => parseExactJson(text)).toThrowError(SyntaxError);
    },
  );

  test.each(['{"a":NaN,"b":[-Infinity,null,"null"]}', '[NaN,9007199254740993,null]'])(
    'is the same again as text, also for what JSON lacks: %s',
    (text) => {
      expect(exactJsonText(parseExactJson(text))).toBe(text);
    },
  );

  test('is the same again as text', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(value, fc.bigInt(), (other, digits) => {
        const text = `{"a":[${digits},${JSON.stringify(other)}],"b":"${digits}"}`;
        expect(exactJsonText(parseExactJson(text))).toBe(
          JSON.stringify(JSON.parse(text)).replace(/^\{"a":\[[^,\]]*/, `{"a":[${digits}`),
        );
      }),
    );
  });
});
