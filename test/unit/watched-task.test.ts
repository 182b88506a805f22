import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WatchedTask } from '../../src/watch/watched-task.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const message = (body: string, messageId?: string) => ({
  taskId: 'task',
  body: Buffer.from(body),
  bodyBytes: body.length,
  properties: messageId === undefined ? {} : { message_id: messageId },
  redelivered: false,
});
const messages = (...bodies: string[]) => bodies.map((body) => message(body));

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

describe('the first look', () => {
  test('takes what came behind a message that an event told of for new, though its event is still to come', () => {
    const task = new WatchedTask('task');
    task.noteEnqueued(message('told'));
    expect(task.noteFirstPeek(messages('old', 'older', 'told', 'behind'))).toEqual({
      before: messages('old', 'older'),
      since: messages('behind'),
    });
    expect(task.noteEnqueued(message('behind'))).toBe(false);
    expect(task.expected).toBe(4);
  });

  test('takes the newest of messages that are alike for those told of', () => {
    const task = new WatchedTask('task');
    task.noteEnqueued(message('{}'));
    expect(task.noteFirstPeek(messages('{}', '{}', '{}'))).toEqual({
      before: messages('{}', '{}'),
      since: [],
    });
  });

  test('takes all for new where a reader has already taken what was told of, and so all before it', () => {
    const task = new WatchedTask('task');
    task.noteEnqueued(message('taken'));
    expect(task.noteFirstPeek(messages('new', 'newer'))).toEqual({
      before: [],
      since: messages('new', 'newer'),
    });
  });

  test('knows a message that is too large for its event again, by its size', () => {
    const task = new WatchedTask('task');
    const large = message('x'.repeat(100_000));
    task.noteEnqueued({ ...large, body: undefined });
    expect(task.noteFirstPeek([large])).toEqual({ before: [], since: [] });
  });
});
