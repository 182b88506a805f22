import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WatchedTask } from '../../src/watch/watched-task.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const message = (body: string, messageId?: string) => ({
  taskId: 'task',
  body: Buffer.from(body),
  properties: messageId === undefined ? {} : { message_id: messageId },
  redelivered: false,
});

test.each([
  ['with', 'id-1'],
  ['without', undefined],
] as const)(
  'a message %s a message id that was peeked at is not shown again by the event that follows',
  (_, id) => {
    const task = new WatchedTask('task');
    const stored = message('{}', id);
    expect(task.notePeeked([stored])).toEqual([stored]);
    vi.advanceTimersByTime(60);
    expect(task.noteEnqueued(stored)).toBe(false);
    expect(task.noteEnqueued(stored)).toBe(true);
    expect(task.expected).toBe(2);
  },
);

test('a message without a message id that is like one that was peeked at long ago is another one', () => {
  const task = new WatchedTask('task');
  task.notePeeked([message('{}')]);
  task.noteRemoved(1);
  vi.advanceTimersByTime(1_000);
  expect(task.noteEnqueued(message('{}'))).toBe(true);
});
