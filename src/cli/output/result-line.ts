import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { safeLine } from '../terminal/terminal-text.ts';

/**
 * Prints a command's result on stdout: a sentence for people, a JSON object for programs.
 * @throws CommandFailure (3) that says what was done, if it cannot be written
 */
export async function printResult(
  { stdout, format }: Context,
  sentence: string,
  data: { [name: string]: unknown },
): Promise<void> {
  try {
    await stdout.write(format === 'table' ? `${safeLine(sentence)}\n` : `${JSON.stringify(data)}\n`);
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exitCode === ExitCode.done) throw error;
    throw new CommandFailure(ExitCode.partly, `${error.message}. Before that: ${sentence}`, { cause: error });
  }
}
