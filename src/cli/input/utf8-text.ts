import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { UsageFailure } from '../usage-failure.ts';

/** What Node puts in place of bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd';

/**
 * An argument with other bytes would name another task, or change a message. Only Linux shows the bytes of the command
 * line.
 * @throws CommandFailure
 */
export function requireUtf8Arguments(): void {
  if (!process.argv.some((argument) => argument.includes(REPLACEMENT))) return;
  let commandLine: Buffer;
  try {
    commandLine = readFileSync('/proc/self/cmdline');
  } catch {
    return;
  }
  if (!isUtf8(commandLine)) throw new UsageFailure('An argument is not UTF-8', CONVERT);
}

/** A line of input as text. */
export function utf8Text(bytes: Uint8Array, name: string): string {
  if (isUtf8(bytes)) return Buffer.from(bytes).toString();
  throw new UsageFailure(`${name} is not UTF-8`, CONVERT);
}

const CONVERT = 'Convert it: iconv -f ISO-8859-1 -t UTF-8, if it is Latin-1.';
