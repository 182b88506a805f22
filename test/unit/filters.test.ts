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

  test('compares integers beyond 2^53 by all their digits', () => {
    const isMatch = (expression: string, id: string) =>
      matches(expression, `{"type":"request","message":{"id":${id},"params":{"n":${id}}}}`);
    for (const variable of ['id', 'params.n', 'body.message.id']) {
      expect(isMatch(`${variable} == 9007199254740993`, '9007199254740993'), variable).toBe(true);
      for (const other of ['9007199254740992', '9007199254740994', '12345678901234567890123', '1e400', '7']) {
        expect(isMatch(`${variable} == 9007199254740993`, other), `${variable} of ${other}`).toBe(false);
      }
      expect(isMatch(`${variable} == 9007199254740992`, '9007199254740992'), variable).toBe(true);
      expect(isMatch(`${variable} > 9007199254740993`, '9007199254740994'), variable).toBe(true);
    }
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

  test('looks at properties, and at bodies that are not JSON', () => {
    expect(matches('properties.headers["x-team"] == "red"', '{}', { headers: { 'x-team': 'red' } })).toBe(
      true,
    );
    expect(matches('body.contains("plain")', 'plain text')).toBe(true);
    expect(matches('type == "?" && size == 2', Buffer.from([0xff, 0xfe]))).toBe(true);
  });

  test.each([
    ['type ==', 'Unexpected token'],
    ['colour == "red"', 'Unknown variable: colour'],
    ['method', 'Its result is of type string, not true or false'],
    ['size == "x"', 'no such overload'],
    ['process.exit(1)', 'Unknown variable: process'],
    ['(() => 1)()', 'Unexpected'],
  ])('%j is refused: %s', (expression, reason) => {
    expect(() => parseFilter(expression)).toThrowError(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(reason) }),
    );
  });

  test.each([
    ['method.matches("[")', 'Invalid regular expression'],
    ['type == "x" && method.matches("(")', 'Invalid regular expression'],
    ['age > duration("1d")', 'Invalid duration'],
    ['timestamp("today") < timestamp("2026-01-01T00:00:00Z")', 'timestamp()'],
    ['size > 1 / 0', 'division by zero'],
    ['bdy.x == 1', 'Unknown variable: bdy'],
    ['properties.mesage_id == "x"', 'Did you mean message_id?'],
    ['properties["content-type"] == "x"', 'Did you mean content_type?'],
    ['properties.x_team == "red"', 'properties.headers'],
  ])('%j is refused before it has seen a message: %s', (expression, reason) => {
    expect(() => parseFilter(expression)).toThrowError(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(reason) }),
    );
  });

  test('shows how a duration is written after a mistake in one', () => {
    expect(() => parseFilter('age > duration("1d")')).toThrowError(
      expect.objectContaining({ hint: expect.stringContaining('duration("24h")') }),
    );
  });

  test.each(['matches', 'duration("1d")', '[', 'properties.nope'])('takes %j as a text', (text) => {
    expect(matches(`method == ${JSON.stringify(text)}`)).toBe(false);
  });
});

describe('the tally of a filter', () => {
  function tallyOf(expression: string, bodies: readonly unknown[]) {
    const filter = parseFilter(expression, () => NOW);
    for (const body of bodies) {
      filter({ taskId: 't', redelivered: false, properties: {}, body: Buffer.from(JSON.stringify(body)) });
    }
    const notes: string[] = [];
    const report = () => filter.tally.report({ note: (text) => notes.push(text) });
    return { tally: filter.tally, report, notes };
  }

  test('counts what it looked at, and what matched', () => {
    const { tally, report, notes } = tallyOf('body.n > 1', [{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(tally).toMatchObject({ looked: 3, matched: 2 });
    report();
    expect(notes).toEqual([]);
  });

  test('names the fields that messages did not have', () => {
    const { report, notes } = tallyOf('body.n > 1', [{ n: 1 }, {}, {}]);
    report();
    expect(notes).toEqual([
      '2 of the 3 messages looked at did not have a field that the filter needs ("n").',
    ]);
  });

  test('says so when no message has a field, as of a misspelt one', () => {
    const { report, notes } = tallyOf('params.mesage == "x"', [MESSAGE, MESSAGE]);
    report();
    expect(notes).toEqual(['None of the 2 messages looked at has a field that the filter needs ("mesage").']);
  });

  test.each(['age < duration("1h")', '!(age > duration("1h"))', 'age == duration("0s")'])(
    'counts those that do not say when they were queued, which %s does not match',
    (expression) => {
      const { tally, report, notes } = tallyOf(expression, [{ type: 'request' }, { timestamp: 'yesterday' }]);
      expect(tally).toMatchObject({ looked: 2, matched: 0 });
      report();
      expect(notes).toEqual([
        '2 of the 2 messages looked at do not say when they were queued, and do not match.',
      ]);
    },
  );

  test('matches one that does not say when it was queued, if its age does not matter', () => {
    const { tally, notes } = tallyOf('age > duration("1h") || type == "request"', [{ type: 'request' }]);
    expect([tally.matched, notes]).toEqual([1, []]);
  });

  test.each([
    ['age < duration("1h")', 1, 'The message looked at does not say when it was queued, and does not match.'],
    ['params.x == 1', 1, 'The message looked at does not have a field that the filter needs ("x").'],
    [
      'size > 2 && age < duration("1h")',
      2,
      '1 of the 2 messages looked at does not say when it was queued, and does not match.',
    ],
  ])('speaks of a single message as one: %s', (expression, count, note) => {
    const { report, notes } = tallyOf(
      expression,
      [{ type: 'request', message: { params: {} } }, 1].slice(0, count),
    );
    report();
    expect(notes).toEqual([note]);
  });

  test('counts those that cannot be compared', () => {
    const { report, notes } = tallyOf('body.n > 1', [{ n: 1 }, { n: 'one' }]);
    report();
    expect(notes[0]).toMatch(
      /^The filter could not be evaluated on 1 of the 2 messages looked at: no such overload/,
    );
  });

  test('is a usage error when it could not be evaluated on any', () => {
    const { report } = tallyOf('int(params.message) > 3', [MESSAGE, MESSAGE]);
    expect(report).toThrowError(expect.objectContaining({ exitCode: 2 }));
  });
});
