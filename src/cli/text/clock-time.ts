/** The local time of day in 24-hour format, whatever the locale. */
export function clockTime(ms: number, hasMilliseconds = false): string {
  const date = new Date(ms);
  const time = date.toTimeString().slice(0, 8);
  return hasMilliseconds ? `${time}.${String(date.getMilliseconds()).padStart(3, '0')}` : time;
}
