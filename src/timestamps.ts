/**
 * ISO 8601 as Python's `datetime.isoformat()` writes it (any number of fraction digits, an offset or none)
 * and as JavaScript's `toISOString()` does.
 */
const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:(Z)|([+-])(\d{2}):?(\d{2})(?::?(\d{2}))?)?$/i;

/**
 * Milliseconds since the epoch, or `undefined` for what is no timestamp. A timestamp without an offset is
 * read as UTC, which is what the Python package means by it; digits beyond milliseconds are cut off.
 */
export function parseTimestamp(text: string): number | undefined {
  const match = ISO_8601.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '', , sign, ...offset] = match;
  const fields = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(fields[0], fields[1] - 1, fields[2]);
  date.setUTCHours(fields[3], fields[4], fields[5], Number(fraction.slice(0, 3).padEnd(3, '0')));
  // Date rolls 31 February over into March; a timestamp that does not read back as written is none.
  const readBack = [date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes()];
  if (readBack.some((value, index) => value !== fields[index + 1]) || fields[5] > 59) return undefined;
  const [offsetHours = 0, offsetMinutes = 0, offsetSeconds = 0] = offset.map((part) => Number(part ?? 0));
  const offsetMs = ((offsetHours * 60 + offsetMinutes) * 60 + offsetSeconds) * 1000;
  return date.getTime() - (sign === '-' ? -offsetMs : offsetMs);
}

/**
 * ISO 8601 in UTC, written with `+00:00`: `datetime.fromisoformat` takes no `Z` before Python 3.11.
 * @throws RangeError for a number that is no date.
 */
export function formatTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}+00:00`;
}
