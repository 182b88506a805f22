import { safeText } from '../text/terminal-text.ts';
import { wrapFor } from '../text/wrap.ts';

/**
 * The stream for everything except the requested data. Opened on first use, as that takes a millisecond. If its
 * reader has closed it, that is not a failure.
 */
export function standardError(): NodeJS.WriteStream {
  const { stderr } = process;
  if (stderr.listenerCount('error') === 0) stderr.on('error', () => {});
  return stderr;
}

/** Prints a line there. For a terminal, the text is made safe and wrapped, and then painted. */
export function note(text: string, paint = (line: string) => line): void {
  const stderr = standardError();
  stderr.write(`${paint(stderr.isTTY ? wrapFor(stderr, safeText(text)) : text)}\n`);
}
