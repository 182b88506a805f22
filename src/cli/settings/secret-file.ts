import { detectEncoding } from '../input/input-encoding.ts';

/**
 * The secret in a file: its first line, without the byte order mark and the trailing white space that editors and
 * shells add. Empty if there is none.
 * @throws Error for a file that is not UTF-8 text
 */
export function secretIn(bytes: Buffer): string {
  const encoding = detectEncoding(bytes);
  if (encoding.kind === 'gzip') throw new Error('it is compressed with gzip');
  if (encoding.kind === 'other') throw new Error(`it is ${encoding.name}, not UTF-8`);
  const [line = ''] = bytes
    .subarray(encoding.markBytes)
    .toString()
    .split(/\r?\n|\r/, 1);
  return line.trimEnd();
}
