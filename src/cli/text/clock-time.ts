/** The local time of day in 24-hour format, whatever the locale. */
export function clockTime(ms: number, hasMilliseconds = false): string {
  const date = new Date(ms);
  const part = (value: number, digits = 2) => String(value).padStart(digits, '0');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => part(value)).join(':');
  return hasMilliseconds ? `${time}.${part(date.getMilliseconds(), 3)}` : time;
}
