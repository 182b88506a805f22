import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeQueuedMessage } from '../../src/messages/codec.ts';
import { parseLenientJson } from '../../src/messages/lenient-json.ts';

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
    const start = performance.now();
    expect(() => parseLenientJson(`[NaN,"${'\\"'.repeat(1_000_000)}`)).toThrowError(SyntaxError);
    expect(() => parseLenientJson(`[NaN,"${'\\'.repeat(1_000_000)}"`)).toThrowError(SyntaxError);
    expect(performance.now() - start).toBeLessThan(5000);
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
