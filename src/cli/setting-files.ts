import { readFileSync } from 'node:fs';
import { CommandFailure } from './command-failure.ts';
import { ExitCode } from './exit-codes.ts';

/**
 * The first line of a file, without the byte order mark, the line end and the blanks after it that editors and
 * `echo` leave there. A password that does end with a blank goes into the URL, percent-encoded.
 * @param option whose value the file is, for the message
 * @throws CommandFailure (usage) when it cannot be read, is empty, or is not UTF-8
 */
export function readSecret(file: string, option: string): string {
  const content = readSettingFile(file, option);
  const invalid = (what: string, hint?: string) =>
    new CommandFailure(ExitCode.usage, `The file ${file} of ${option} is ${what}`, { hint });
  if (isUtf16(content)) throw invalid('in UTF-16', 'Save it as UTF-8.');
  const [line = ''] = content
    .toString()
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/, 1);
  const secret = line.trimEnd();
  if (secret === '') throw invalid('empty');
  return secret;
}

/** @throws CommandFailure (usage) when it cannot be read */
export function readSettingFile(file: string, option: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const { message } = cause as Error;
    throw new CommandFailure(ExitCode.usage, `Cannot read ${file} of ${option}: ${message}`, { cause });
  }
}

function isUtf16(content: Buffer): boolean {
  const mark = content.subarray(0, 2).toString('hex');
  return mark === 'fffe' || mark === 'feff' || content.subarray(0, 64).includes(0);
}
