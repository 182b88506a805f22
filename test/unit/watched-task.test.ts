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
const messages = (...bodies: string[]) => bodies.map((body) => message(body));
const now = () => performance.now();

test.each([
  ['with', 'id-1'],
  ['without', undefined],
] as const)('a message %s a message id that a look found is not shown again by its event', (_, id) => {
  const task = new WatchedTask('task');
  const stored = message('{}', id);
  expect(task.noteSeen([stored], 1)).toEqual([stored]);
  vi.advanceTimersByTime(600);
  expect(task.noteAnnounced(stored, now())).toBe(false);
  expect(task.noteAnnounced(stored, now())).toBe(true);
  expect(task.size).toBe(2);
});

test('a message without a message id that is like one found long ago is another one', () => {
  const task = new WatchedTask('task');
  task.noteSeen([message('{}')], 1);
  vi.advanceTimersByTime(2_001);
  expect(task.noteAnnounced(message('{}'), now())).toBe(true);
});

test.each([
  ['that was taken out', (task: WatchedTask) => task.noteRemoved(1, 'id-1', now())],
  ['whose task was cleared', (task: WatchedTask) => task.noteRemoved(2, undefined, now())],
  ['whose queue was seen empty', (task: WatchedTask) => task.noteDepth({ depth: 0, ...task.counts })],
])('a message %s is shown when an event announces it again under its message id', (_, remove) => {
  const task = new WatchedTask('task');
  task.noteSeen([message('{}', 'id-1'), message('{}', 'id-2')], 2);
  vi.advanceTimersByTime(1_000);
  remove(task);
  expect(task.noteAnnounced(message('{}', 'id-1'), now())).toBe(true);
});

test('an event of a removal that happened before a look says nothing about what the look found', () => {
  const task = new WatchedTask('task');
  const stored = message('{}', 'id');
  task.noteSeen([stored], 1);
  task.noteRemoved(1, undefined, now() + 100);
  expect(task.noteAnnounced(stored, now() + 100)).toBe(false);
});

test('what an event announced before the snapshot, and was taken by then, is not part of the watch', () => {
  const task = new WatchedTask('task');
  const [taken, kept] = [message('taken'), message('kept')];
  const arrivedAt = now();
  vi.advanceTimersByTime(10);
  task.snapshotAt = now();
  expect(task.noteSeen([kept], 1)).toEqual([kept]);
  expect(task.noteAnnounced(taken, arrivedAt)).toBe(false);
  task.noteRemoved(1, undefined, arrivedAt);
  expect(task.noteAnnounced(kept, arrivedAt)).toBe(false);
  expect(task.size).toBe(1);
});

test('a depth is explained by what events announced, and not by what was removed before', () => {
  const task = new WatchedTask('task');
  for (const each of messages('a', 'b')) task.noteAnnounced(each, now());
  const before = task.counts;
  task.noteRemoved(1, undefined, now());
  expect(task.noteDepth({ depth: 2, ...before })).toBe(0);
  expect(task.noteDepth({ depth: 3, ...before })).toBe(1);
  task.noteDepth({ depth: 0, ...task.counts });
  expect(task.size).toBe(0);
});

test('a message that a reader holds for long is removed once, when its event comes', () => {
  const task = new WatchedTask('task');
  for (const each of messages('a', 'b', 'c')) task.noteAnnounced(each, now());
  expect(task.noteDepth({ depth: 2, ...task.counts })).toBe(0);
  expect(task.size).toBe(2);
  task.noteRemoved(1, undefined, now());
  expect(task.noteDepth({ depth: 2, ...task.counts })).toBe(0);
  expect(task.size).toBe(2);
});

test('a message that a reader gave back is in the queue again', () => {
  const task = new WatchedTask('task');
  task.noteSeen(messages('a', 'b'), 2);
  task.noteDepth({ depth: 1, ...task.counts });
  expect(task.noteSeen(messages('a', 'b'), 2)).toEqual([]);
  expect(task.size).toBe(2);
  task.noteRemoved(1, undefined, now());
  expect(task.size).toBe(1);
});

test('what a reader holds while the queue is looked at is not shown again when it is back', () => {
  const task = new WatchedTask('task');
  expect(task.noteSeen(messages('a', 'b', 'c'), 3)).toHaveLength(3);
  expect(task.noteSeen([], 4)).toEqual([]);
  expect(task.noteSeen(messages('a', 'b', 'c', 'd'), 4)).toEqual(messages('d'));
});

test('a message with an id is not shown again though the queue was seen without it; one without an id is', () => {
  const task = new WatchedTask('task');
  const both = [message('a', 'id'), message('b')];
  task.noteSeen(both, 2);
  task.noteSeen([], 0);
  expect(task.noteSeen(both, 2)).toEqual(messages('b'));
});

test('of messages that were never seen only the newest are new', () => {
  const task = new WatchedTask('task');
  task.noteUnseen(2);
  expect(task.noteSeen(messages('old', 'old too', 'new'), 3)).toEqual(messages('new'));
  expect(task.noteSeen(messages('other'), 1)).toEqual(messages('other'));
});

const others = (count: number, body = 'other') =>
  Array.from({ length: count }, (_, index) => message(`${body} ${index}`, `${body} ${index}`));

test('a message that is forgotten, as 2,000 came after it, is not shown again', () => {
  const task = new WatchedTask('task');
  task.noteAnnounced(message('old', 'old'), now());
  for (const each of others(2_000)) {
    task.noteAnnounced(each, now());
    task.noteRemoved(1, undefined, now());
  }
  const foreign = message('foreign', 'foreign');
  expect(task.noteSeen([message('old', 'old'), foreign], 2)).toEqual([foreign]);
});

test('a message in the queue is not forgotten while looks find it', () => {
  const task = new WatchedTask('task');
  const old = message('old', 'old');
  task.noteSeen([old], 1);
  vi.advanceTimersByTime(2_001);
  for (const each of others(1_500)) task.noteAnnounced(each, now());
  task.noteRemoved(1_500, undefined, now());
  task.noteSeen([old], 1);
  for (const each of others(1_500, 'another')) task.noteAnnounced(each, now());
  expect(task.noteAnnounced(old, now())).toBe(false);
});

test('a message that a look has just found is not shown again by its event, however many come in between', () => {
  const task = new WatchedTask('task');
  task.noteSeen([message('found', 'found')], 1);
  for (const each of others(3_000)) task.noteAnnounced(each, now());
  expect(task.noteAnnounced(message('found', 'found'), now())).toBe(false);
});

test('messages that a look has found are not missed, though their events are', () => {
  const task = new WatchedTask('task');
  task.noteSeen([message('before', 'id-0')], 1);
  vi.advanceTimersByTime(10);
  const since = now();
  vi.advanceTimersByTime(10);
  task.noteSeen([message('before', 'id-0'), message('x', 'id-1'), message('foreign')], 3);
  task.noteSeen([], 0);
  expect(task.noteMissing(3, since)).toBe(2);
  expect(task.noteMissing(1, since)).toBe(1);
});
