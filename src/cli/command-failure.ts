export interface CommandFailureOptions {
  cause?: unknown;
  /** What the reader can do about it. */
  hint?: string | undefined;
}

/**
 * How a command ends when it cannot do what was asked and no error of the library says so. An empty message
 * prints nothing: whatever there is to say was said.
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
