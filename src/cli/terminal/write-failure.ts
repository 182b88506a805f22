import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';

/** If the reader has closed the pipe (`| head`), the command ends without a failure. */
export function writeFailure(name: string, cause: unknown): CommandFailure {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') {
    return new CommandFailure(ExitCode.done, '', { cause });
  }
  return new CommandFailure(ExitCode.failed, `Cannot write to ${name}: ${message}`, { cause });
}
