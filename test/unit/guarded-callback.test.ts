import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { guarded } from '../../src/errors/guarded-callback.ts';

/** Whatever nobody catches fails the whole run: vitest reports unhandled rejections and uncaught exceptions. */
test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('thrown');
    },
  ],
  ['rejects', () => Promise.reject(new Error('rejected'))],
  ['answers a promise of another realm that rejects', () => runInNewContext('Promise.reject(new Error())')],
  [
    'answers something whose `then` throws',
    () =>
      Object.defineProperty({}, 'then', {
        get() {
          throw new Error('from then');
        },
      }),
  ],
])('a callback that %s does no harm', async (_how, callback) => {
  const calls: unknown[][] = [];
  const guardedCallback = guarded((...args: [number, string]) => {
    calls.push(args);
    return callback();
  });
  expect(guardedCallback(1, 'a')).toBeUndefined();
  await new Promise(setImmediate);
  expect(calls).toEqual([[1, 'a']]);
});
