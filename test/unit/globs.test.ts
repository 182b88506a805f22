import fc from 'fast-check';
import { expect, test } from 'vitest';
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
