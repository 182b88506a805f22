import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { endsValue } from '../input/json-values.ts';
import { MAX_LINE_BYTES } from '../input/line-length.ts';
import { isOpenElsewhere } from './open-descriptor.ts';

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

const RECORD_START = '{"task_id":';

const BLOCK_BYTES = 256 * 1024;

/** After this time without a change, an incomplete end is not being written, though another process has the file open. */
const UNCHANGED_MS = 2_000;
const LOOK_MS = 20;

/**
 * Inspects the last line of a file, by a handle of its own: that for writing need not be readable. What another process is
 * writing at this moment looks like something that was left incomplete: waits for its end.
 */
export async function inspectEnd(path: string): Promise<FileEnd> {
  let size = -1;
  let end: FileEnd = { kind: 'line' };
  for (let since = performance.now(); performance.now() - since < UNCHANGED_MS; await sleep(LOOK_MS)) {
    const now = await stat(path);
    if (now.size === size) continue;
    size = now.size;
    since = performance.now();
    end = await endOf(path, size);
    if (end.kind === 'line' || !(await isOpenElsewhere(path))) break;
  }
  return end;
}

async function endOf(path: string, size: number): Promise<FileEnd> {
  const file = await open(path, 'r');
  try {
    for await (const line of linesBackwards(file, size)) {
      if (line.length === 0) break;
      return { ...classify(line), start: size - line.length, bytes: line.length };
    }
    return { kind: 'line' };
  } finally {
    await file.close();
  }
}

/** The lines of a file before `end`, the last one first; of a line that is too long to be a record, its end only. */
export async function* linesBackwards(file: Pick<FileHandle, 'read'>, end: number): AsyncGenerator<Buffer> {
  /** What was read of a line, the last block first. */
  let blocks: Buffer[] = [];
  let lineEnd = end;
  const line = () => Buffer.concat(blocks.reverse());
  for (let position = end; position > 0 && lineEnd - position < MAX_LINE_BYTES; ) {
    const length = Math.min(BLOCK_BYTES, position);
    position -= length;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    let stop = bytesRead;
    for (let feed = lastFeed(buffer, stop); feed !== -1; feed = lastFeed(buffer, stop)) {
      blocks.push(buffer.subarray(feed + 1, stop));
      yield line();
      blocks = [];
      stop = feed;
      lineEnd = position + feed;
    }
    blocks.push(buffer.subarray(0, stop));
  }
  yield line();
}

function lastFeed(buffer: Buffer, end: number): number {
  return end === 0 ? -1 : buffer.lastIndexOf(0x0a, end - 1);
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
  return startsLikeRecord(text) && !endsValue(text);
}

/** Whether it begins like a record, or is the beginning of one. */
function startsLikeRecord(text: Buffer): boolean {
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

/** How every record of a task begins. */
export function recordStart(taskId: string): string {
  return `{"task_id":${JSON.stringify(taskId)},`;
}
