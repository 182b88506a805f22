import type { ChalkInstance } from 'chalk';
import { safeLine } from '../text/terminal-text.ts';

/** Beyond this depth, lines would be little more than indentation. */
const MAX_INDENT = 40;

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * JSON text laid out for reading, one member per line. Works on the text, not on parsed values, so numbers appear as
 * written: an id above 2^53 is not rounded, as JavaScript would do. Escapes in strings are decoded, then made safe
 * for a terminal.
 */
export function layOutJson(text: string, colors: ChalkInstance, indent = ''): string {
  const out: string[] = [];
  const levels: string[] = [];
  const tokens = text.match(TOKEN) ?? [];
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1];
    const newLine = () => `\n${indent}${'  '.repeat(Math.min(levels.length, MAX_INDENT))}`;
    if (token === '{' || token === '[') {
      const isEmpty = next === '}' || next === ']';
      out.push(token);
      levels.push(token);
      if (!isEmpty) out.push(newLine());
    } else if (token === '}' || token === ']') {
      const previous = tokens[index - 1];
      levels.pop();
      if (previous !== '{' && previous !== '[') out.push(newLine());
      out.push(token);
    } else if (token === ',') {
      out.push(token, newLine());
    } else if (token === ':') {
      out.push(': ');
    } else {
      out.push(colorToken(token, next === ':', colors));
    }
  }
  return indent + out.join('');
}

function colorToken(token: string, isKey: boolean, colors: ChalkInstance): string {
  if (token.startsWith('"')) {
    const readable = safeLine(JSON.stringify(JSON.parse(token)));
    return isKey ? colors.blue(readable) : colors.green(readable);
  }
  return colors.yellow(token);
}
