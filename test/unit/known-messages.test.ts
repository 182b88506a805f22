import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KnownMessages } from '../../src/watch/known-messages.ts';

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
  const known = new KnownMessages();
  const stored = message('{}', id);
  expect(known.noteSeen([stored], 1)).toEqual([stored]);
  vi.advanceTimersByTime(600);
  expect(known.noteAnnounced(stored, now())).toBe(false);
  expect(known.noteAnnounced(stored, now())).toBe(true);
  expect(known.size).toBe(2);
});

test('a message without a message id that is like one found long ago is another one', () => {
  const known = new KnownMessages();
  known.noteSeen([message('{}')], 1);
  vi.advanceTimersByTime(2_001);
  expect(known.noteAnnounced(message('{}'), now())).toBe(true);
});

test.each([
  ['that was taken out', (known: KnownMessages) => known.noteRemoved(1, 'id-1', now())],
  ['whose task was cleared', (known: KnownMessages) => known.noteRemoved(2, undefined, now())],
  ['whose queue was seen empty', (known: KnownMessages) => known.noteDepth({ depth: 0, ...known.counts })],
])('a message %s is shown when an event announces it again under its message id', (_, remove) => {
  const known = new KnownMessages();
  known.noteSeen([message('{}', 'id-1'), message('{}', 'id-2')], 2);
  vi.advanceTimersByTime(1_000);
  remove(known);
  expect(known.noteAnnounced(message('{}', 'id-1'), now())).toBe(true);
});

test('an event of a removal that happened before a look says nothing about what the look found', () => {
  const known = new KnownMessages();
  const stored = message('{}', 'id');
  known.noteSeen([stored], 1);
  known.noteRemoved(1, undefined, now() + 100);
  expect(known.noteAnnounced(stored, now() + 100)).toBe(false);
});

test('what an event announced before the snapshot, and was taken by then, is not part of the watch', () => {
  const known = new KnownMessages();
  const [taken, kept] = [message('taken'), message('kept')];
  const arrivedAt = now();
  vi.advanceTimersByTime(10);
  known.snapshotAt = now();
  expect(known.noteSeen([kept], 1)).toEqual([kept]);
  expect(known.noteAnnounced(taken, arrivedAt)).toBe(false);
  known.noteRemoved(1, undefined, arrivedAt);
  expect(known.noteAnnounced(kept, arrivedAt)).toBe(false);
  expect(known.size).toBe(1);
});

test('a depth is explained by what events announced, and not by what was removed before', () => {
  const known = new KnownMessages();
  for (const each of messages('a', 'b')) known.noteAnnounced(each, now());
  const before = known.counts;
  known.noteRemoved(1, undefined, now());
  expect(known.noteDepth({ depth: 2, ...before })).toBe(0);
  expect(known.noteDepth({ depth: 3, ...before })).toBe(1);
  known.noteDepth({ depth: 0, ...known.counts });
  expect(known.size).toBe(0);
});

test('a message that a reader holds for long is removed once, when its event comes', () => {
  const known = new KnownMessages();
  for (const each of messages('a', 'b', 'c')) known.noteAnnounced(each, now());
  expect(known.noteDepth({ depth: 2, ...known.counts })).toBe(0);
  expect(known.size).toBe(2);
  known.noteRemoved(1, undefined, now());
  expect(known.noteDepth({ depth: 2, ...known.counts })).toBe(0);
  expect(known.size).toBe(2);
});

test('a message that a reader gave back is in the queue again', () => {
  const known = new KnownMessages();
  known.noteSeen(messages('a', 'b'), 2);
  known.noteDepth({ depth: 1, ...known.counts });
  expect(known.noteSeen(messages('a', 'b'), 2)).toEqual([]);
  expect(known.size).toBe(2);
  known.noteRemoved(1, undefined, now());
  expect(known.size).toBe(1);
});

test('what a reader holds while the queue is looked at is not shown again when it is back', () => {
  const known = new KnownMessages();
  expect(known.noteSeen(messages('a', 'b', 'c'), 3)).toHaveLength(3);
  expect(known.noteSeen([], 4)).toEqual([]);
  expect(known.noteSeen(messages('a', 'b', 'c', 'd'), 4)).toEqual(messages('d'));
});

test('a message with an id is not shown again though the queue was seen without it; one without an id is', () => {
  const known = new KnownMessages();
  const both = [message('a', 'id'), message('b')];
  known.noteSeen(both, 2);
  known.noteSeen([], 0);
  expect(known.noteSeen(both, 2)).toEqual(messages('b'));
});

test('of messages that were never seen only the newest are new', () => {
  const known = new KnownMessages();
  known.noteUnseen(2);
  expect(known.noteSeen(messages('old', 'old too', 'new'), 3)).toEqual(messages('new'));
  expect(known.noteSeen(messages('other'), 1)).toEqual(messages('other'));
});

const others = (count: number, body = 'other') =>
  Array.from({ length: count }, (_, index) => message(`${body} ${index}`, `${body} ${index}`));

test('a message that is forgotten, as 2,000 came after it, is not shown again', () => {
  const known = new KnownMessages();
  known.noteAnnounced(message('old', 'old'), now());
  for (const each of others(2_000)) {
    known.noteAnnounced(each, now());
    known.noteRemoved(1, undefined, now());
  }
  const foreign = message('foreign', 'foreign');
  expect(known.noteSeen([message('old', 'old'), foreign], 2)).toEqual([foreign]);
});

test('a message in the queue is not forgotten while looks find it', () => {
  const known = new KnownMessages();
  const old = message('old', 'old');
  known.noteSeen([old], 1);
  vi.advanceTimersByTime(2_001);
  for (const each of others(1_500)) known.noteAnnounced(each, now());
  known.noteRemoved(1_500, undefined, now());
  known.noteSeen([old], 1);
  for (const each of others(1_500, 'another')) known.noteAnnounced(each, now());
  expect(known.noteAnnounced(old, now())).toBe(false);
});

test('a message that a look has just found is not shown again by its event, however many come in between', () => {
  const known = new KnownMessages();
  known.noteSeen([message('found', 'found')], 1);
  for (const each of others(3_000)) known.noteAnnounced(each, now());
  expect(known.noteAnnounced(message('found', 'found'), now())).toBe(false);
});

test('messages that a look has found are not missed, though their events are', () => {
  const known = new KnownMessages();
  known.noteSeen([message('before', 'id-0')], 1);
  vi.advanceTimersByTime(10);
  const since = now();
  vi.advanceTimersByTime(10);
  known.noteSeen([message('before', 'id-0'), message('x', 'id-1'), message('foreign')], 3);
  known.noteSeen([], 0);
  expect(known.noteMissing(3, since)).toBe(2);
  expect(known.noteMissing(1, since)).toBe(1);
});

test('messages that were counted are not missed too, though their events are', () => {
  const known = new KnownMessages();
  known.noteCounted(3);
  expect(known.noteMissing(5, now())).toBe(2);
  expect(known.size).toBe(5);
  known.noteCounted(1);
  known.noteAnnounced(message('x'), now());
  expect(known.noteMissing(1, now())).toBe(1);
});
