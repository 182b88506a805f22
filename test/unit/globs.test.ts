import fc from 'fast-check';
import { expect, test } from 'vitest';
import { literalGlob } from '../../src/cli/text/literal-glob.ts';
import { globMatcher, globToServerRegex } from '../../src/management/globs.ts';

test.each([
  ['build-*', 'build-1', true],
  ['build-*', 'rebuild-1', false],
  ['build-?', 'build-12', false],
  ['*', '', true],
  ['?', '🐇', true],
  ['a.c', 'abc', false],
  ['[ab]', 'a', false],
  ['[ab]', '[ab]', true],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'axb', false],
  ['100%', '100%', true],
  ['(x)|y', 'y', false],
])('the pattern %j and the task %j: %j', (glob, taskId, expected) => {
  expect(globMatcher(glob)(taskId)).toBe(expected);
});

test('the regular expression for the server matches whatever the pattern does, byte by byte', () => {
  const glob = fc
    .array(fc.constantFrom('*', '?', '.', '[', ')', '\\\\', '%', 'a', 'ü', '🐇', '$', '|', '/'))
    .map((parts) => parts.join(''));
  const taskId = fc
    .array(fc.constantFrom('.', '[', ')', '\\', '%', 'a', 'ü', '🐇', '$', '|', '/'))
    .map((parts) => parts.join(''));
  const bytes = (text: string) => Buffer.from(text).toString('latin1');
  fc.assert(
    fc.property(glob, taskId, (pattern, id) => {
      fc.pre(globMatcher(pattern)(id));
      // RabbitMQ's expressions see bytes.
      expect(bytes(`mcp:queue:${id}`)).toMatch(new RegExp(globToServerRegex('mcp:queue:', pattern), 's'));
    }),
    { numRuns: 500 },
  );
  expect('mcp:queue:axb').not.toMatch(new RegExp(globToServerRegex('mcp:queue:', 'a.b')));
});

test('the literal glob of a text matches that text alone', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '*', '?', '\\', '[', '.') });
  fc.assert(
    fc.property(text, text, (one, other) => globMatcher(literalGlob(one))(other) === (one === other)),
    {
      examples: [
        ['a*', 'ab'],
        ['\\?', '\\?'],
        ['a\\b', 'ab'],
      ],
    },
  );
});
