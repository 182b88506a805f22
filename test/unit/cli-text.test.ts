import { spawnSync } from 'node:child_process';
import { Chalk } from 'chalk';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parseFilter } from '../../src/cli/input/filters.ts';
import { layOutJson } from '../../src/cli/output/json-text.ts';
import { MessageTable } from '../../src/cli/output/message-table.ts';
import { viewMessage } from '../../src/cli/output/message-view.ts';
import { taskCommand, thisCommand, withOptions } from '../../src/cli/output/this-command.ts';
import { rateOption } from '../../src/cli/replay/pacing.ts';
import { keepBrokerWords } from '../../src/cli/settings/broker-words.ts';
import { colorsFor } from '../../src/cli/terminal/colors.ts';
import {
  exactDuration,
  formatAge,
  formatDuration,
  formatShortAge,
  parseDuration,
} from '../../src/cli/text/durations.ts';
import { summarize } from '../../src/cli/text/message-summary.ts';
import { shellWords } from '../../src/cli/text/shell-words.ts';
import { formatSize } from '../../src/cli/text/sizes.ts';
import { safeId, safeLine, safeText } from '../../src/cli/text/terminal-text.ts';
import { cutEnd, cutMiddle, cutStart, textWidth } from '../../src/cli/text/text-width.ts';
import type { StoredMessage } from '../../src/index.ts';

const plain = new Chalk({ level: 0 });

/** Sets a title, clears the screen, turns text around, hides text, rings, overwrites the line. */
const HOSTILE = '\u001b]0;x\u0007\u009b31m\u001b[2J\u202eevil\u2066\u007f\r\u0000\u{e0041}\ud800 end';

function stored(body: string | Buffer, taskId = 't') {
  return { taskId, redelivered: false, properties: {}, body: Buffer.from(body) };
}

describe('text for a terminal', () => {
  test('has nothing in it that a terminal would obey', () => {
    expect(safeLine(HOSTILE)).toMatch(/^[\x20-\x7e]+$/);
    expect(safeLine('a\nb\tc\u001b')).toBe('a\\nb\\tc\\u001b');
    expect(safeText('a\nb\tc\u001b')).toBe('a\nb\tc\\u001b');
  });

  test('keeps what people write', () => {
    const text = 'Grüße, 你好, שלום, 👩‍👩‍👧 “ok”';
    expect(safeLine(text)).toBe(text);
  });

  test.each([
    [
      'a message in full',
      viewMessage(stored(JSON.stringify({ a: HOSTILE, [HOSTILE]: 1 }), HOSTILE), plain, 0),
    ],
    ['a message that is no JSON', viewMessage(stored(HOSTILE), plain, 0)],
    ['a message with raw controls in JSON', viewMessage(stored('{"a":"\u009b31m\u202e end"}'), plain, 0)],
    [
      'a table',
      new MessageTable({ width: 400, colors: plain, showTask: true }).rows([
        stored(
          JSON.stringify({ type: HOSTILE, message: { id: HOSTILE, method: HOSTILE, params: HOSTILE } }),
          HOSTILE,
        ),
        stored(HOSTILE),
      ]),
    ],
  ])('is safe in %s', (_what, text) => {
    expect(text.replaceAll('\n', '')).toBe(safeLine(text.replaceAll('\n', '')));
    expect(text).toContain('end');
  });
});

describe('the width of text', () => {
  test.each([
    ['', 0],
    ['abc', 3],
    ['作業', 4],
    ['e\u0301', 1],
    ['Grüße', 5],
    ['👋', 2],
  ])('%j takes %i columns', (text, width) => expect(textWidth(text)).toBe(width));

  test('is kept where it is cut', () => {
    expect(cutEnd('三つの古い', 5)).toBe('三つ…');
    expect(cutEnd('abcdef', 6)).toBe('abcdef');
    expect(cutStart('notifications/progress', 10)).toBe('…/progress');
    expect(cutMiddle('0198f3a0-7c1e-7000-8000-00000000a41c', 12)).toBe('0198f3…0a41c');
    expect(cutMiddle('三つの古い', 6)).toBe('三…い');
    expect(cutMiddle('build-7', 7)).toBe('build-7');
    expect(cutStart('三つの古い', 5)).toBe('…古い');
  });
});

describe('JSON laid out', () => {
  test('has a member a line, and numbers as they are written', () => {
    expect(layOutJson('{"a":[1.0,9007199254740993,{}],"b":[],"c":{"d":"\\u00fc,{}:\\"x"}}', plain)).toBe(
      [
        '{',
        '  "a": [',
        '    1.0,',
        '    9007199254740993,',
        '    {}',
        '  ],',
        '  "b": [],',
        '  "c": {',
        '    "d": "ü,{}:\\"x"',
        '  }',
        '}',
      ].join('\n'),
    );
  });
});

describe('the summary of a message', () => {
  const summary = (message: object, type = 'request') => summarize(stored(JSON.stringify({ type, message })));

  test.each([
    [{ method: 'elicitation/create', params: { message: 'Sure?' } }, 'Sure?'],
    [
      { method: 'sampling/createMessage', params: { messages: [{ content: { type: 'text', text: 'hi' } }] } },
      'hi',
    ],
    [
      {
        method: 'sampling/createMessage',
        params: { messages: [{ content: [{ type: 'text', text: 'hi' }] }] },
      },
      'hi',
    ],
    [{ method: 'notifications/progress', params: { progress: 3, total: 5, message: 'm' } }, '3/5 m'],
    [{ method: 'notifications/message', params: { level: 'info', data: { a: 1 } } }, 'info: {"a":1}'],
    [{ id: 1, error: { code: -32000, message: 'no' } }, '-32000 no'],
    [{ id: 1, result: { a: 1 } }, '{"a":1}'],
    [{ method: 'ping', params: null }, ''],
    [{ method: 'sampling/createMessage', params: null }, ''],
  ])('of %j is %j', (message, detail) => {
    expect(summary(message).detail).toBe(detail);
  });

  test('of anything else is what it is', () => {
    expect(summarize(stored('no JSON'))).toMatchObject({ type: '?', detail: 'no JSON', size: 7 });
    expect(summarize(stored(Buffer.from([0xff, 0])))).toMatchObject({
      detail: '2 bytes, not text: ff00',
    });
    expect(summarize(stored(Buffer.from([0xff]))).detail).toBe('1 byte, not text: ff');
    expect(summarize(stored('')).detail).toBe('(empty)');
    expect(summarize(stored('null'))).toMatchObject({ type: '?', method: undefined });
  });

  test.each([
    {
      id: { toString: null },
      method: 'notifications/progress',
      params: { progress: { toString: 1 }, total: [] },
    },
    { method: 'notifications/message', params: { level: { toString: 1 }, data: null } },
    { method: 'elicitation/create', params: { message: { valueOf: 1, toString: 1 } } },
    { error: { code: { toString: 1 }, message: [] } },
    { error: null },
  ])('is there whatever stands where a text is meant: %j', (message) => {
    expect(typeof summary(message).detail).toBe('string');
    expect(viewMessage(stored(JSON.stringify({ type: 'request', message })), plain, 0)).toContain('request');
  });

  test('is that of a body with numbers that JSON lacks, as Python writes them', () => {
    const body = (rest: string) =>
      `{"type": "notification", "message": {"method": "notifications/progress", "params": {${rest}}}, "timestamp": "2026-01-10T00:46:05Z"}`;
    expect(summarize(stored(body('"progress": NaN, "total": Infinity')))).toMatchObject({
      type: 'notification',
      method: 'notifications/progress',
      queuedAt: Date.UTC(2026, 0, 10, 0, 46, 5),
      detail: 'NaN/Infinity',
    });
    expect(viewMessage(stored(body('"progress": -Infinity')), plain, 0)).toContain(
      '      "progress": -Infinity\n',
    );
    expect(parseFilter('type == "notification"')(stored(body('"progress": NaN')))).toBe(true);
  });

  test.each(['9007199254740993', '-9007199254740993', '12345678901234567890123'])(
    'has all digits of the integer %s',
    (digits) => {
      const body = `{"type":"request","message":{"id":${digits},"method":"m","params":{"n":[${digits}]}}}`;
      expect(summarize(stored(body))).toMatchObject({ id: digits, detail: `{"n":[${digits}]}` });
    },
  );

  test('does not hold a text of megabytes that no terminal has room for', () => {
    const long = 'long '.repeat(200_000);
    const params = { level: 'info', data: long };
    const body = JSON.stringify({
      type: 'notification',
      message: { method: 'notifications/message', params },
      timestamp: '2026-01-10T00:46:05Z',
    });
    const { detail, ...rest } = summarize(stored(body));
    expect(rest).toMatchObject({
      type: 'notification',
      method: 'notifications/message',
      queuedAt: Date.UTC(2026, 0, 10, 0, 46, 5),
      size: body.length,
    });
    expect(detail).toMatch(/^info: long long/);
    expect(detail.length).toBeLessThan(20_000);
    expect(summarize(stored(body), Number.POSITIVE_INFINITY).detail).toBe(`info: ${long}`);
    expect(summarize(stored(long)).detail.length).toBeLessThan(20_000);
  });

  const many = Array.from({ length: 100_000 }, (_, index) => ({ index, '☃': [1.5, 'text'] }));
  test.each([
    ['notifications/message', { level: 'info', data: many }, /^info: \[\{"index":0,"☃":\[1\.5,"text"\]\},/],
    ['notifications/message', { level: 'info', data: { many } }, /^info: \{"many":\[\{"index":0,/],
    ['sampling/createMessage', { messages: many }, /^\[\{"index":0,/],
    ['elicitation/create', { message: 'Sure?', requestedSchema: many }, /^Sure\?$/],
    ['tools/list', many, /^\[\{"index":0,/],
  ])('has the beginning of values of megabytes: %s', (method, params, start) => {
    const body = stored(
      JSON.stringify(
        { type: 'request', message: { method, params, id: 7 }, timestamp: '2026-01-10T00:46:05Z' },
        null,
        0,
      ),
    );
    const { detail, ...rest } = summarize(body);
    expect(rest).toMatchObject({
      type: 'request',
      method,
      id: '7',
      queuedAt: Date.UTC(2026, 0, 10, 0, 46, 5),
    });
    expect(detail).toMatch(start);
    expect(detail.length).toBeLessThan(20_000);
  });

  test.each(['NaN', '9007199254740993', '-Infinity'])('has a %s behind megabytes', (number) => {
    const params = `{"progress": ${number}, "more": ${JSON.stringify(many)}}`;
    const body = `{"type": "notification", "message": {"method": "notifications/progress", "params": ${params}}}`;
    expect(summarize(stored(body)).detail).toBe(number);
    expect(summarize(stored(`${body}]`)).type).toBe('?');
  });

  test('is there however deep a message is nested', () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    const message = stored(`{"type":"notification","message":{"method":"m","params":${deep}}}`);
    expect(summarize(message)).toMatchObject({ type: 'notification', method: 'm' });
    expect(viewMessage(message, plain, 0)).toContain('notification');
  });

  test.each([
    1_700_000_000_000,
    1_700_000_000_000_000,
    2 ** 53 - 1,
    { '!': 'uint64', value: '1700000000000000001' },
    { '!': 'uint64', value: '18446744073709551615' },
  ] as const)(
    'has no time where an AMQP timestamp says none, and the view has the number: %j',
    (timestamp) => {
      const message = { ...stored('{}'), properties: { timestamp } };
      expect(summarize(message).queuedAt).toBeUndefined();
      const view = viewMessage(message, plain, 0);
      expect(view).toContain(`timestamp  ${typeof timestamp === 'number' ? timestamp : timestamp.value}\n`);
      expect(view).not.toContain('queued');
      expect(new MessageTable({ width: 200, colors: plain }).rows([message])).toContain('{}');
    },
  );

  test('has the time of the publisher where AMQP has it in seconds', () => {
    const message = { ...stored('{}'), properties: { timestamp: 1_700_000_000 } };
    expect(summarize(message).queuedAt).toBe(1_700_000_000_000);
    expect(viewMessage(message, plain, 1_700_000_005_000)).toContain(
      'queued  2023-11-14T22:13:20.000Z, 5s ago',
    );
  });

  test('prefers the time that the body has, and shows the other one only where it cannot be a date', () => {
    const body = '{"type":"request","message":{},"timestamp":"2026-01-10T00:46:05Z"}';
    const message = { ...stored(body), properties: { timestamp: 1e15 } };
    expect(viewMessage(message, plain, 0)).toMatch(
      /queued +2026-01-10.*\n.*\n +timestamp +1000000000000000\n/,
    );
  });

  test('has no time if the date in the body is invalid', () => {
    expect(
      summarize(stored('{"type":"request","message":{},"timestamp":"+275760-09-13T00:00:00Z"}')).queuedAt,
    ).toBeUndefined();
  });

  test('shows properties and headers of all types as records have them', () => {
    const headers = { bytes: Buffer.from([1]), typed: { '!': 'int32', value: 7 } };
    const message_id = { '!': 'string_base64', value: '/w==' } as const;
    const view = viewMessage({ ...stored('{}'), properties: { message_id, headers } }, plain, 0);
    expect(view).toContain('message_id  base64:/w==\n');
    expect(view).toContain('{"bytes":{"!":"bytes","value":"AQ=="},"typed":{"!":"int32","value":7}}');
  });

  test('reads a time without a zone as UTC', () => {
    const body = '{"type":"request","message":{},"timestamp":"2026-01-10T00:46:05.123456"}';
    expect(summarize(stored(body)).queuedAt).toBe(Date.UTC(2026, 0, 10, 0, 46, 5, 123));
  });
});

describe('a table of messages', () => {
  const message = (method: string, params: object, more: object = {}) =>
    stored(JSON.stringify({ type: 'notification', message: { method, params, ...more } }));
  const progress = (text: string) => message('notifications/progress', { progress: 1, message: text });
  const LONG = 'x'.repeat(200);
  const lines = (width: number, messages: StoredMessage[], isWide = false) =>
    new MessageTable({ width, colors: plain, isWide }).rows(messages).trimEnd().split('\n');

  test('aligns wide characters and is as wide as the terminal', () => {
    const [head = '', one = '', two = ''] = lines(110, [
      message('方法', { data: '你好'.repeat(50) }),
      message('方法', { data: LONG }),
    ]);
    expect(head.indexOf('METHOD')).toBe(two.indexOf('方法'));
    expect(one.indexOf('方法')).toBe(two.indexOf('方法'));
    expect(textWidth(one)).toBeLessThanOrEqual(110);
    expect(textWidth(two)).toBe(110);
  });

  test.each([
    [120, 45],
    [80, 30],
    [60, 22],
    [40, 15],
  ])('of %i columns leaves %i for the message, whatever else there is', (width, least) => {
    const id = { id: '786512e2-0c5e-4b6e-9d0f-1c7c1c5d9f00' };
    const all = lines(width, [progress(LONG), message('elicitation/create', { message: LONG }, id)]);
    for (const line of all.slice(1)) {
      expect(line.length).toBe(width);
      expect(/x+…$/.exec(line)?.[0].length).toBeGreaterThanOrEqual(least - '1 '.length);
    }
  });

  test('shortens methods at the telling end, and those alone that do not fit', () => {
    const [, one, two] = lines(60, [progress(LONG), message('elicitation/create', { message: LONG })]);
    expect(one).toContain(' …/progress ');
    expect(two).toContain(' …/create ');
    const wide = lines(80, [progress(LONG), message('elicitation/create', { message: LONG })]);
    expect(wide[2]).toContain(' elicitation/create ');
  });

  test('has no column for what no message has, and all of them with -o wide', () => {
    expect(lines(100, [progress('a')])[0]).not.toMatch(/ID|↻/);
    expect(lines(40, [progress(LONG)], true)[1]).toContain(`notifications/progress  `);
    expect(lines(40, [progress(LONG)], true)[1]).toContain(LONG);
  });

  test('keeps its columns for the batches that follow', () => {
    const table = new MessageTable({ width: 80, colors: plain });
    const [head = '', one = ''] = table.rows([progress('a')]).split('\n');
    const [two = ''] = table.rows([message('x', { data: 'b' })]).split('\n');
    expect(one.indexOf('notification')).toBe(head.indexOf('TYPE'));
    expect(two.indexOf('notification')).toBe(head.indexOf('TYPE'));
    expect(two).toMatch(/^2 /);
  });

  test.each([40, 50, 55, 60, 70, 80])('of %i columns has later messages at the same place', (width) => {
    const table = new MessageTable({ width, colors: plain });
    const places = ['a', 'b', 'c'].map((letter) => {
      const params = { level: 'info', data: letter.repeat(100) };
      const lines = table
        .rows([message('notifications/message', params)])
        .trimEnd()
        .split('\n');
      return lines.at(-1)?.indexOf('info');
    });
    expect(places).toEqual(Array(3).fill(places[0]));
  });
});

describe('colours', () => {
  const on = { isTTY: true };
  const off = { isTTY: false };
  const yes = { color: true };
  test.each([
    ['on a terminal', on, yes, {}, true],
    ['not elsewhere', off, yes, {}, false],
    ['not with --no-color', on, { color: false }, { FORCE_COLOR: '1' }, false],
    ['not with NO_COLOR', on, yes, { NO_COLOR: '1' }, false],
    ['with an empty NO_COLOR', on, yes, { NO_COLOR: '' }, true],
    ['not on a dumb terminal', on, yes, { TERM: 'dumb' }, false],
    ['elsewhere with FORCE_COLOR', off, yes, { FORCE_COLOR: '1' }, true],
    ['not with FORCE_COLOR=0', on, yes, { FORCE_COLOR: '0' }, false],
  ])('are used %s', (_when, stream, settings, environment, expected) => {
    expect(colorsFor(stream, settings, environment).level).toBe(expected ? 1 : 0);
  });
});

describe('small formats', () => {
  test('an age that lies ahead, by another clock, is not "now"', () => {
    expect([7_200_000, 0, -999, -1000, -7_200_000].map(formatAge)).toEqual([
      '2h ago',
      '0ms ago',
      'now',
      'in 1s',
      'in 2h',
    ]);
    expect([60_000, -999, -7_200_000].map(formatShortAge)).toEqual(['1m', '0ms', 'ahead']);
  });

  test('durations', () => {
    expect(['500ms', '10s', '1.5m', '2h', '7d'].map(parseDuration)).toEqual([
      500, 10_000, 90_000, 7.2e6, 6.048e8,
    ]);
    expect(['', '5', '5 s', '-1s', 's', '1h30m'].map(parseDuration)).toEqual(Array(6).fill(undefined));
    expect([0, 999, 1000, 61_000, 3_600_000, 90_061_000, -5].map(formatDuration)).toEqual([
      '0ms',
      '999ms',
      '1s',
      '1m 1s',
      '1h',
      '1d 1h',
      '0ms',
    ]);
  });

  test('durations that were given, so that they can be given again', () => {
    const given = ['500ms', '1500ms', '10s', '90s', '90m', '2h', '25h', '7d'];
    expect(given.map((text) => exactDuration(parseDuration(text) as number))).toEqual(given);
    expect(
      ['0.5ms', '1.5m', '60m', '24h'].map((text) => exactDuration(parseDuration(text) as number)),
    ).toEqual(['0.5ms', '90s', '1h', '1d']);
    expect(exactDuration(0)).toBe('0ms');
  });

  test('sizes', () => {
    expect([0, 1023, 1024, 1536, 10 * 1024, 1024 * 1024 - 1, 16 * 1024 * 1024].map(formatSize)).toEqual([
      '0 B',
      '1023 B',
      '1 KB',
      '1.5 KB',
      '10 KB',
      '1 MB',
      '16 MB',
    ]);
  });

  test('rates', () => {
    expect([rateOption('100'), rateOption('100/s'), rateOption('30/m')]).toEqual([100, 100, 0.5]);
    for (const text of ['0', 'x', '5/d', '-1/s']) expect(() => rateOption(text)).toThrow('Use a rate');
  });

  test('words of a shell', () => {
    expect(shellWords(['a-b', 'x y', "it's", '$x', '', 'n=v', '=zsh'])).toBe(
      `a-b 'x y' 'it'\\''s' '$x' '' n=v '=zsh'`,
    );
  });

  test.each(['sh', 'bash', 'zsh', 'fish'])('words that %s takes as they are', (shell) => {
    const words = ['a\\b', 'a\\\\b', 'b\\', "\\'", '"\\d"', '!$x`~', '=a', '-', ''];
    const { error, stdout } = spawnSync(shell, ['-c', `printf '<%s>' ${shellWords(words)}`]);
    if (error) return; // not installed
    expect(stdout.toString()).toBe(words.map((word) => `<${word}>`).join(''));
  });

  test.each([
    ['enqueue t --skip 3 --from f', 'enqueue t --from f --skip 9'],
    ['--skip=3 t', 't --skip 9'],
    ['enqueue --from f -- -t', 'enqueue --from f --skip 9 -- -t'],
    ['enqueue --from f -- --skip', 'enqueue --from f --skip 9 -- --skip'],
  ])('the command line %j with another option', (before, after) => {
    expect(withOptions(before.split(' '), { '--skip': '9' })).toEqual(after.split(' '));
  });

  test.each([
    ['a', "mcp-taskq dequeue a --all --url 'amqp://u:***@h'"],
    ['-a', "mcp-taskq dequeue --all --url 'amqp://u:***@h' -- -a"],
  ])('a suggested command about the task %j is about the same broker', (taskId, command) => {
    keepBrokerWords({ url: 'amqp://u:pw@h' });
    onTestFinished(() => keepBrokerWords({}));
    expect(taskCommand('dequeue', taskId, ['--all'])).toBe(command);
  });

  test.each([
    ['amqp://ops:se cret@host/', 'amqp://ops:***@host/'],
    ['--url=amqp://a:p,q@x,amqp://b:r s@y', '--url=amqp://a:***@x,amqp://b:***@y'],
    ['amqp://ops:s3cret@host/prod', 'amqp://ops:***@host/prod'],
  ])('a command line to be pasted has no password, as in %s', (word, shown) => {
    vi.spyOn(process, 'argv', 'get').mockReturnValue(['node', 'mcp-taskq', 'peek', word]);
    onTestFinished(() => void vi.restoreAllMocks());
    expect(thisCommand({})).toBe(shellWords(['mcp-taskq', 'peek', shown]));
  });

  test('options without a value are set and left out', () => {
    const words = ['dequeue', 't', '--overwrite', '--out', 'f', '--append'];
    const changes = { '--append': true, '--overwrite': undefined } as const;
    expect(withOptions(words, changes)).toEqual(['dequeue', 't', '--out', 'f', '--append']);
  });
});

test.each([
  ['a b', 'a b'],
  [' ', '" "'],
  ['a ', '"a "'],
  ['\u3000a"', '"\u3000a\\""'],
  ['a\u202e', 'a\\u202e'],
])('the task id %j is shown as %s', (taskId, shown) => {
  expect(safeId(taskId)).toBe(shown);
});
