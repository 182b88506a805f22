/** Detects the encoding of a file from its first bytes, to recognise what is not plain UTF-8 text. */
export type InputEncoding =
  | { kind: 'text' /** Length of the byte order mark. */; markBytes: number }
  | { kind: 'gzip' }
  /** Not supported: what it is, and the command that converts it to text. */
  | { kind: 'other'; name: string; convert: string };

const SIGNATURES: readonly [start: readonly number[], name: string, convert: string][] = [
  [[0xff, 0xfe, 0x00, 0x00], 'UTF-32', 'iconv -f UTF-32 -t UTF-8'],
  [[0xff, 0xfe], 'UTF-16', 'iconv -f UTF-16 -t UTF-8'],
  [[0xfe, 0xff], 'UTF-16', 'iconv -f UTF-16 -t UTF-8'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'compressed with zstd', 'zstd -dc'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'compressed with xz', 'xz -dc'],
  [[0x42, 0x5a, 0x68], 'compressed with bzip2', 'bzip2 -dc'],
  [[0x50, 0x4b, 0x03, 0x04], 'a ZIP archive', 'unzip -p'],
];

const UTF8_MARK = [0xef, 0xbb, 0xbf];
const GZIP = [0x1f, 0x8b];

/** The number of bytes that {@link detectEncoding} needs. */
export const SIGNATURE_BYTES = 8;

/** @param start the first bytes of a file; fewer only if the file is shorter */
export function detectEncoding(start: Uint8Array): InputEncoding {
  const begins = (bytes: readonly number[]) => bytes.every((byte, index) => start[index] === byte);
  if (begins(UTF8_MARK)) return { kind: 'text', markBytes: UTF8_MARK.length };
  if (begins(GZIP)) return { kind: 'gzip' };
  for (const [bytes, name, convert] of SIGNATURES) if (begins(bytes)) return { kind: 'other', name, convert };
  // UTF-16 without a byte order mark: the first characters are ASCII, so every other byte is zero.
  const [first, second, third, fourth] = start;
  if (first === 0 && third === 0 && second && fourth) {
    return { kind: 'other', name: 'UTF-16', convert: 'iconv -f UTF-16BE -t UTF-8' };
  }
  if (second === 0 && fourth === 0 && first && third) {
    return { kind: 'other', name: 'UTF-16', convert: 'iconv -f UTF-16LE -t UTF-8' };
  }
  return { kind: 'text', markBytes: 0 };
}
