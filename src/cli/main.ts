import { getExitCode } from './exit-codes.ts';
import { buildProgram } from './program.ts';
import { describeError } from './report-error.ts';
import { safeText } from './terminal-text.ts';

/**
 * Runs one command line.
 * @param argv as `process.argv`
 * @returns the exit status. The process ends by itself: nothing is left open.
 */
export async function main(argv: readonly string[]): Promise<number> {
  // Whoever reads stderr may leave too.
  process.stderr.on('error', () => {});
  process.stdout.on('error', () => {});
  try {
    await buildProgram().parseAsync(argv);
    return 0;
  } catch (error) {
    await printError(error, argv.includes('--verbose'));
    return getExitCode(error);
  }
}

async function printError(error: unknown, verbose: boolean): Promise<void> {
  const text = describeError(error, { verbose });
  if (text === '') return;
  const { redactUrl } = await import('../index.ts');
  const redacted = redactUrl(text);
  process.stderr.write(process.stderr.isTTY ? safeText(redacted) : redacted);
}
