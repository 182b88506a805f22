import { expect, test } from 'vitest';
import { KeyedMutex } from '../../src/amqp/publish/keyed-mutex.ts';
import { ErrorCode, TaskQueueError } from '../../src/errors/task-queue-error.ts';

const DEADLINE = { timeoutMs: 10_000, onTimeout: () => new Error('too late') };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('work of one key runs one after the other, in call order', async () => {
  const mutex = new KeyedMutex(DEADLINE);
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name} begins`);
    await turn();
    log.push(`${name} ends`);
  };
  await Promise.all([mutex.run('k', work('a')), mutex.run('k', work('b')), mutex.run('k', work('c'))]);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('work of different keys runs side by side', async () => {
  const mutex = new KeyedMutex(DEADLINE);
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await turn();
    running--;
  };
  await Promise.all([mutex.run('a', work), mutex.run('b', work)]);
  expect(most).toBe(2);
});

test('a failure reaches its caller and does not stop the next one', async () => {
  const mutex = new KeyedMutex(DEADLINE);
  const failing = mutex.run('k', () => Promise.reject(new Error('no')));
  const next = mutex.run('k', () => Promise.resolve('yes'));
  await expect(failing).rejects.toThrow('no');
  await expect(next).resolves.toBe('yes');
  expect(mutex.isBusy('k')).toBe(false);
});

test('what waits behind work that could not connect fails with it, and what comes after is tried', async () => {
  const mutex = new KeyedMutex(DEADLINE);
  const away = new TaskQueueError(ErrorCode.connectionFailed, 'away');
  const results = await Promise.allSettled([
    mutex.run('k', () => Promise.reject(away)),
    mutex.run('k', () => Promise.resolve('b')),
    mutex.run('k', () => Promise.resolve('c')),
  ]);
  for (const result of results) expect(result).toMatchObject({ reason: away });
  expect(mutex.isBusy('k')).toBe(false);
  await expect(mutex.run('k', () => Promise.resolve('d'))).resolves.toBe('d');
});

test('work that waits too long is given up, and what is behind it still waits for its turn', async () => {
  const mutex = new KeyedMutex({ ...DEADLINE, timeoutMs: 100 });
  const log: string[] = [];
  let finish = () => {};
  const first = mutex.run('k', () => new Promise<void>((resolve) => (finish = resolve)));
  const late = mutex.run('k', async () => void log.push('late'));
  await expect(late).rejects.toThrow('too late');
  const last = mutex.run('k', async () => void log.push('last'));
  await turn();
  expect(log).toEqual([]);
  expect(mutex.isBusy('k')).toBe(true);
  finish();
  await Promise.all([first, last]);
  expect(log).toEqual(['last']);
  expect(mutex.isBusy('k')).toBe(false);
});
