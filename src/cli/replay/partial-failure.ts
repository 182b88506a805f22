import { hasCode } from '../../cli-shared.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode, getExitCode } from '../exit-codes.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';

/**
 * The error of a command that failed after part of its work: partly done (3), with how far it got. A stop by a signal
 * or `--timeout`, or a closed output pipe, keeps its own status.
 * @param cause the error
 * @param done number of messages processed before the failure
 * @param what what was done to them, such as `removed from task x`
 * @param resumeHint a hint, used if the error does not have one
 */
export function partialFailure(
  { note, stop }: Pick<Context, 'note' | 'stop'>,
  cause: unknown,
  done: number,
  what: string,
  resumeHint?: string,
): unknown {
  const error = stop.isGivenUp ? stop.signal.reason : cause;
  const status = getExitCode(error);
  if (done === 0) {
    if (status >= ExitCode.timedOut) note(`Stopped: nothing was ${what}.`);
    return error;
  }
  const { message, hint: said } = error as { message: string; hint?: string };
  const hint = said === undefined || isRemovalUnsure(error) ? (resumeHint ?? said) : said;
  // Nor is it known then whether somebody has deleted the queue, and perhaps declared it again.
  const rest = isRemovalUnsure(cause)
    ? `${mayBeBack(done)}, and any others are still there unless the queue was deleted`
    : 'any others are still there';
  const far = `${formatCount(done, 'message')} ${done === 1 ? 'was' : 'were'} ${what}; ${rest}.`;
  if (status === ExitCode.done) {
    note(`The reader of the output has left: ${far}`);
    return error;
  }
  if (status >= ExitCode.timedOut) {
    note(`Stopped: ${far}${resumeHint === undefined ? '' : `\n${resumeHint}`}`);
    return error;
  }
  return new CommandFailure(ExitCode.partly, `${message}. Before that, ${far}`, { cause: error, hint });
}

/** Whether acknowledgements may not have reached the broker before this failure. */
export function isRemovalUnsure(error: unknown): boolean {
  return hasCode(error, ...UNSURE_CODES);
}

/** `CLOSED`: without an answer. The last two: the connection was lost, and there is no other. */
const UNSURE_CODES = [
  'CLOSED',
  'CONNECTION_LOST',
  'QUEUE_UNAVAILABLE',
  'NO_ANSWER',
  'CONNECTION_FAILED',
  'VHOST_NOT_FOUND',
] as const;

/** Two batches, the prefetch. The broker does not confirm acknowledgements, so the last ones may be lost. */
const MAX_UNSURE = 1_000;

/** At most how many of the messages removed before this failure may be back in their queue. */
export function mostBack(error: unknown, done: number): number {
  return isRemovalUnsure(error) ? Math.min(done, MAX_UNSURE) : 0;
}

function mayBeBack(done: number): string {
  if (done === 1) return 'it may be back in the queue';
  const which =
    done > MAX_UNSURE ? `up to ${formatNumber(MAX_UNSURE)} of the last ones` : 'some or all of them';
  return `${which} may be back in the queue`;
}
