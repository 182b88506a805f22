import { expect, test } from 'vitest';
import { type Pace, paced, speedOption } from '../../src/cli/replay/pacing.ts';

const HOUR_MS = 3_600_000;
/** Timers may fire a little early. */
const SLACK_MS = 5;

/** A message queued so long after the first; undefined: one that does not say when. */
function queuedAfter(ms: number | undefined) {
  const timestamp = ms === undefined ? undefined : new Date(Date.UTC(2026, 0, 10) + ms).toISOString();
  return { body: Buffer.from(JSON.stringify({ type: 'request', message: {}, timestamp })), properties: {} };
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

/** When each message was let through, in milliseconds from the start: what comes late holds nothing up. */
async function timesOf(
  offsets: readonly (number | undefined)[],
  pace: Pace,
  signal = new AbortController().signal,
): Promise<number[]> {
  const times: number[] = [];
  const start = performance.now();
  for await (const _ of paced(each(offsets.map(queuedAfter)), pace, signal))
    times.push(performance.now() - start);
  return times;
}

test('--keep-timing keeps the gaps between messages', async () => {
  const [, second, third] = await timesOf([0, 100, 350], { keepTiming: true, speed: 1 });
  expect(second).toBeGreaterThanOrEqual(100 - SLACK_MS);
  expect(third).toBeGreaterThanOrEqual(350 - SLACK_MS);
});

test('--speed divides them', async () => {
  // At any speed but this one it would take longer than the test may.
  const [, second] = await timesOf([0, HOUR_MS], { keepTiming: true, speed: 36_000 });
  expect(second).toBeGreaterThanOrEqual(100 - SLACK_MS);
});

test('without --keep-timing nothing waits, whatever --speed says', async () => {
  expect(await timesOf([0, HOUR_MS, 2 * HOUR_MS], { speed: 0.001 })).toHaveLength(3);
});

test('a message that does not say when it was queued, or was queued earlier, follows at once', async () => {
  const offsets = [undefined, 10 * HOUR_MS, undefined, HOUR_MS, 10 * HOUR_MS];
  expect(await timesOf(offsets, { keepTiming: true, speed: 1 })).toHaveLength(5);
});

test('a rate holds beside the timing: the slower one of the two counts', async () => {
  const [, second, third] = await timesOf([0, 1, 2], { keepTiming: true, speed: 1, rate: 10 });
  expect(second).toBeGreaterThanOrEqual(100 - SLACK_MS);
  expect(third).toBeGreaterThanOrEqual(200 - SLACK_MS);
});

test('a wait of hours ends at once when the command is stopped, with the reason of that', async () => {
  const stop = new AbortController();
  const running = timesOf([0, HOUR_MS], { keepTiming: true, speed: 1 }, stop.signal);
  const reason = new Error('stopped');
  setImmediate(() => stop.abort(reason));
  await expect(running).rejects.toBe(reason);
});

test.each([
  ['2', 2],
  ['0.5x', 0.5],
  ['100x', 100],
])('--speed %s is %d', (text, speed) => {
  expect(speedOption(text)).toBe(speed);
});

test.each(['0', '-1', 'fast', '1e3', ''])('--speed %j is refused', (text) => {
  expect(() => speedOption(text)).toThrow('above 0');
});
