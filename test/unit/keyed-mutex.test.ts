import { expect, test } from 'vitest';
import { KeyedMutex } from '../../src/keyed-mutex.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('work of one key runs one after the other, in call order', async () => {
  const mutex = new KeyedMutex();
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
  const mutex = new KeyedMutex();
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
  const mutex = new KeyedMutex();
  const failing = mutex.run('k', () => Promise.reject(new Error('no')));
  const next = mutex.run('k', () => Promise.resolve('yes'));
  await expect(failing).rejects.toThrow('no');
  await expect(next).resolves.toBe('yes');
  expect(mutex.isBusy('k')).toBe(false);
});
