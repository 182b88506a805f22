import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { StoredMessage } from '../../src/index.ts';
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
/** @returns whether a message is shown whose event arrives, with none missing before it */
const announce = (known: KnownMessages, announced: ReturnType<typeof message>, arrivedAt = now()) =>
  known.noteAnnounced(announced, { count: 0, since: 0 }, arrivedAt).isNew;
/** @returns how many are missed whose events are missing before that of a new message */
const missed = (known: KnownMessages, count: number, since: number) =>
  known.noteAnnounced(message('after', 'after'), { count, since }, now()).missed;

test.each([
  ['with', 'id-1'],
  ['without', undefined],
] as const)('a message %s a message id that a look found is not shown again by its event', (_, id) => {
  const known = new KnownMessages();
  const stored = message('{}', id);
  expect(known.noteSeen([stored], 1)).toEqual([stored]);
  vi.advanceTimersByTime(600);
  expect(announce(known, stored)).toBe(false);
  expect(announce(known, stored)).toBe(true);
  expect(known.size).toBe(2);
});

test('a message without a message id that is like one found long ago is another one', () => {
  const known = new KnownMessages();
  known.noteSeen([message('{}')], 1);
  vi.advanceTimersByTime(2_001);
  expect(announce(known, message('{}'))).toBe(true);
});

test.each([
  ['that was taken out', (known: KnownMessages) => known.noteRemoved(1, 'id-1', now())],
  ['that a drain took out', (known: KnownMessages) => known.noteRemoved(1, undefined, now())],
  ['whose task was cleared', (known: KnownMessages) => known.noteRemoved(2, undefined, now())],
  ['whose queue was seen empty', (known: KnownMessages) => known.noteDepth(0)],
])('a message %s is shown when an event announces it again under its message id', (_, remove) => {
  const known = new KnownMessages();
  known.noteSeen([message('{}', 'id-1'), message('{}', 'id-2')], 2);
  vi.advanceTimersByTime(1_000);
  remove(known);
  expect(announce(known, message('{}', 'id-1'))).toBe(true);
});

test('an event of a removal that happened before a look says nothing about what the look found', () => {
  const known = new KnownMessages();
  const stored = message('{}', 'id');
  known.noteSeen([stored], 1);
  known.noteRemoved(1, undefined, now() + 100);
  expect(announce(known, stored, now() + 100)).toBe(false);
});

test('what an event announced before the snapshot, and was taken by then, is not part of the watch', () => {
  const [taken, kept] = [message('taken'), message('kept')];
  const arrivedAt = now();
  vi.advanceTimersByTime(10);
  const known = new KnownMessages();
  known.begunAt = now();
  expect(known.noteSeen([kept], 1)).toEqual([kept]);
  expect(announce(known, taken, arrivedAt)).toBe(false);
  known.noteRemoved(1, undefined, arrivedAt);
  expect(announce(known, kept, arrivedAt)).toBe(false);
  expect(known.size).toBe(1);
});

test('a depth is explained by what events announced, and not by what was removed before', () => {
  const known = new KnownMessages();
  for (const each of messages('a', 'b')) announce(known, each);
  known.noteDepth(4);
  expect(known.unexplained).toBe(2);
  known.noteRemoved(1, undefined, now());
  announce(known, message('c'));
  expect(known.unexplained).toBe(1);
  known.noteDepth(0);
  expect(known.size).toBe(0);
});

test('a message that a reader holds for long is removed once, when its event comes', () => {
  const known = new KnownMessages();
  for (const each of messages('a', 'b', 'c')) announce(known, each);
  known.noteDepth(2);
  expect(known.unexplained).toBe(0);
  expect(known.size).toBe(2);
  known.noteRemoved(1, undefined, now());
  known.noteDepth(2);
  expect(known.unexplained).toBe(0);
  expect(known.size).toBe(2);
});

test('a message that a reader gave back is in the queue again', () => {
  const known = new KnownMessages();
  known.noteSeen(messages('a', 'b'), 2);
  known.noteDepth(1);
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

test('a message in the queue is not forgotten while looks find it', () => {
  const known = new KnownMessages();
  const old = message('old', 'old');
  known.noteSeen([old], 1);
  vi.advanceTimersByTime(2_001);
  for (const each of others(1_500)) announce(known, each);
  known.noteRemoved(1_500, undefined, now());
  known.noteSeen([old], 1);
  for (const each of others(1_500, 'another')) announce(known, each);
  expect(announce(known, old)).toBe(false);
});

test('a message that a look has just found is not shown again by its event, however many come in between', () => {
  const known = new KnownMessages();
  known.noteSeen([message('found', 'found')], 1);
  for (const each of others(3_000)) announce(known, each);
  expect(announce(known, message('found', 'found'))).toBe(false);
});

test('messages that a look has found are not missed, though their events are', () => {
  const known = new KnownMessages();
  known.noteSeen([message('before', 'id-0')], 1);
  vi.advanceTimersByTime(10);
  const since = now();
  vi.advanceTimersByTime(10);
  known.noteSeen([message('before', 'id-0'), message('x', 'id-1'), message('foreign')], 3);
  known.noteSeen([], 0);
  expect(missed(known, 3, since)).toBe(2);
  expect(missed(known, 1, since)).toBe(1);
});

test('messages that were counted are not missed too, though their events are', () => {
  const known = new KnownMessages();
  known.noteDepth(3);
  known.noteCounted();
  const since = now();
  expect(missed(known, 5, since)).toBe(2);
  expect(known.size).toBe(4);
  known.noteDepth(5);
  known.noteCounted();
  announce(known, message('x'));
  expect(missed(known, 1, since)).toBe(1);
});

test('messages that a look has found behind another one are not those that are missing before it', () => {
  const known = new KnownMessages();
  const found = [message('x', 'id-1'), message('y', 'id-2'), message('z', 'id-3')];
  known.noteSeen(found, 3);
  const [x, y, z] = found as [StoredMessage, StoredMessage, StoredMessage];
  expect(known.noteAnnounced(y, { count: 2, since: 0 }, now())).toEqual({ isNew: false, missed: 1 });
  expect(known.noteAnnounced(z, { count: 0, since: 0 }, now())).toEqual({ isNew: false, missed: 0 });
  expect(known.noteAnnounced(x, { count: 0, since: 0 }, now()).isNew).toBe(true);
});

test('a message that a reader held while others were found is older than these', () => {
  const known = new KnownMessages();
  const [held, later, last] = [message('x', 'id-1'), message('y', 'id-2'), message('z', 'id-3')];
  known.noteSeen([later, last], 2);
  known.noteSeen([held, later, last], 3);
  // Two came before it, and were gone before the first look.
  expect(known.noteAnnounced(held, { count: 2, since: 0 }, now())).toEqual({ isNew: false, missed: 2 });
  expect(announce(known, later)).toBe(false);
  expect(announce(known, last)).toBe(false);
});

test('what a look has found is newer than a message that was gone by then, and is not what is missing before it', () => {
  const known = new KnownMessages();
  const arrivedAt = now();
  vi.advanceTimersByTime(10);
  const found = message('x', 'id-2');
  known.noteSeen([found], 1);
  expect(known.noteAnnounced(message('y', 'id-1'), { count: 1, since: 0 }, arrivedAt)).toEqual({
    isNew: true,
    missed: 1,
  });
  expect(announce(known, found)).toBe(false);
});

test('an event that arrived before its message left the queue is not about another one', () => {
  const known = new KnownMessages();
  const found = message('x', 'id');
  known.noteSeen([found], 1);
  vi.advanceTimersByTime(300);
  const arrivedAt = now();
  vi.advanceTimersByTime(10);
  known.noteDepth(0);
  expect(announce(known, found, arrivedAt)).toBe(false);
});

test('a message that a look took for an old one is shown when its event comes', () => {
  const known = new KnownMessages();
  known.noteUnseen(3);
  const found = message('x', 'id');
  expect(known.noteSeen([found], 1)).toEqual([]);
  expect(announce(known, found)).toBe(true);
});

test('what is in the queue is newer than a message that has left it, though its event comes later', () => {
  const known = new KnownMessages();
  const [removed, there] = [message('x', 'id-1'), message('y', 'id-2')];
  known.noteSeen([there], 1);
  vi.advanceTimersByTime(300);
  const arrivedAt = now();
  vi.advanceTimersByTime(10);
  known.noteSeen([there], 1);
  const missing = { count: 2, since: 0 };
  expect(known.noteAnnounced(removed, missing, arrivedAt)).toEqual({ isNew: true, missed: 2 });
  expect(announce(known, there)).toBe(false);
});

test('what a look has found behind a message is newer, though that was removed before its event came', () => {
  const known = new KnownMessages();
  const [removed, there] = [message('x', 'id-1'), message('y', 'id-2')];
  known.noteSeen([removed, there], 2);
  vi.advanceTimersByTime(300);
  known.noteRemoved(1, 'id-1', now());
  const missing = { count: 2, since: 0 };
  expect(known.noteAnnounced(removed, missing, now())).toEqual({ isNew: true, missed: 2 });
  expect(announce(known, there)).toBe(false);
});

test('what a look has found may be one that is missing before another, until its own event comes', () => {
  const known = new KnownMessages();
  const [removed, there] = [message('x', 'id-1'), message('y', 'id-2')];
  // A reader took the first before the look, and its event comes after it.
  known.noteSeen([there], 1);
  vi.advanceTimersByTime(10);
  expect(known.noteAnnounced(removed, { count: 1, since: 0 }, now())).toEqual({ isNew: true, missed: 0 });
  expect(known.noteAnnounced(there, { count: 0, since: 0 }, now())).toEqual({ isNew: false, missed: 1 });
  expect(known.noteAnnounced(there, { count: 0, since: 0 }, now())).toEqual({ isNew: true, missed: 0 });
});
