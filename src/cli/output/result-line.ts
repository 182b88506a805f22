import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { jsonLine, safeLine } from '../text/terminal-text.ts';
import { wrapFor } from '../text/wrap.ts';
import { reportSink } from './sinks.ts';

interface ResultData {
  [name: string]: unknown;
}

/** Prints a command's result on stdout: a sentence for people, a JSON object for programs. */
export function printResult({ stdout, format }: Context, sentence: string, data: ResultData): Promise<void> {
  return reportSink(stdout).write(
    format === 'table' ? `${wrapFor(process.stdout, safeLine(sentence))}\n` : `${jsonLine(data)}\n`,
  );
}

/**
 * The same for what cannot be undone, so that an error has to say it if it cannot be printed. With several tasks,
 * `forEachTask` says it.
 * @throws CommandFailure (3) then
 */
export async function printDone(context: Context, sentence: string, data: ResultData): Promise<void> {
  try {
    await printResult(context, sentence, data);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    const done = sentence.replace(/\.$/, '');
    throw new CommandFailure(ExitCode.partly, `${error.message}. Before that: ${done}`, { cause: error });
  }
}
