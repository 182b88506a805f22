import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Stop } from './stop.ts';

/** How long a command that stops by itself may take for that; a second signal ends it at once. */
const SIGNAL_GRACE_MS = 15_000;
/** `--timeout` is a promise: what does not answer is left. */
const TIMEOUT_GRACE_MS = 300;

/** How long the process may go on when it has nothing left to do, and something still holds it. */
const LINGER_MS = 150;

function isTimeout({ signal: { reason } }: Stop): boolean {
  return reason instanceof CommandFailure && reason.exitCode === ExitCode.timedOut;
}

/** Does what the promise does; after a stop it rejects with that when the promise has not settled in time. */
export function withGrace<T>(stop: Stop, running: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      const ms = isTimeout(stop) ? TIMEOUT_GRACE_MS : SIGNAL_GRACE_MS;
      timer = setTimeout(() => reject(stop.signal.reason), ms);
    };
    if (stop.signal.aborted) onAbort();
    stop.signal.addEventListener('abort', onAbort, { once: true });
    running.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      stop.signal.removeEventListener('abort', onAbort);
    });
  });
}

/** For closing what talks to a broker that may not answer. */
export function closeOptions(stop: Stop): { timeoutMs?: number } {
  if (!stop.signal.aborted) return {};
  return { timeoutMs: isTimeout(stop) ? 100 : 1_000 };
}

/**
 * Ends a process that was stopped and is still held by something, such as a socket whose other side is silent. All output
 * has been handed over by then.
 */
export function endSoon(status: number): void {
  const stopped: readonly number[] = [
    ExitCode.timedOut,
    ExitCode.interrupted,
    ExitCode.terminated,
    ExitCode.hungUp,
  ];
  if (stopped.includes(status)) setTimeout(() => process.exit(status), LINGER_MS).unref();
}
