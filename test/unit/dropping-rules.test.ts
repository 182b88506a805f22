import { expect, test } from 'vitest';
import { droppingRules } from '../../src/cli/replay/dropping-rules.ts';

const queue = (more: object) => ({
  type: 'classic',
  arguments: {},
  policy: undefined,
  operatorPolicy: undefined,
  effectivePolicy: {},
  arePoliciesCurrent: false,
  hasStatistics: true,
  ...more,
});

test('a policy counts as soon as the API names it, and none only with the numbers', () => {
  const limited = { policy: 'p', effectivePolicy: { 'max-length': 2 } };
  expect(droppingRules(queue({ ...limited, hasStatistics: false }))).toMatchObject({ messages: 2 });
  expect(droppingRules(queue({ hasStatistics: false }))).toBeUndefined();
  expect(droppingRules(queue({ hasStatistics: false, arePoliciesCurrent: true }))).toEqual({});
  expect(droppingRules(queue({}))).toMatchObject({ messages: undefined, bytes: undefined });
});

test('the lower one of an argument and a policy holds, unless messages are rejected', () => {
  const both = { arguments: { 'x-max-length': 5 }, effectivePolicy: { 'max-length': 3 } };
  expect(droppingRules(queue(both))).toMatchObject({ messages: 3 });
  const rejecting = { arguments: { 'x-max-length': 5, 'x-overflow': 'reject-publish' } };
  expect(droppingRules(queue(rejecting))).toMatchObject({ messages: undefined });
});
