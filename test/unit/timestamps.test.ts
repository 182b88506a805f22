import { describe, expect, test } from 'vitest';
import { formatTimestamp, parseTimestamp } from '../../src/messages/timestamps.ts';

describe('a timestamp on the wire', () => {
  test.each([
    ['2026-01-10T00:46:05.123456+00:00', Date.UTC(2026, 0, 10, 0, 46, 5, 123)],
    ['2024-01-01T00:00:00', Date.UTC(2024, 0, 1)],
    ['2026-06-01T12:00:00.000005+05:30', Date.UTC(2026, 5, 1, 6, 30)],
    ['2026-06-01T12:00:00-01:00', Date.UTC(2026, 5, 1, 13)],
    ['2026-01-10T00:46:05.1Z', Date.UTC(2026, 0, 10, 0, 46, 5, 100)],
    ['2026-01-10 00:46', Date.UTC(2026, 0, 10, 0, 46)],
    ['0001-01-01T00:00:00+00:00', Date.parse('0001-01-01T00:00:00Z')],
    ['2024-02-29T23:59:59.999999999Z', Date.UTC(2024, 1, 29, 23, 59, 59, 999)],
  ])('%s is read to the millisecond, without an offset as UTC', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms);
  });

  test.each([
    '',
    'now',
    '1736470000',
    '2026-01-10',
    '2026-13-01T00:00:00',
    '2026-02-30T00:00:00',
    '2026-01-01T24:00:00',
    '2026-01-01T00:60:00',
    '2026-01-01T00:00:60',
    '2026-01-10T00:46:05+00:00x',
  ])('%j is not a timestamp', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  test('is written with +00:00, as Python before 3.11 reads no Z, and read back', () => {
    expect(formatTimestamp(Date.UTC(2026, 0, 10, 0, 46, 5, 7))).toBe('2026-01-10T00:46:05.007+00:00');
    for (const ms of [0, -1, 1, 1_767_225_600_123, 253_402_300_799_999]) {
      expect(parseTimestamp(formatTimestamp(ms))).toBe(ms);
    }
  });
});
