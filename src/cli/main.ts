import { packageVersion } from './package-version.ts';

export { leaveTerminals } from './terminal/leave-terminals.ts';

/**
 * Runs one command line.
 * @param argv as `process.argv`
 * @returns the exit status. The process ends by itself, as nothing is left open; if something still is after a stop,
 * the process is ended.
 */
export async function main(argv: readonly string[]): Promise<number> {
  let outputFailure: NodeJS.ErrnoException | undefined;
  process.stdout.on('error', (error) => {
    outputFailure ??= error;
  });
  try {
    await runCommand(argv);
    // Of what nobody waited for, such as a help page. The reader of a pipe may close it.
    await new Promise((resolve) => setImmediate(resolve));
    if (outputFailure === undefined || outputFailure.code === 'EPIPE') return 0;
    const { writeFailure } = await import('./terminal/write-failure.ts');
    throw writeFailure('standard output', outputFailure);
  } catch (error) {
    const { reportError } = await import('./report-error.ts');
    return reportError(error, argv.includes('--verbose'));
  }
}

async function runCommand(argv: readonly string[]): Promise<void> {
  if (asksForVersionOnly(argv)) {
    process.stdout.write(`${packageVersion()}\n`);
    return;
  }
  const { buildProgram, reported } = await import('./program.ts');
  const program = await buildProgram(argv);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    const { ExitCode, getExitCode } = await import('./exit-codes.ts');
    // A help that was asked for, or a reader of stdout that has seen enough.
    if (getExitCode(error) !== ExitCode.done) throw await reported(error, argv);
  }
}

/** Handled without loading any module, as scripts often ask for the version. */
function asksForVersionOnly([, , option, ...more]: readonly string[]): boolean {
  return (option === '--version' || option === '-V') && more.length === 0;
}
