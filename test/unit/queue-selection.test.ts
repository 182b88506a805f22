import { expect, test } from 'vitest';
import { LeftOut, selectQueues } from '../../src/cli/queues/queue-selection.ts';
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

// A list by name ends at its limit, unless somebody asks how many there are.
test.each([
  [{ limit: 4 }, 'abcd', 5],
  [{ min: 5, limit: 2 }, 'ac', 3],
  [{ sort: 'ready', limit: 3 }, 'cge', 6],
  [{ sort: 'ready', limit: 1 }, 'c', 8],
  [{ limit: 9 }, 'abcdefghi', 0],
] as const)('of a list in pages %j selects %s and counts %i more', async (selection, expected, more) => {
  const leftOut = new LeftOut();
  const selected: string[] = [];
  for await (const page of selectQueues(pages(), selection, { leftOut, countsBeyondLimit: true }))
    selected.push(...page.map(({ taskId }) => taskId));
  expect([selected.join(''), leftOut.beyondLimit]).toEqual([expected, more]);
});

test('a list by name is read no further than to its limit if nobody asks what is beyond it', async () => {
  let read = 0;
  async function* counted() {
    for await (const page of pages()) {
      read++;
      yield page;
    }
  }
  for await (const _ of selectQueues(counted(), { limit: 3 })) {
  }
  expect(read).toBe(2);
});

const HOUR = 3_600_000;

/** By age of the oldest message in hours, idle time in hours, and consumers; `?` is unknown, `-` has no messages. */
async function* aged() {
  const now = Date.now();
  yield ['a1 9 0', 'b7 2 1', 'c? 3 0', 'd- 5 0', 'e3 ? 0'].map((text): TaskQueueInfo => {
    const [name = '', idle = '', consumers = ''] = text.split(' ');
    const since = (hours: string) => (/\d/.test(hours) ? now - Number(hours) * HOUR : undefined);
    const statistics = {
      consumers: Number(consumers),
      idleSince: since(idle),
      oldestAt: since(name.slice(1)),
    };
    return { ...queue(name.charAt(0), name.endsWith('-') ? 0 : 1), isCounted: false, statistics };
  });
}

test.each([
  [{ sort: 'oldest' }, 'beacd'],
  [{ sort: 'oldest', reverse: true }, 'aebcd'],
  [{ sort: 'idle' }, 'adcbe'],
  [{ olderThan: 2 * HOUR }, 'be'],
  [{ consumers: false }, 'ace'],
] as const)('by the statistics %j selects %s', async (selection, expected) => {
  const selected: string[] = [];
  for await (const page of selectQueues(aged(), selection))
    selected.push(...page.map(({ taskId }) => taskId));
  expect(selected.join('')).toBe(expected);
});

test.each([
  [{ sort: 'oldest', limit: 1 }, 'abcde', 'c'],
  [{ olderThan: 9 * HOUR }, 'abce', 'c'],
  [{ limit: 2 }, 'ab', 'ab'],
  [{ sort: 'idle', limit: 1 }, 'a', 'a'],
] as const)('%j looks at the ages of %s, and selects %s', async (selection, lookedAt, expected) => {
  let looked = '';
  const selected: string[] = [];
  const pages = selectQueues(aged(), selection, {
    lookUp: async (queues) => {
      looked += queues.map(({ taskId }) => taskId).join('');
      for (const { taskId, statistics } of queues)
        if (taskId === 'c' && statistics) statistics.oldestAt = Date.now() - 99 * HOUR;
    },
  });
  for await (const page of pages) selected.push(...page.map(({ taskId }) => taskId));
  expect([looked, selected.join('')]).toEqual([lookedAt, expected]);
});
