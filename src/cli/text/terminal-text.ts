/*
 * Characters in a message, task id or broker's answer that could affect a terminal: control characters and escape
 * sequences (C0, DEL, C1), bidirectional overrides, invisible tags, lone surrogates. None is printed raw.
 */

const UNSAFE =
  /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Makes text safe for one terminal line: unsafe characters become JSON escapes, such as `\n` and `\u001b`. */
export function safeLine(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? escapeUnits(character));
}

/** The same for a task id, in quotes if a space at its start or end would not be seen. */
export function safeId(taskId: string): string {
  return safeLine(/^\s|\s$/.test(taskId) ? JSON.stringify(taskId) : taskId);
}

/** The same for multi-line text: line feeds and tabs stay. */
export function safeText(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character === '\n' || character === '\t' ? character : (SHORT[character] ?? escapeUnits(character)),
  );
}

/** A value as one line of JSON. Inside JSON, the escapes stand for the same text. */
export function jsonLine(value: object): string {
  return safeLine(JSON.stringify(value));
}

function escapeUnits(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}
