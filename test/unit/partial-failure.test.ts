import { afterAll, expect, test } from 'vitest';
import { partialFailure } from '../../src/cli/replay/partial-failure.ts';
import { listenForStop } from '../../src/cli/terminal/stop.ts';
import { ErrorCode, TaskQueueError } from '../../src/index.ts';

const CONTEXT = { note: () => {}, stop: listenForStop(undefined, 0) };
afterAll(() => CONTEXT.stop.release());

const messageAfter = (code: ErrorCode, done = 5) =>
  (partialFailure(CONTEXT, new TaskQueueError(code, 'It failed'), done, 'removed') as Error).message;

test.each([ErrorCode.connectionLost, ErrorCode.connectionFailed, ErrorCode.vhostNotFound])(
  'after %s, it is not said that the queue is as it was left',
  (code) => {
    expect(messageAfter(code)).toBe(
      'It failed. Before that, 5 messages were removed; some or all of them may be back in the queue, ' +
        'and any others are still there unless the queue was deleted.',
    );
  },
);

test('while the connection lasts, what was removed stays so, and the rest is where it was', () => {
  expect(messageAfter(ErrorCode.queueOverflow)).toBe(
    'It failed. Before that, 5 messages were removed; any others are still there.',
  );
});
