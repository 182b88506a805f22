export interface CommandFailureOptions {
  cause?: unknown;
  /** What the user can do about it. */
  hint?: string | undefined;
}

/**
 * Ends a command that cannot do what was asked, for a reason that is not an error of the library. With an empty
 * message, nothing is printed: the command has already reported the reason.
 */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(exitCode: number, message: string, { cause, hint }: CommandFailureOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
    this.hint = hint;
  }
}
