import { expect, test } from 'vitest';
import { nextSteps } from '../../src/cli/describe/next-steps.ts';
import type { TaskReport } from '../../src/cli/describe/read-task.ts';

const EMPTY: TaskReport = {
  taskId: 'a',
  queue: 'mcp:queue:a',
  description: undefined,
  depth: { messages: 0, consumers: 0 },
  ready: 0,
  bodyBytes: 0,
  consumerCount: 0,
  counts: undefined,
  isStream: false,
  isLookRefused: false,
  missing: [],
};

test.each([
  ['a count: it is', EMPTY, ['mcp-taskq clear a']],
  ['statistics, which lack the last seconds: it is not', { ...EMPTY, depth: undefined }, []],
])('an empty queue is to be deleted by %s', (_what, report, commands) => {
  const steps = nextSteps(report, 0);
  expect(steps.map(({ command }) => command)).toEqual(commands);
});

test.each([
  ['a policy', 'classic', {}, { 'max-length': 3, overflow: 'reject-publish' }, true],
  ['a policy that dead-letters', 'classic', {}, { 'max-length': 3, overflow: 'reject-publish-dlx' }, true],
  ['its own arguments', 'classic', { 'x-max-length': 3, 'x-overflow': 'reject-publish' }, {}, true],
  ['a policy that drops the oldest', 'classic', {}, { 'max-length': 3 }, false],
  [
    'a policy that a quorum queue does not know',
    'quorum',
    {},
    { 'max-length': 3, overflow: 'reject-publish-dlx' },
    false,
  ],
])('whether a full queue rejects messages by %s', (_what, type, own, effectivePolicy, rejects) => {
  const description = { type, arguments: own, effectivePolicy, consumers: [] };
  const report = { ...EMPTY, ready: 3, description } as unknown as TaskReport;
  const reasons = nextSteps(report, 0).map(({ reason }) => reason);
  expect(reasons.includes('the queue is full and rejects new messages')).toBe(rejects);
});
