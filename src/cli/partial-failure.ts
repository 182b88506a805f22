import { CommandFailure } from './command-failure.ts';
import type { Context } from './context.ts';
import { ExitCode } from './exit-codes.ts';
import { formatCount } from './sizes.ts';

/**
 * The error to end with when a command failed after some of its work: partly done (3), saying how far it came.
 * A stop by a signal or `--timeout` keeps its own status, and so does a reader of the output that has left.
 * @param done how much was done before
 * @param what was done to those, e.g. `removed from task x`
 */
export function partialFailure({ note }: Context, error: unknown, done: number, what: string): unknown {
  if (done === 0) return error;
  const status = error instanceof CommandFailure ? error.exitCode : undefined;
  if (status === ExitCode.done) return error;
  const { code, message, hint } = error as { code?: string; message: string; hint?: string };
  // Acknowledgements are not answered: those on a lost connection may not have arrived.
  const rest = code === 'CONNECTION_LOST' ? 'the last may be back in the queue, and the rest' : 'the rest';
  const far = `${formatCount(done, 'message')} ${done === 1 ? 'was' : 'were'} ${what}; ${rest} is still there.`;
  if (status !== undefined && status >= ExitCode.timedOut) {
    note(`Stopped: ${far}`);
    return error;
  }
  return new CommandFailure(ExitCode.partly, `${message}. Before that, ${far}`, { cause: error, hint });
}
