import { packageVersion } from './package-version.ts';

/**
 * Runs one command line.
 * @param argv as `process.argv`
 * @returns the exit status. The process ends by itself, as nothing is left open; if something still is after a stop,
 * the process is ended.
 */
export async function main(argv: readonly string[]): Promise<number> {
  // The reader of stdout may close the pipe.
  process.stdout.on('error', () => {});
  try {
    if (asksForVersionOnly(argv)) process.stdout.write(`${packageVersion()}\n`);
    else {
      const { buildProgram } = await import('./program.ts');
      const program = await buildProgram(argv);
      await program.parseAsync(argv);
    }
    return 0;
  } catch (error) {
    await printError(error, argv.includes('--verbose'));
    const [{ getExitCode }, { endSoon }] = await Promise.all([
      import('./exit-codes.ts'),
      import('./terminal/grace.ts'),
    ]);
    const status = getExitCode(error);
    endSoon(status);
    return status;
  }
}

/** Handled without loading any module, as scripts often ask for the version. */
function asksForVersionOnly([, , option, ...more]: readonly string[]): boolean {
  return (option === '--version' || option === '-V') && more.length === 0;
}

async function printError(error: unknown, verbose: boolean): Promise<void> {
  const { describeError } = await import('./report-error.ts');
  const text = describeError(error, { verbose });
  if (text === '') return;
  const [{ redactUrl }, { standardError }, { safeText }] = await Promise.all([
    import('../index.ts'),
    import('./terminal/standard-error.ts'),
    import('./terminal/terminal-text.ts'),
  ]);
  const redacted = redactUrl(text);
  const stderr = standardError();
  stderr.write(stderr.isTTY ? safeText(redacted) : redacted);
}
