import { expect, test } from 'vitest';
import { nextSteps } from '../../src/cli/describe/next-steps.ts';
import type { TaskReport } from '../../src/cli/describe/read-task.ts';

const EMPTY: TaskReport = {
  taskId: 'a',
  queue: 'mcp:queue:a',
  description: undefined,
  depth: { messages: 0, consumers: 0 },
  ready: 0,
  unacked: 0,
  state: 'running',
  bodyBytes: 0,
  consumerCount: 0,
  counts: undefined,
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
