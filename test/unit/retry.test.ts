import { expect, test } from 'vitest';
import { retry } from '../../src/errors/retry.ts';

test('the last attempt is made when the time is up, however long the next pause would have been', async () => {
  const begun = performance.now();
  const times: number[] = [];
  const pauses: number[] = [];
  const failing = retry(
    async () => {
      times.push(performance.now() - begun);
      throw new Error(`attempt ${times.length}`);
    },
    {
      giveUpAt: begun + 300,
      mayRetry: () => true,
      pauseMs: 100,
      longestPauseMs: 60_000,
      onRetry: (_, pauseMs) => pauses.push(pauseMs),
    },
  );
  const error = await failing.catch((reason) => reason);
  expect(error).toMatchObject({ message: `attempt ${times.length}` });
  // Timers may fire a little early.
  expect(times.at(-1)).toBeGreaterThanOrEqual(295);
  expect(times.at(-2)).toBeLessThan(300);
  expect(pauses).toHaveLength(times.length - 1);
});
