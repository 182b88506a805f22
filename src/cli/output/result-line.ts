import type { Context } from '../context.ts';
import { safeLine } from '../terminal/terminal-text.ts';

/** Prints a command's result on stdout: a sentence for people, a JSON object for programs. */
export async function printResult(
  { stdout, format }: Context,
  sentence: string,
  data: { [name: string]: unknown },
): Promise<void> {
  await stdout.write(format === 'table' ? `${safeLine(sentence)}\n` : `${JSON.stringify(data)}\n`);
}
