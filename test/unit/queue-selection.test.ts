import { expect, test } from 'vitest';
import { selectQueues } from '../../src/cli/queues/queue-selection.ts';
import type { TaskQueueInfo } from '../../src/index.ts';

function queue(taskId: string, ready: number): TaskQueueInfo {
  return {
    taskId,
    ready,
    unacked: 0,
    type: 'classic',
    state: 'running',
    isCounted: true,
    statistics: undefined,
  };
}

async function* pages() {
  for (const page of ['a5 b1', 'c9', 'd5 e7', 'f2 g8 h0', 'i3'])
    yield page.split(' ').map((word) => queue(word.charAt(0), Number(word.slice(1))));
}

test.each([
  [{ sort: 'ready' }, 'cgeadifbh'],
  [{ sort: 'ready', limit: 1 }, 'c'],
  [{ sort: 'ready', limit: 3 }, 'cge'],
  [{ sort: 'ready', reverse: true, limit: 2 }, 'hb'],
  [{ reverse: true, limit: 4 }, 'ihgf'],
  [{ limit: 4 }, 'abcd'],
] as const)('of a list in pages %j selects %s', async (selection, expected) => {
  const selected: string[] = [];
  for await (const page of selectQueues(pages(), selection))
    selected.push(...page.map(({ taskId }) => taskId));
  expect(selected.join('')).toBe(expected);
});
