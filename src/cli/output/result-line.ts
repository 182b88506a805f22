import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { jsonLine, safeLine } from '../text/terminal-text.ts';
import { wrapFor } from '../text/wrap.ts';
import { reportSink } from './sinks.ts';

/**
 * Prints a command's result on stdout: a sentence for people, a JSON object for programs.
 * @param options `hasEffect`: something was done, which the error has to say if the result cannot be written
 * @throws CommandFailure (3) then
 */
export async function printResult(
  { stdout, format }: Context,
  sentence: string,
  data: { [name: string]: unknown },
  { hasEffect = true } = {},
): Promise<void> {
  try {
    await reportSink(stdout).write(
      format === 'table' ? `${wrapFor(process.stdout, safeLine(sentence))}\n` : `${jsonLine(data)}\n`,
    );
  } catch (error) {
    if (!hasEffect || !(error instanceof CommandFailure)) throw error;
    const done = sentence.replace(/\.$/, '');
    throw new CommandFailure(ExitCode.partly, `${error.message}. Before that: ${done}`, { cause: error });
  }
}
