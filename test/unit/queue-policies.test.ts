import { expect, test } from 'vitest';
import type { ManagementApi } from '../../src/management/management-api.ts';
import { findPolicies } from '../../src/management/queue-policies.ts';

const policy = (name: string, pattern: string, definition: object, more: object = {}) => ({
  name,
  pattern,
  definition,
  'apply-to': 'all',
  priority: 0,
  ...more,
});

function find(policies: object[], operatorPolicies: object[] = [], queue = 'mcp:queue:a-é') {
  const get = async (path: string) => (path === 'policies/v%2F' ? policies : operatorPolicies);
  return findPolicies({ vhost: 'v/', get } as unknown as ManagementApi, queue, 'classic');
}

test('the matching policy with the highest priority applies, within the numbers of an operator policy', async () => {
  const policies = [
    policy('low', '^mcp', { 'max-length': 1 }),
    policy('high', '^mcp', { 'max-length': 9, overflow: 'reject-publish' }, { priority: 2 }),
    policy('other', '^other', { 'max-length': 2 }, { priority: 3 }),
    policy('quorum', '^mcp', { 'max-length': 3 }, { priority: 4, 'apply-to': 'quorum_queues' }),
    policy('exchanges', '^mcp', {}, { priority: 5, 'apply-to': 'exchanges' }),
  ];
  const operator = policy('operator', '', { 'max-length': 5, expires: 7 }, { 'apply-to': 'classic_queues' });
  expect(await find(policies, [operator])).toEqual({
    policy: 'high',
    operatorPolicy: 'operator',
    effectivePolicy: { 'max-length': 5, overflow: 'reject-publish', expires: 7 },
  });
  expect(await find([])).toEqual({ policy: undefined, operatorPolicy: undefined, effectivePolicy: {} });
});

test.each([
  ['^mcp\\:queue\\:a\\-', true],
  ['^mcp:queue:a-..$', true],
  ['^mcp:queue:a-.$', false],
  ['a[\\-x]é', true],
  ['\\\\', false],
])('a pattern matches bytes: %s', async (pattern, isMatch) => {
  expect((await find([policy('p', pattern, {})]))?.policy).toBe(isMatch ? 'p' : undefined);
});

test.each(['\\Amcp', '[[:alpha:]]', '(?i)MCP', 'a++', '\\Qa\\E'])(
  'nothing is claimed of a pattern that JavaScript does not have: %s',
  async (pattern) => {
    expect(await find([policy('p', pattern, {})])).toBeUndefined();
  },
);

test('nor of two policies with one priority', async () => {
  expect(await find([policy('a', 'm', {}), policy('b', 'm', {})])).toBeUndefined();
});

test.each([null, {}, [null], [{ pattern: null, priority: 0, 'apply-to': 'all' }]])(
  'nor of an answer that RabbitMQ does not give: %j',
  async (answer) => {
    expect(await find(answer as object[])).toBeUndefined();
  },
);
