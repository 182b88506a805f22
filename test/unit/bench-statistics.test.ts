import { expect, test } from 'vitest';
import { medianInterval } from '../bench/statistics.js';

const ranks = (count: number) => Array.from({ length: count }, (_, index) => count - index);

test('the median of more such values lies, with 95 %, between these of them', () => {
  // From tables of the sign test.
  expect(medianInterval(ranks(6))).toEqual([1, 6]);
  expect(medianInterval(ranks(9))).toEqual([2, 8]);
  expect(medianInterval(ranks(17))).toEqual([5, 13]);
  expect(medianInterval(ranks(41))).toEqual([14, 28]);
});

test('few values leave no more than their ends', () => {
  expect(medianInterval([3])).toEqual([3, 3]);
  expect(medianInterval([3, 1, 2])).toEqual([1, 3]);
});
