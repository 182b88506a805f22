import { expect, test } from 'vitest';
import { Turns } from '../../src/concurrency/turns.ts';
import { ErrorCode, TaskQueueError } from '../../src/errors/task-queue-error.ts';

const ALONE = { onTimeout: () => new Error('too late') };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('work of one key runs one after the other, in call order', async () => {
  const turns = new Turns(10_000);
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name} begins`);
    await turn();
    log.push(`${name} ends`);
  };
  await Promise.all([
    turns.run('k', work('a'), ALONE),
    turns.run('k', work('b'), ALONE),
    turns.run('k', work('c'), ALONE),
  ]);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('work of different keys runs side by side', async () => {
  const turns = new Turns(10_000);
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await turn();
    running--;
  };
  await Promise.all([turns.run('a', work, ALONE), turns.run('b', work, ALONE)]);
  expect(most).toBe(2);
});

test('a failure reaches its caller and does not stop the next one', async () => {
  const turns = new Turns(10_000);
  const failing = turns.run('k', () => Promise.reject(new Error('no')), ALONE);
  const next = turns.run('k', () => Promise.resolve('yes'), ALONE);
  await expect(failing).rejects.toThrow('no');
  await expect(next).resolves.toBe('yes');
  expect(turns.has('k')).toBe(false);
});

test('what waits behind work that could not connect fails with it, and what comes after is tried', async () => {
  const turns = new Turns(10_000);
  const away = new TaskQueueError(ErrorCode.connectionFailed, 'away');
  const results = await Promise.allSettled([
    turns.run('k', () => Promise.reject(away), ALONE),
    turns.run('k', () => Promise.resolve('b'), ALONE),
    turns.run('k', () => Promise.resolve('c'), ALONE),
  ]);
  for (const result of results) expect(result).toMatchObject({ reason: away });
  expect(turns.has('k')).toBe(false);
  await expect(turns.run('k', () => Promise.resolve('d'), ALONE)).resolves.toBe('d');
});

test('work that waits too long is given up, and what is behind it still waits for its turn', async () => {
  const turns = new Turns(100);
  const log: string[] = [];
  let finish = () => {};
  const first = turns.run('k', () => new Promise<void>((resolve) => (finish = resolve)), ALONE);
  const late = turns.run('k', async () => void log.push('late'), ALONE);
  await expect(late).rejects.toThrow('too late');
  const last = turns.run('k', async () => void log.push('last'), ALONE);
  await turn();
  expect(log).toEqual([]);
  expect(turns.has('k')).toBe(true);
  finish();
  await Promise.all([first, last]);
  expect(log).toEqual(['last']);
  expect(turns.has('k')).toBe(false);
});
