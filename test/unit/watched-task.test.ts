import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StoredMessage } from '../../src/messages/stored-message.ts';
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
    vi.advanceTimersByTime(600);
    expect(task.noteEnqueued(stored)).toBe(false);
    expect(task.noteEnqueued(stored)).toBe(true);
    expect(task.expected).toBe(2);
  },
);

test('a message without a message id that is like one that was peeked at long ago is another one', () => {
  const task = new WatchedTask('task');
  task.notePeeked([message('{}')]);
  task.noteRemoved({ count: 1 });
  vi.advanceTimersByTime(1_001);
  expect(task.noteEnqueued(message('{}'))).toBe(true);
});

test.each([
  ['that was taken out', (task: WatchedTask) => task.noteRemoved({ count: 1, messageId: 'id-1' })],
  ['whose task was cleared', (task: WatchedTask) => task.noteRemoved({ count: 2 })],
  ['whose queue was seen empty', (task: WatchedTask) => task.noteDepth(0, task.mark())],
])('a message %s is shown when it comes again under its message id', (_, remove) => {
  const task = new WatchedTask('task');
  task.notePeeked([message('{}', 'id-1'), message('{}', 'id-2')]);
  vi.advanceTimersByTime(1_000);
  remove(task);
  expect(task.noteEnqueued(message('{}', 'id-1'))).toBe(true);
});

test('messages without events that are as large as each other are told apart', () => {
  const task = new WatchedTask('task');
  const [first, second] = ['x', 'y'].map((letter) => message(letter.repeat(100_000)));
  expect(task.notePeeked([first as StoredMessage])).toEqual([first]);
  expect(task.notePeeked([second as StoredMessage])).toEqual([second]);
});

test('a message whose event tells its size alone is known again, whichever is seen first', () => {
  const large = message('x'.repeat(100_000));
  const told = { ...large, body: undefined };
  const task = new WatchedTask('task');
  task.noteEnqueued(told);
  expect(task.notePeeked([large])).toEqual([]);
  const other = new WatchedTask('other');
  expect(other.notePeeked([large])).toEqual([large]);
  expect(other.noteEnqueued(told)).toBe(false);
});

test('what a reader without events took is not expected any longer, as soon as the statistics must know of it', () => {
  const task = new WatchedTask('task');
  task.noteEnqueued(message('{}'));
  vi.advanceTimersByTime(5_000);
  task.noteStatistics(0);
  expect(task.expected).toBe(1);
  vi.advanceTimersByTime(15_000);
  task.noteStatistics(0);
  expect(task.expected).toBe(0);
});

test('after a gap a queue is looked at that holds no more than was known', () => {
  const task = new WatchedTask('task');
  task.notePeeked(messages('a', 'b', 'c'));
  expect(task.noteDepth(2, task.mark())).toBe('no');
  task.noteGap();
  expect(task.noteDepth(2, task.mark())).toBe('maybe');
  expect(task.notePeeked(messages('d', 'e'), 2)).toEqual(messages('d', 'e'));
  expect(task.noteDepth(2, task.mark())).toBe('no');
  expect(task.noteDepth(3, task.mark())).toBe('yes');
});

test('what somebody else holds while the queue is looked at is not shown again when it is back', () => {
  const task = new WatchedTask('task');
  expect(task.notePeeked(messages('a', 'b', 'c'), 3)).toHaveLength(3);
  expect(task.notePeeked(messages(), 4)).toEqual([]);
  expect(task.notePeeked(messages('a', 'b', 'c', 'd'), 4)).toEqual(messages('d'));
});

test.each([['id'], [undefined]])(
  'events that waited while the queue was peeked at count from when they came (message id %s)',
  (id) => {
    const task = new WatchedTask('task');
    const [first, second] = [message('first', id && `${id}-1`), message('second', id && `${id}-2`)];
    task.notePeeked([first]);
    vi.advanceTimersByTime(1_000);
    const arrivedAt = performance.now();
    vi.advanceTimersByTime(100);
    expect(task.notePeeked([second])).toEqual([second]);
    vi.advanceTimersByTime(2_000);
    task.noteRemoved({ count: 1 }, arrivedAt);
    expect(task.noteEnqueued(second, arrivedAt)).toBe(false);
  },
);

test('what a peek held that was cut off is not shown again when the broker has put it back', () => {
  const task = new WatchedTask('task');
  const all = messages('a', 'b', 'c');
  task.notePeeked(all);
  task.notePeekFailed();
  // Nobody can see what the dead connection had, nor count it.
  expect(task.notePeeked(all.slice(0, 1))).toEqual([]);
  expect(task.notePeeked(all)).toEqual([]);
  vi.advanceTimersByTime(30_001);
  expect(task.notePeeked(all.slice(0, 1))).toEqual([]);
  expect(task.notePeeked(all)).toEqual(all.slice(1));
});

describe('the first look', () => {
  test('takes what came behind a message that an event told of for new, though its event is still to come', () => {
    const task = new WatchedTask('task');
    task.noteEnqueued(message('told'));
    expect(task.noteFirstPeek(messages('old', 'older', 'told', 'behind'))).toEqual({
      before: messages('old', 'older'),
      behind: messages('behind'),
    });
    expect(task.noteEnqueued(message('behind'))).toBe(false);
    expect(task.expected).toBe(4);
  });

  test('takes the newest of messages that are alike for those told of', () => {
    const task = new WatchedTask('task');
    task.noteEnqueued(message('{}'));
    expect(task.noteFirstPeek(messages('{}', '{}', '{}'))).toEqual({
      before: messages('{}', '{}'),
      behind: [],
    });
  });

  test('takes all for new where a reader has already taken what was told of, and so all before it', () => {
    const task = new WatchedTask('task');
    task.noteEnqueued(message('taken'));
    expect(task.noteFirstPeek(messages('new', 'newer'))).toEqual({
      before: [],
      behind: messages('new', 'newer'),
    });
  });
});
