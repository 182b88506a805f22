import type { FileHandle } from 'node:fs/promises';

/** How a file of records ends. */
export type FileEnd =
  /** Empty, or with a line feed. */
  | { kind: 'line' }
  /** With a whole record, or other JSON, that has no line feed. */
  | { kind: 'unended' }
  /** In the middle of a record: a drain was killed, or the machine went down. It begins at `start`. */
  | { kind: 'half'; start: number; bytes: number }
  /** With anything else. */
  | { kind: 'other' };

/** As every record begins. */
const RECORD_START = '{"task_id":';

const BLOCK_BYTES = 64 * 1024;
/** A longer line is not a record: no broker takes messages of that size. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;

/** Looks at the last line of a file, which is read backwards. */
export async function inspectEnd(file: Pick<FileHandle, 'read'>, size: number): Promise<FileEnd> {
  const blocks: Buffer[] = [];
  let start = size;
  while (start > 0 && size - start < MAX_LINE_BYTES) {
    const from = Math.max(0, start - BLOCK_BYTES);
    const block = await readBlock(file, from, start - from);
    const feed = block.lastIndexOf(0x0a);
    blocks.unshift(block.subarray(feed + 1));
    start = from + feed + 1;
    if (feed !== -1) break;
  }
  if (start === size) return { kind: 'line' };
  return { ...classify(Buffer.concat(blocks)), start, bytes: size - start };
}

async function readBlock(file: Pick<FileHandle, 'read'>, from: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
  return buffer.subarray(0, bytesRead);
}

function classify(line: Buffer): { kind: 'unended' | 'half' | 'other' } {
  // A file system that lost power may have zeros for what had not reached the disk.
  const zeros = line.indexOf(0);
  const text = line.subarray(0, zeros === -1 ? undefined : zeros);
  const isRecord = startsLike(text);
  if (zeros !== -1) return { kind: isRecord ? 'half' : 'other' };
  if (isJson(text)) return { kind: 'unended' };
  return { kind: isRecord ? 'half' : 'other' };
}

/** Whether it begins as a record does, as far as it goes. */
function startsLike(text: Buffer): boolean {
  const start = text.subarray(0, RECORD_START.length).toString('latin1');
  return RECORD_START.startsWith(start);
}

function isJson(text: Buffer): boolean {
  try {
    JSON.parse(text.toString());
    return true;
  } catch {
    return false;
  }
}
