import { setMaxListeners } from 'node:events';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { exactDuration } from '../text/durations.ts';
import { endBySignal } from './sudden-end.ts';

/** A command's early end: Ctrl-C, a termination signal, a closed terminal, or `--timeout`. */
export interface Stop {
  /** Aborted by the first of them; its `reason` is the CommandFailure to end with. */
  readonly signal: AbortSignal;
  /** The command did not end in time. Its client is closed: whatever it fails with, it ends with the reason of the signal. */
  isGivenUp: boolean;
  /** Settles as the promise does, but rejects as soon as the signal is aborted. */
  race<T>(promise: T | Promise<T>): Promise<T>;
  release(): void;
}

const SIGNALS = [
  ['SIGINT', ExitCode.interrupted],
  ['SIGTERM', ExitCode.terminated],
  ['SIGHUP', ExitCode.hungUp],
] as const;

/**
 * The first signal lets the command stop cleanly. The second ends the process immediately by its default action, so
 * that the parent process sees it killed.
 * @param spentMs how much of it has elapsed
 */
export function listenForStop(timeoutMs: number | undefined, spentMs: number): Stop {
  const controller = new AbortController();
  const { signal } = controller;
  // Node 20 takes more than ten races, such as those of many look-ups at once, for a leak.
  setMaxListeners(0, signal);
  const listeners = SIGNALS.map(([name, exitCode]) => {
    const listener = () => {
      if (signal.aborted) {
        release();
        endBySignal(name);
      }
      controller.abort(new CommandFailure(exitCode, ''));
    };
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => controller.abort(timeoutFailure(timeoutMs)), timeoutMs - spentMs).unref();
  const release = () => {
    clearTimeout(timer);
    for (const remove of listeners) remove();
  };
  return { signal, isGivenUp: false, race: (promise) => raceWith(signal, promise), release };
}

/** What a command ends with whose `--timeout` has elapsed. */
export function timeoutFailure(timeoutMs: number): CommandFailure {
  return new CommandFailure(
    ExitCode.timedOut,
    `The command did not end within ${exactDuration(timeoutMs)} (--timeout)`,
  );
}

/** Settles as the promise does, but rejects with the signal's reason as soon as that is aborted. */
export function raceWith<T>(signal: AbortSignal, promise: T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}
