/** The local time of day in 24-hour format, whatever the locale. */
export function clockTime(ms: number, hasMilliseconds = false): string {
  const date = new Date(ms);
  const time = date.toTimeString().slice(0, 8);
  return hasMilliseconds ? `${time}.${String(date.getMilliseconds()).padStart(3, '0')}` : time;
}

/** For programs: ISO 8601; null if it is unknown. A publisher's timestamp may not be a valid date. */
export function isoTime(ms: number | undefined): string | null {
  return ms === undefined || Number.isNaN(new Date(ms).getTime()) ? null : new Date(ms).toISOString();
}
