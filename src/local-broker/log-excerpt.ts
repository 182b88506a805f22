import { stripVTControlCharacters } from 'node:util';

const MAX_LINES = 15;
const MAX_LINE_LENGTH = 200;

/** Time, level and Erlang process, in front of every line. */
const ERROR_PREFIX = /^\S+ \S+ \[error\] <[\d.]+>\s?/;

/**
 * The part of the log to show for a node that did not start: its first errors, as the reports and the crash after
 * them say less; the end of the log if there are none.
 */
export function excerptLog(log: string): string {
  const lines = stripVTControlCharacters(log)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const errors = lines
    .filter((line) => ERROR_PREFIX.test(line))
    .map((line) => line.replace(ERROR_PREFIX, ''))
    .filter((line) => line.trim() !== '');
  const excerpt = errors.length > 0 ? errors.slice(0, MAX_LINES) : lines.slice(-MAX_LINES);
  return excerpt.map(shorten).join('\n');
}

function shorten(line: string): string {
  return line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)} …` : line;
}
