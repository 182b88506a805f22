import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { nextSteps } from '../../src/cli/describe/next-steps.ts';
import type { TaskReport } from '../../src/cli/describe/read-task.ts';
import { viewTask } from '../../src/cli/describe/task-view.ts';
import { drawQueues, type LiveQueues } from '../../src/cli/output/live-queues.ts';
import { MessageTable } from '../../src/cli/output/message-table.ts';
import { QueueTable } from '../../src/cli/output/queue-table.ts';
import { QueueTotals } from '../../src/cli/output/queue-totals.ts';
import { watchLine } from '../../src/cli/output/watch-lines.ts';
import { SORT_KEYS } from '../../src/cli/queues/queue-selection.ts';
import { shownWidth } from '../../src/cli/text/wrap.ts';
import type { StoredMessage, TaskQueueInfo } from '../../src/index.ts';

const colors = new Chalk({ level: 0 });
const NOW = Date.UTC(2026, 10, 28, 12);
const WIDTHS = [40, 50, 60, 80];

const UUID = '786512e2-1b2c-4d5e-8f90-a1b2c3d4e5f6';
const LONG_ID = `long-${'abcdefghij'.repeat(19)}-end`;
const IDS = [UUID, LONG_ID, '作業-三つの古いファイルを削除しますか', 'fiesta-🎉🎉'];

function message(taskId: string, method: string, id?: number): StoredMessage {
  const params = { message: 'Delete three old files in the folder, please?' };
  const type = id === undefined ? 'notification' : 'request';
  const timestamp = new Date(NOW - 71 * 60_000).toISOString();
  const body = JSON.stringify({ type, message: { jsonrpc: '2.0', id, method, params }, timestamp });
  return { taskId, redelivered: false, properties: {}, body: Buffer.from(body) };
}

function queue(taskId: string): TaskQueueInfo {
  const statistics = { consumers: 1, idleSince: NOW - 71 * 60_000, oldestAt: NOW - 71 * 60_000 };
  const known = { type: 'quorum', state: 'minority', isCounted: false, unacked: 7, statistics };
  return { taskId, ready: 12_345, ...known };
}

const widest = (lines: readonly string[]) => Math.max(...lines.map(shownWidth));

describe.each(WIDTHS)('on %i columns', (width) => {
  test.each(SORT_KEYS)('a list by %s shows what it is sorted by', (sort) => {
    const titles = {
      name: 'TASK',
      ready: 'READY',
      unacked: 'UNACKED',
      consumers: 'CONS',
      oldest: 'OLDEST',
      idle: 'IDLE',
    };
    const table = new QueueTable({ width, colors, sort, showsIdle: sort === 'idle' });
    const [head] = table.lines([queue(UUID)], NOW);
    expect(head).toMatch(new RegExp(`\\b${titles[sort]}\\b`));
  });

  test.each([false, true])('the live list fits, with -o wide: %s', (isWide) => {
    const totals = Object.assign(new QueueTotals(), {
      queues: 4,
      ready: 49_380,
      unacked: 28,
      beyondLimit: 1_234,
    });
    const shown: LiveQueues = {
      title: 'a pattern that is longer than a narrow terminal is wide, by far',
      intervalMs: 2_000,
      sort: 'oldest',
      showsIdle: false,
      offset: 0,
      last: { at: NOW, queues: IDS.map(queue), totals },
      previous: undefined,
      recent: [],
      trouble: 'Cannot reach the management API at http://127.0.0.1:15672: nothing listens there',
    };
    const { lines } = drawQueues(shown, { rows: 24, columns: width }, { colors, isWide });
    expect(widest(lines)).toBeLessThanOrEqual(width);
    // Nothing of it is lost.
    expect(lines.join(' ')).toContain('nothing listens there');
    expect(lines.join(' ')).toContain('4 of 1,238 task queues, 49,380 messages ready, 28 unacknowledged');
    expect(lines.filter((line) => line.includes('quorum') || line.includes('minority'))).toHaveLength(4);
  });

  test('one message with a long method does not cost the others the column', () => {
    const others = [message(UUID, 'notifications/progress'), message(UUID, 'elicitation/create', 7)];
    for (const method of [`notifications/${'x/'.repeat(140)}progress`, 'z'.repeat(300)]) {
      const lines = new MessageTable({ width, colors })
        .rows([message(UUID, method), ...others], NOW)
        .split('\n');
      expect(lines[0]).toContain('METHOD');
      if (width >= 80) expect(lines[0]).toContain('TYPE');
      expect(lines[1]).toMatch(method.endsWith('progress') ? /…\/progress / : /…z+ /);
      expect(lines[2]).toMatch(/\/progress /);
      expect(lines[3]).toMatch(/\/create /);
      expect(widest(lines)).toBeLessThanOrEqual(width);
    }
  });

  test('messages of several tasks name their tasks, however long the ids are', () => {
    const messages = IDS.map((id) => message(id, 'elicitation/create', 7));
    const lines = new MessageTable({ width, colors, showTask: true }).rows(messages, NOW).split('\n');
    expect(lines[0]).toMatch(/^TASK /);
    expect(lines[2]).toMatch(/^long-.*….*-end /);
    expect(lines[2]).toContain('Delete three');
    expect(widest(lines)).toBeLessThanOrEqual(width);
  });

  test.each([true, false])('what is watched fits, with a column for the task: %s', (showTask) => {
    for (const id of IDS) {
      const item = {
        kind: 'message',
        source: 'event',
        at: NOW,
        message: message(id, 'notifications/progress'),
      };
      const line = watchLine(item as never, { width, colors, showTask, now: NOW });
      expect(shownWidth(line.trimEnd())).toBeLessThanOrEqual(width);
      expect(line).toContain('/progress');
    }
  });

  test('the description of a task fits, except for ids and commands to be copied', () => {
    const group = (method: string) => ({ type: 'notification', method, count: 1 });
    const method = `notifications/${'x/'.repeat(140)}progress`;
    const report: TaskReport = {
      taskId: LONG_ID,
      queue: `mcp:queue:${LONG_ID}`,
      description: {
        taskId: LONG_ID,
        queue: `mcp:queue:${LONG_ID}`,
        type: 'classic',
        state: 'running',
        node: 'rabbit@a',
        members: [],
        online: [],
        hasStatistics: true,
        arePoliciesCurrent: true,
        arguments: {},
        policy: undefined,
        operatorPolicy: undefined,
        effectivePolicy: {},
        ready: 2,
        unacked: 3,
        bodyBytes: 4_000,
        isBodyBytesCurrent: true,
        idleSince: undefined,
        oldestAt: undefined,
        consumers: [],
      },
      depth: undefined,
      ready: 2,
      bodyBytes: 4_000,
      consumerCount: 0,
      counts: {
        lookedAt: 2,
        isAll: true,
        oldest: { type: 'request', method: 'elicitation/create', id: '7', queuedAt: NOW - 71 * 60_000 },
        newest: undefined,
        groups: [group(method), { type: 'request', method: 'elicitation/create', count: 1 }],
        bytes: 4_000,
      },
      isStream: false,
      isLookRefused: false,
      missing: [],
    };
    const steps = nextSteps(report, NOW);
    const lines = viewTask(report, steps, { width, colors, now: NOW }).split('\n');
    expect(widest(lines.filter((line) => !line.includes(LONG_ID)))).toBeLessThanOrEqual(width);
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}1 {2}notification {2}…\/progress$/));
    // A shell takes a line with a reason for a comment, also the second line of one.
    const [, next = ''] = lines.join('\n').split('What to do next\n');
    for (const line of next.trimEnd().split('\n')) expect(line).toMatch(/^ {2}(?:# |mcp-taskq )/);
  });
});
