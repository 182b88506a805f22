import { JsonScanner } from '../../cli-shared.ts';
import type { InputLine, LineSource } from './input-lines.ts';
import { checkLength } from './line-length.ts';

/*
 * Messages that are not one per line: a JSON array, as written by `-o json` and `jq -s`, or multi-line values, as
 * written by `jq` without -c.
 */

/**
 * Whether a text has one message per line, even if the first line is damaged: the second line of a multi-line value
 * is not an object.
 */
export async function isOneALine(source: LineSource): Promise<boolean> {
  let isSecond = false;
  for await (const lines of source.lines()) {
    for (const { text, isUnfinished } of lines) {
      const line = text.toString('latin1').trimEnd();
      if (line.trim() === '') continue;
      const isObject = line.startsWith('{') && line.endsWith('}');
      if (isSecond) return isObject;
      if (line.trimStart().startsWith('[')) return false;
      if (isObject || isUnfinished || !line.startsWith('{')) return true;
      isSecond = true;
    }
  }
  return !isSecond;
}

/** The values in a text, each with the line on which it begins. */
export async function* jsonValues(source: LineSource): AsyncGenerator<InputLine[]> {
  const scanner = new JsonScanner();
  for await (const chunk of source.chunks()) {
    const values = scanner.scan(chunk);
    checkLength(scanner.pending.bytes, scanner.pending.number);
    if (values.length > 0) yield values;
  }
  const rest = scanner.end();
  if (rest !== undefined) yield [rest];
}

/** Whether the value with which a text begins ends in it. */
export function endsValue(text: Buffer): boolean {
  return new JsonScanner().scan(text).length > 0;
}
