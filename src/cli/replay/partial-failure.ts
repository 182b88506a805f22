import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { formatCount } from '../output/sizes.ts';

/**
 * The error to end with when a command failed after some of its work: partly done (3), saying how far it came.
 * A stop by a signal or `--timeout` keeps its own status, and so does a reader of the output that has left.
 * @param done how much was done before
 * @param what was done to those, e.g. `removed from task x`
 * @param howToGoOn a hint, where the error has none of its own
 */
export function partialFailure(
  { note }: Pick<Context, 'note'>,
  error: unknown,
  done: number,
  what: string,
  howToGoOn?: string,
): unknown {
  if (done === 0) return error;
  const status = error instanceof CommandFailure ? error.exitCode : undefined;
  if (status === ExitCode.done) return error;
  const { code, message, hint = howToGoOn } = error as { code?: string; message: string; hint?: string };
  const back = UNSURE_CODES.includes(code ?? '') ? `${mayBeBack(done)}, and ` : '';
  const far = `${formatCount(done, 'message')} ${done === 1 ? 'was' : 'were'} ${what}; ${back}the rest is still there.`;
  if (status !== undefined && status >= ExitCode.timedOut) {
    note(`Stopped: ${far}${howToGoOn === undefined ? '' : `\n${howToGoOn}`}`);
    return error;
  }
  return new CommandFailure(ExitCode.partly, `${message}. Before that, ${far}`, { cause: error, hint });
}

/** Failures that may have kept acknowledgements from the queue. */
const UNSURE_CODES = ['CONNECTION_LOST', 'QUEUE_UNAVAILABLE', 'NO_ANSWER'];

/** Two batches, which is what the broker sends ahead. Acknowledgements are not answered: these may not have arrived. */
const MAX_UNSURE = 1_000;

function mayBeBack(done: number): string {
  if (done === 1) return 'it may be back in the queue';
  const which = done > MAX_UNSURE ? `up to ${MAX_UNSURE} of the last ones` : 'some or all of them';
  return `${which} may be back in the queue`;
}
