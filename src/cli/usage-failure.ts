import { CommandFailure } from './command-failure.ts';
import { ExitCode } from './exit-codes.ts';

/** The command line, or what it names, cannot be used. */
export class UsageFailure extends CommandFailure {
  /** @param hint what the user can do about it */
  constructor(message: string, hint?: string, cause?: unknown) {
    super(ExitCode.usage, message, { hint, cause });
  }
}
