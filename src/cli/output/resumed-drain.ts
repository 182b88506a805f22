import type { FileHandle } from 'node:fs/promises';
import type { StoredMessage } from '../../index.ts';
import type { FileEnd } from './last-line.ts';

/** No batch of a drain that was killed is larger. */
const MAX_TAIL_BYTES = 64 * 1024 * 1024;

/** What an interrupted drain wrote of messages that are still in their queue. */
export interface RepeatedRecords {
  count: number;
  /** Where they begin in the file. */
  start: number;
}

/**
 * A drain that is killed between writing a batch and acknowledging it leaves records in the file whose messages are
 * back in their queue. This finds them by what the next drain gets first: the same messages in the same order, delivered
 * for the second time.
 *
 * Equal messages are no proof where nothing tells one from another, so only those count that have a `message_id` or are
 * followed by the half record in which the file ends. In doubt a message stays in the file twice.
 * @param file open for reading
 * @param size of it
 * @param batch the first that the next drain got
 */
export async function findRepeatedRecords(
  file: Pick<FileHandle, 'read'>,
  size: number,
  end: FileEnd,
  batch: readonly StoredMessage[],
  encodeRecord: (message: StoredMessage) => string,
): Promise<RepeatedRecords | undefined> {
  const returned = batch.findIndex(({ redelivered }) => !redelivered);
  const candidates = returned === -1 ? batch : batch.slice(0, returned);
  if (candidates.length === 0 || end.kind === 'other') return undefined;
  const tail = await readTail(file, end.kind === 'half' ? end.start : size, candidates.length);
  const half = end.kind === 'half' ? (await read(file, end.start, end.bytes)).toString() : undefined;
  const expected = candidates.map((message) => comparable(encodeRecord(message)));
  const most = Math.min(tail.length, expected.length);
  for (let count = half === undefined ? 1 : 0; count <= most; count++) {
    const lines = tail.slice(tail.length - count);
    if (!lines.every(({ text }, index) => text === expected[index])) continue;
    const isFollowed = half !== undefined && expected[count] !== undefined;
    if (isFollowed && !isStartOf(half, expected[count] as string)) continue;
    if (!isFollowed && !haveIds(candidates.slice(0, count))) continue;
    const [first] = lines;
    return first && { count, start: first.start };
  }
  return undefined;
}

function haveIds(messages: readonly StoredMessage[]): boolean {
  const ids = new Set(messages.map(({ properties }) => properties.message_id));
  return ids.size === messages.length && !ids.has(undefined);
}

/** Whether it was delivered before is what differs when it comes again. */
function comparable(record: string): string {
  return record.replace(/"redelivered":(?:true|false)/, '"redelivered":?');
}

/** @param half the start of a record, which may end within the part that is not compared */
function isStartOf(half: string, record: string): boolean {
  // It may also end within a character.
  const text = comparable(half.replace(/\ufffd+$/, ''));
  const [before = ''] = record.split('?', 1);
  return record.startsWith(text) || (text.startsWith(before) && /^[a-z]*$/.test(text.slice(before.length)));
}

/** The last lines of a file before a place that is the start of a line. */
async function readTail(
  file: Pick<FileHandle, 'read'>,
  end: number,
  most: number,
): Promise<{ text: string; start: number }[]> {
  const from = Math.max(0, end - MAX_TAIL_BYTES);
  const bytes = await read(file, from, end - from);
  const lines: { text: string; start: number }[] = [];
  // A last line without its line feed counts as well.
  let stop = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  while (stop > 0 && lines.length < most) {
    const feed = bytes.lastIndexOf(0x0a, stop - 1);
    if (feed === -1 && from > 0) break;
    lines.unshift({ text: comparable(bytes.toString('utf8', feed + 1, stop)), start: from + feed + 1 });
    stop = feed;
  }
  return lines;
}

async function read(file: Pick<FileHandle, 'read'>, from: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
  return buffer.subarray(0, bytesRead);
}
