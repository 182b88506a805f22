import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onAbort } from '../concurrency/on-abort.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';

export interface CommandOptions {
  env?: NodeJS.ProcessEnv;
  /** Interrupts the command with SIGINT; the call settles only when the command has ended. */
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** Called with each line of either stream. */
  onLine?: ((line: string) => void) | undefined;
}

export interface CommandResult {
  ok: boolean;
  /** `status 1`, `signal SIGKILL`, or why it could not be started. */
  ending: string;
  stdout: string;
  /** The last lines of output, for error messages. */
  tail: string;
}

const TAIL_LINES = 15;

/** Runs a program to its end, with empty standard input. A failure is a result, not a rejection. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { env, signal, timeoutMs, onLine }: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(env === undefined ? {} : { env }),
  });
  const interrupt = () => child.kill('SIGINT');
  const stopListening = onAbort(signal, interrupt);
  if (signal?.aborted) interrupt();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), timeoutMs);

  const tail: string[] = [];
  const stdout: string[] = [];
  const take = (line: string) => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    onLine?.(line);
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line);
    take(line);
  });
  createInterface({ input: child.stderr }).on('line', take);

  try {
    const [status, endedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return {
      ok: status === 0,
      ending: endedBy === null ? `status ${status}` : `signal ${endedBy}`,
      stdout: stdout.join('\n'),
      tail: tail.join('\n'),
    };
  } catch (error) {
    return { ok: false, ending: (error as Error).message, stdout: '', tail: '' };
  } finally {
    clearTimeout(timer);
    stopListening();
  }
}

/**
 * What rabbitmqctl printed.
 * @throws TaskQueueError `BROKER_ERROR` if it failed
 */
export function outputOfCtl(
  { ok, stdout, ending, tail }: CommandResult,
  [command = '']: readonly string[],
): string {
  if (ok) return stdout;
  throw new TaskQueueError(ErrorCode.brokerError, `rabbitmqctl ${command} failed (${ending}): ${tail}`);
}
