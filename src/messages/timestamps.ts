/**
 * ISO 8601 as Python's `datetime.isoformat()` writes it (any number of fraction digits, an offset or none)
 * and as JavaScript's `toISOString()` does.
 */
const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:(Z)|([+-])(\d{2}):?(\d{2})(?::?(\d{2}))?)?$/i;

/**
 * Milliseconds since the epoch, or `undefined` if it is not a timestamp. A timestamp without an offset is
 * read as UTC, which is what the Python package means by it; digits beyond milliseconds are cut off.
 */
export function parseTimestamp(text: string): number | undefined {
  const match = ISO_8601.exec(text);
  if (!match) return undefined;
  // One by one and without arrays: this runs for every message.
  const month = Number(match[2]);
  const day = Number(match[3]);
  const hour = Number(match[4]);
  const minute = Number(match[5]);
  const second = Number(match[6] ?? 0);
  const ms = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const date = new Date(0);
  date.setUTCFullYear(Number(match[1]), month - 1, day);
  date.setUTCHours(hour, minute, second, ms);
  // Date rolls 31 February over into March, so a timestamp that does not read back as written is invalid.
  const readsBack =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute;
  if (!readsBack || second > 59) return undefined;
  const sign = match[9];
  if (sign === undefined) return date.getTime();
  const offsetSeconds = Number(match[10]) * 3600 + Number(match[11]) * 60 + Number(match[12] ?? 0);
  return date.getTime() - (sign === '-' ? -offsetSeconds : offsetSeconds) * 1000;
}

/** The years 1 to 9999, which is what the wire format and Python support. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00.000Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** Whether it is a number of milliseconds within the years 1 to 9999. */
export function isDate(ms: number): boolean {
  return ms >= FIRST_MS && ms <= LAST_MS;
}

/**
 * Converts an AMQP timestamp (seconds) to milliseconds since the epoch; `undefined` if it is absent or outside the
 * years 1 to 9999. Some publishers write microseconds, nanoseconds or -1.
 */
export function timestampToMs(seconds: unknown): number | undefined {
  if (typeof seconds !== 'number') return undefined;
  const ms = seconds * 1000;
  return isDate(ms) ? ms : undefined;
}

/**
 * ISO 8601 in UTC, written with `+00:00`: `datetime.fromisoformat` takes no `Z` before Python 3.11.
 * @throws RangeError for a number that is not a date.
 */
export function formatTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}+00:00`;
}
