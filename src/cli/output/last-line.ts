import type { FileHandle } from 'node:fs/promises';

/** How a file of records ends. */
export type FileEnd =
  /** Empty, or ends with a line feed. */
  | { kind: 'line' }
  /** Ends with a complete record, or other JSON, without a line feed. */
  | { kind: 'unended' }
  /** Ends inside a record, which begins at `start`: a drain was killed, or the machine went down. */
  | { kind: 'half'; start: number; bytes: number }
  /** Ends with anything else. */
  | { kind: 'other' };

/** The start of every record. */
const RECORD_START = '{"task_id":';

const BLOCK_BYTES = 64 * 1024;
/** A longer line is not a record: brokers do not accept messages of that size. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;

/** Inspects the last line of a file, reading backwards. */
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
  // After a power loss, a file may contain zeros for data that had not reached the disk.
  const zeros = line.indexOf(0);
  const text = line.subarray(0, zeros === -1 ? undefined : zeros);
  if (!isJson(text)) return { kind: isHalfRecord(text) ? 'half' : 'other' };
  if (zeros === -1) return { kind: 'unended' };
  return { kind: startsLikeRecord(text) ? 'half' : 'other' };
}

/**
 * Whether it begins like a record, and ends inside it. A complete record and something after it is not what a drain
 * leaves: another program has joined lines, and they may be all that is left of their messages.
 */
export function isHalfRecord(text: Buffer): boolean {
  return startsLikeRecord(text) && !endsObject(text);
}

/** Whether it begins like a record, or is the beginning of one. */
function startsLikeRecord(text: Buffer): boolean {
  const start = text.subarray(0, RECORD_START.length).toString('latin1');
  return RECORD_START.startsWith(start);
}

const [QUOTE, BACKSLASH, OPENING_BRACE, CLOSING_BRACE] = [0x22, 0x5c, 0x7b, 0x7d];

/** Whether the object with which the text begins ends in it. */
function endsObject(text: Buffer): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === QUOTE) isInString = !isInString;
    else if (isInString) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === OPENING_BRACE) depth++;
    else if (byte === CLOSING_BRACE && --depth === 0) return true;
  }
  return false;
}

function isJson(text: Buffer): boolean {
  try {
    JSON.parse(text.toString());
    return true;
  } catch {
    return false;
  }
}

/** How every record of a task begins. */
export function recordStart(taskId: string): string {
  return `{"task_id":${JSON.stringify(taskId)},`;
}
