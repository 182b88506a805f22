import { InvalidArgumentError } from '@commander-js/extra-typings';

const MS_PER_UNIT: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Timers cannot wait longer; see setTimeout. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds of `500ms`, `10s`, `1.5m`, `2h`, `7d`; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  if (!match) return undefined;
  const [, amount, unit] = match as unknown as [string, string, string];
  return Number(amount) * (MS_PER_UNIT[unit] as number);
}

/** Option parser: a duration above zero that a timer can wait for. */
export function durationOption(text: string): number {
  const ms = ageOption(text);
  if (ms <= 0 || ms > MAX_TIMER_MS) throw new InvalidArgumentError('It must be between 1ms and 24d.');
  return ms;
}

/** Option parser: a duration of any length, to compare with ages. */
export function ageOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('Use a duration such as 500ms, 10s, 5m, 2h or 1d.');
  return ms;
}

/** Option parser: a time, as a duration before now or an ISO 8601 date; gives milliseconds since the epoch. */
export function sinceOption(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return Date.now() - ms;
  const [day = ''] = /^\d{4}-\d\d-\d\d/.exec(text) ?? [];
  // Date.parse takes 31 June for 1 July.
  const at = new Date(day).getUTCDate() === Number(day.slice(-2)) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at))
    throw new InvalidArgumentError('Use a duration such as 10m, or a time such as 2026-01-10T00:46:05Z.');
  return at;
}

/** A duration that was given, in full and so that it can be given again: `1500ms`, `90m`, `1d`. */
export function exactDuration(ms: number): string {
  const [unit, size] = Object.entries(MS_PER_UNIT).findLast(([, size]) => ms > 0 && ms % size === 0) ?? [
    'ms',
    1,
  ];
  return `${ms / size}${unit}`;
}

/** Short, in the two largest units: `340ms`, `12s`, `3m 20s`, `5h 2m`, `9d 4h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  const seconds = Math.floor(ms / 1000);
  const pairs: [number, string, number, string][] = [
    [86_400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'm'],
    [60, 'm', 1, 's'],
  ];
  for (const [large, largeUnit, small, smallUnit] of pairs) {
    if (seconds < large) continue;
    const rest = Math.floor((seconds % large) / small);
    return `${Math.floor(seconds / large)}${largeUnit}${rest === 0 ? '' : ` ${rest}${smallUnit}`}`;
  }
  return `${seconds}s`;
}

/** When something was, as `3m 20s ago`. Clocks differ, so that it may lie ahead of this one: `in 2h`. */
export function formatAge(ms: number): string {
  if (ms <= -1000) return `in ${formatDuration(-ms)}`;
  return ms < 0 ? 'now' : `${formatDuration(ms)} ago`;
}

/** The same for a column: `3m 20s`, or `ahead`, which is short however wrong a clock is. */
export function formatShortAge(ms: number): string {
  return ms <= -1000 ? 'ahead' : formatDuration(ms);
}
