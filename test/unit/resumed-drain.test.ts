import { expect, test } from 'vitest';
import { WrittenBefore } from '../../src/cli/output/resumed-drain.ts';
import { encodeRecord } from '../../src/messages/records.ts';
import type { StoredMessage } from '../../src/messages/stored-message.ts';

const message = (name: string, headers?: object): StoredMessage => ({
  taskId: 'task',
  redelivered: true,
  properties: { ...(headers && { headers }) } as StoredMessage['properties'],
  body: Buffer.from(JSON.stringify(name)),
});

/** What is recognised in a file of these messages, of batches that are delivered one after the other. */
async function outcomeOf(written: (string | StoredMessage)[], batches: (string | StoredMessage)[][]) {
  const { isOver: _, ...outcome } = await wholeOutcomeOf(written, batches);
  return outcome;
}

async function wholeOutcomeOf(written: (string | StoredMessage)[], batches: (string | StoredMessage)[][]) {
  const records = written.map((each) => (typeof each === 'string' ? message(each) : each));
  const lines = records.map((each) => `${encodeRecord({ ...each, redelivered: false })}\n`).join('');
  const bytes = Buffer.from(lines);
  const file = {
    read: async (buffer: Buffer, offset: number, length: number, position: number) => ({
      bytesRead: bytes.copy(buffer, offset, position, position + length),
      buffer,
    }),
  };
  const before = await WrittenBefore.in(file as never, bytes.length, 'task');
  const fresh = batches.map((batch) =>
    before
      .without(batch.map((each) => (typeof each === 'string' ? message(each) : each)))
      .map(({ body }) => JSON.parse(body.toString()))
      .join(' '),
  );
  return { fresh, count: before.count, doubtful: before.doubtful, isOver: before.isOver };
}

test.each([
  ['a run at the end of the file', ['a', 'b', 'c'], [['b', 'c', 'd']], ['d'], 2, 0],
  ['a run over several batches', ['a', 'b', 'c'], [['a'], ['b'], ['c', 'd']], ['', '', 'd'], 3, 0],
  ['a run that begins with repeated messages', ['x', 'a', 'x', 'b'], [['x', 'b', 'c']], ['c'], 2, 0],
  [
    'a run that becomes clear in a later batch',
    ['x', 'x', 'a'],
    [['x'], ['x'], ['a', 'b']],
    ['x', 'x', 'b'],
    1,
    2,
  ],
  ['only what is left of the run', ['a', 'b', 'c'], [['c', 'd']], ['d'], 1, 0],
  ['nothing that is not there', ['a', 'b'], [['c', 'd']], ['c d'], 0, 0],
  ['nothing that is not in the same order', ['a', 'b', 'c'], [['b', 'd']], ['b d'], 0, 1],
  ['no messages that it holds more than once', ['x', 'x', 'x'], [['x', 'x', 'x']], ['x x x'], 0, 3],
  [
    'nothing where the run may begin at two places',
    ['a', 'b', 'c', 'a', 'b'],
    [['a', 'b', 'c'], ['d']],
    ['a b c', 'd'],
    0,
    3,
  ],
  [
    'nothing where it may, batch by batch',
    ['a', 'b', 'c', 'a', 'b'],
    [['a'], ['b'], ['c']],
    ['a', 'b', 'c'],
    0,
    3,
  ],
  ['repeated messages within the run', ['x', 'a', 'x', 'b'], [['a'], ['x'], ['b']], ['', '', ''], 3, 0],
  ['nothing after the run', ['a', 'b'], [['a', 'b', 'a', 'b']], ['a b'], 2, 0],
])('a resumed drain recognises %s', async (_what, written, batches, fresh, count, doubtful) => {
  expect(await outcomeOf(written, batches)).toEqual({ fresh, count, doubtful });
});

test('a resumed drain recognises what a quorum queue has counted, and nothing that is delivered for the first time', async () => {
  const counted = message('a', { 'x-delivery-count': 1, 'x-acquired-count': 1 });
  expect(await outcomeOf(['a'], [[counted]])).toEqual({ fresh: [''], count: 1, doubtful: 0 });
  const [one, other] = [1, 2].map((h) => message('a', { 'x-delivery-count': 1, h }));
  expect(await outcomeOf([one as StoredMessage], [[other as StoredMessage]])).toMatchObject({ fresh: ['a'] });
  const first = { ...message('a'), redelivered: false };
  expect(await outcomeOf(['a'], [[first]])).toEqual({ fresh: ['a'], count: 0, doubtful: 0 });
});

test('a resumed drain recognises its run before records of other tasks, however many', async () => {
  const others = Array.from({ length: 6_000 }, (_, n) => ({ ...message(`c${n}`), taskId: 'other' }));
  const written = ['a', { ...message('b'), taskId: 'other' }, 'b', ...others];
  const outcome = await wholeOutcomeOf(written, [['a', 'b', 'c']]);
  expect(outcome).toEqual({ fresh: ['c'], count: 2, doubtful: 0, isOver: true });
  const onlyOthers = await wholeOutcomeOf(others.slice(0, 1), [['c0']]);
  expect(onlyOthers).toEqual({ fresh: ['c0'], count: 0, doubtful: 0, isOver: true });
});

test.each([
  ['the whole run came', ['a', 'b'], [['a'], ['b']], true],
  ['a part of the run came', ['a', 'b', 'c'], [['a']], false],
  ['nothing came', ['a'], [[]], false],
  ['another message came', ['a', 'b'], [['c']], true],
  ['a message came for the first time', ['a'], [[{ ...message('a'), redelivered: false }]], true],
] as const)('a resumed drain knows whether it is over: %s', async (_what, written, batches, isOver) => {
  const given = batches.map((batch) => [...batch]);
  expect(await wholeOutcomeOf([...written], given)).toMatchObject({ isOver });
});
