import { stripVTControlCharacters } from 'node:util';
import { textWidth } from './text-width.ts';

/** What a command that a message suggests begins with. */
const PROGRAM =
  '(?:mcp-taskq|bzip2|chmod|echo|grep|head|iconv|jq|printf|rabbitmq-diagnostics|rabbitmq-plugins|rabbitmqctl|rm|unzip|xz|zstd) ';

/**
 * A word and the space before it. Text in double quotes and a command in parentheses are one word: half a command
 * cannot be pasted.
 */
const WORD = new RegExp(` *(?:"(?:\\\\.|[^"\\\\])*"|\\(${PROGRAM}[^)]*\\)|[^ ])+`, 'g');

/** A command at the end of a line, after a colon. */
const COMMAND = new RegExp(`(?<=:) ${PROGRAM}.*$`);

/** Lines of at most `room` columns. A longer word is not broken: where the terminal breaks it, it can be copied whole. */
export function wrap(text: string, room: number): string[] {
  return fill(text.match(WORD) ?? [], room);
}

/**
 * Sentences for the reader of a terminal, each line wrapped between words; commands to paste stay whole. Lines that
 * begin with a space are laid out already. For a file or pipe, the text is unchanged.
 */
export function wrapFor({ isTTY, columns }: { isTTY?: boolean; columns?: number }, text: string): string {
  return isTTY && columns ? wrapSentences(text, columns) : text;
}

/** The same for any width. */
export function wrapSentences(text: string, room: number): string {
  return text
    .split('\n')
    .flatMap((line) => (line.startsWith(' ') || shownWidth(line) <= room ? line : wrapSentence(line, room)))
    .join('\n');
}

function wrapSentence(line: string, room: number): string[] {
  const [command] = COMMAND.exec(line) ?? [];
  if (command === undefined) return wrap(line, room);
  return fill([...(line.slice(0, -command.length).match(WORD) ?? []), command], room);
}

function fill(words: readonly string[], room: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line === '' || shownWidth(line + word) <= room) line += word;
    else {
      lines.push(line);
      line = word.trimStart();
    }
  }
  return [...lines, line];
}

/** The terminal columns that a text occupies; colours count for nothing. */
export function shownWidth(text: string): number {
  return textWidth(stripVTControlCharacters(text));
}
