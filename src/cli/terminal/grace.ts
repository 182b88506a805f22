import { ExitCode, getExitCode } from '../exit-codes.ts';
import type { Stop } from './stop.ts';

/** How long a command that stops by itself may take; a second signal ends it immediately. */
const SIGNAL_GRACE_MS = 15_000;
/** `--timeout` is a promise: what does not answer in time is abandoned. */
const TIMEOUT_GRACE_MS = 300;
/** How long a command may take to report, once its client is closed. */
const REPORT_MS = 500;

/** How long the process may linger when its work is done but something keeps it alive. */
const LINGER_MS = 150;

function isTimeout({ signal: { reason } }: Stop): boolean {
  return getExitCode(reason) === ExitCode.timedOut;
}

/** Settles as the promise does. After a stop, rejects with its reason if the promise does not settle in time. */
export function withGrace<T>(stop: Stop, running: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      const ms = isTimeout(stop) ? TIMEOUT_GRACE_MS : SIGNAL_GRACE_MS;
      timer = setTimeout(() => {
        stop.isGivenUp = true;
        reject(stop.signal.reason);
      }, ms);
    };
    if (stop.signal.aborted) onAbort();
    stop.signal.addEventListener('abort', onAbort, { once: true });
    running.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      stop.signal.removeEventListener('abort', onAbort);
    });
  });
}

/** Resolves when a command that was given up, whose client is closed, has said how far it got. */
export async function untilReported(stop: Stop, running: Promise<unknown> | undefined): Promise<void> {
  if (!stop.isGivenUp) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, REPORT_MS);
  });
  await Promise.race([running, late]).catch(() => {});
  clearTimeout(timer);
}

/** Options for closing a connection to a broker that may not answer. */
export function closeOptions(stop: Stop): { timeoutMs?: number } {
  if (!stop.signal.aborted) return {};
  return { timeoutMs: isTimeout(stop) ? 100 : 1_000 };
}

/**
 * Ends a stopped process that something still keeps alive, such as a socket whose peer is silent. All output has been
 * written by then.
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
