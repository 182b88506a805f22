import { readFileSync } from 'node:fs';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { detectEncoding } from '../input/input-encoding.ts';

/**
 * The first line of a file, without the byte order mark, line end and trailing white space that editors and `echo`
 * leave. A password that ends with a space must go into the URL, percent-encoded.
 * @param option the option that names the file, for the error message
 * @throws CommandFailure (usage) if the file cannot be read, is empty, or is not UTF-8
 */
export function readSecret(file: string, option: string): string {
  const content = readSettingFile(file, option);
  const encoding = detectEncoding(content);
  if (encoding.kind !== 'text') {
    const what = encoding.kind === 'gzip' ? 'compressed with gzip' : `${encoding.name}, not UTF-8`;
    throw new CommandFailure(ExitCode.usage, `Cannot use ${file} of ${option}: it is ${what}`);
  }
  const [line = ''] = content
    .subarray(encoding.markBytes)
    .toString()
    .split(/\r?\n|\r/, 1);
  const secret = line.trimEnd();
  if (secret === '') throw new CommandFailure(ExitCode.usage, `The file ${file} of ${option} is empty`);
  return secret;
}

/** @throws CommandFailure (usage) if the file cannot be read */
export function readSettingFile(file: string, option: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const { message } = cause as Error;
    throw new CommandFailure(ExitCode.usage, `Cannot read ${file} of ${option}: ${message}`, { cause });
  }
}
