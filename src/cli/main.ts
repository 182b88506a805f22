import { packageVersion } from './package-version.ts';

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
    await printReport(error);
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

async function runCommand(argv: readonly string[]): Promise<void> {
  if (asksForVersionOnly(argv)) {
    process.stdout.write(`${packageVersion()}\n`);
    return;
  }
  const { buildProgram } = await import('./program.ts');
  const program = await buildProgram(argv);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    const { ExitCode, getExitCode } = await import('./exit-codes.ts');
    // A help that was asked for, or a reader of stdout that has seen enough.
    if (getExitCode(error) !== ExitCode.done) throw error;
  }
}

/** Handled without loading any module, as scripts often ask for the version. */
function asksForVersionOnly([, , option, ...more]: readonly string[]): boolean {
  return (option === '--version' || option === '-V') && more.length === 0;
}

/** For the program that reads standard output. */
async function printReport(error: unknown): Promise<void> {
  const { CommandFailure } = await import('./command-failure.ts');
  if (!(error instanceof CommandFailure) || error.report === undefined) return;
  const [{ redactUrl }, { withoutCredentials }] = await Promise.all([
    import('../index.ts'),
    import('./settings/broker-urls.ts'),
  ]);
  process.stdout.write(await error.report(withoutCredentials(error.message, redactUrl)));
}

async function printError(error: unknown, verbose: boolean): Promise<void> {
  const { describeError } = await import('./report-error.ts');
  const text = describeError(error, { verbose });
  if (text === '') return;
  const [{ redactUrl }, { withoutCredentials }, { standardError }, { safeText }, { wrapFor }] =
    await Promise.all([
      import('../index.ts'),
      import('./settings/broker-urls.ts'),
      import('./terminal/standard-error.ts'),
      import('./text/terminal-text.ts'),
      import('./text/wrap.ts'),
    ]);
  const redacted = withoutCredentials(text, redactUrl);
  const stderr = standardError();
  stderr.write(stderr.isTTY ? wrapFor(stderr, safeText(redacted)) : redacted);
}
