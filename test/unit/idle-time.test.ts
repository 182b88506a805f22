import { describe, expect, test } from 'vitest';
import { historyQuery, idleSince, unusedSince } from '../../src/management/idle-time.ts';

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 10, 28, 9, 52);

/** Samples a minute apart, the oldest first in the list, as many as there are values. */
const samples = (...values: number[]) =>
  values.map((sample, index) => ({ sample, timestamp: NOW - (values.length - index) * MINUTE }));

describe('the query for samples', () => {
  test.each([
    [0, 6 + 9, 5],
    [20_000, 30, 5],
    [5 * MINUTE, 360, 30],
    [10 * MINUTE, 720, 60],
    [60 * MINUTE, 3_600, 360],
    [24 * 60 * MINUTE, 3_600, 360],
  ])('of %i ms goes back %i s, in steps of %i s', (ms, age, step) => {
    const query = historyQuery(ms);
    expect(query).toMatchObject({ msg_rates_age: age, msg_rates_incr: step });
    // What the broker keeps: five seconds apart for ten minutes, a minute apart for an hour.
    if (age > 600) expect(step % 60).toBe(0);
    expect(age).toBeLessThanOrEqual(3_600);
  });
});

describe('a queue is unused', () => {
  test('since the first of the samples that are all as the counters are now', () => {
    const history = { publish_details: { samples: samples(1, 1, 4, 4, 4) } };
    expect(unusedSince({ publish: 4 }, history)).toBe(NOW - 3 * MINUTE);
    expect(unusedSince({ publish: 4 }, { publish_details: { samples: samples(4, 4) } })).toBe(
      NOW - 2 * MINUTE,
    );
  });

  test('since the latest of them, where several counters have moved', () => {
    const history = {
      publish_details: { samples: samples(4, 4, 4, 4) },
      deliver_get_details: { samples: samples(0, 0, 4, 4) },
      get_empty_details: { samples: samples(0, 7, 7, 7) },
    };
    expect(unusedSince({ publish: 4, deliver_get: 4, get_empty: 7 }, history)).toBe(NOW - 2 * MINUTE);
  });

  test('not at all, where a counter has moved since the last sample', () => {
    const history = {
      publish_details: { samples: samples(4, 4) },
      get_empty_details: { samples: samples(1, 1) },
    };
    expect(unusedSince({ publish: 4, get_empty: 2 }, history, NOW)).toBe(NOW);
  });

  test('since a time that is not known, without counters or samples', () => {
    expect(unusedSince(undefined, undefined)).toBeUndefined();
    expect(unusedSince({}, { publish_details: {} })).toBeUndefined();
    expect(unusedSince({ publish: 1 }, {})).toBeUndefined();
  });
});

test('idle is what either knows', () => {
  const totals = { publish: 4 };
  const history = { publish_details: { samples: samples(4, 4, 4) } };
  const since = (ms: number) => new Date(NOW - ms).toISOString();
  expect(idleSince(since(MINUTE), totals, history)).toBe(NOW - 3 * MINUTE);
  expect(idleSince(since(9 * MINUTE), totals, history)).toBe(NOW - 9 * MINUTE);
  expect(idleSince(since(MINUTE), undefined, undefined)).toBe(NOW - MINUTE);
  expect(idleSince(null, totals, history)).toBe(NOW - 3 * MINUTE);
  expect(idleSince(null, totals, undefined)).toBeUndefined();
});
