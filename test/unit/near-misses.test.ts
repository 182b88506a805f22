import { expect, test } from 'vitest';
import { closest } from '../../src/cli/text/near-misses.ts';
import { editDistance } from '../../src/options/edit-distance.ts';

test.each([
  ['abc', 'abc', 0],
  ['abc', 'abd', 1],
  ['abc', 'acb', 1],
  ['abc', 'ab', 1],
  ['', 'ab', 2],
  ['kitten', 'sitting', 3],
])('from %j to %j it takes %i edits', (a, b, distance) => {
  expect(editDistance(a, b, 5)).toBe(distance);
  expect(editDistance(b, a, 5)).toBe(distance);
});

test('what is further away than the bound is not measured', () => {
  expect(editDistance('kitten', 'sitting', 2)).toBe(3);
  expect(editDistance('a', 'abcdefgh', 2)).toBe(3);
});

test('the closest names come first, and those that have little in common not at all', () => {
  const names = ['786512e2-f44', '786512e3-f45', '786512e2-f45', 'other'];
  expect(closest('786512e2-f46', names)).toEqual(['786512e2-f44', '786512e2-f45', '786512e3-f45']);
  expect(closest('x', ['other'])).toEqual([]);
});
