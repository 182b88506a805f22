import type { FileHandle } from 'node:fs/promises';
import type { StoredMessage } from '../../index.ts';
import type { FileEnd } from '../terminal/last-line.ts';

/** More records than a killed drain can have written without the broker receiving their acknowledgements. */
const MAX_RECORDS = 5_000;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * A drain that is killed after writing messages but before acknowledging them leaves records in the file whose
 * messages are back in the queue. This class recognises them when the next drain into that file receives them: they
 * are redelivered, identical, and either have a `message_id` or come in the same order right before the incomplete
 * record at the end of the file. In doubt, a message is written twice, since one that is not written is lost.
 */
export class WrittenBefore {
  readonly #encodeRecord: (message: StoredMessage) => string;
  /** The last records of the file, in order. */
  readonly #records: readonly string[];
  /** How many copies of each record are still expected; a queue can hold the same message twice. */
  readonly #left = new Map<string, number>();
  #half: string | undefined;
  #count = 0;

  private constructor(
    records: readonly string[],
    half: string | undefined,
    encodeRecord: (message: StoredMessage) => string,
  ) {
    this.#records = records;
    this.#half = half;
    this.#encodeRecord = encodeRecord;
    for (const record of records) this.#left.set(record, (this.#left.get(record) ?? 0) + 1);
  }

  /** @param file open for reading, with its incomplete record still in place */
  static async in(
    file: Pick<FileHandle, 'read'>,
    size: number,
    end: FileEnd,
    encodeRecord: (message: StoredMessage) => string,
  ): Promise<WrittenBefore> {
    const isHalf = end.kind === 'half';
    const records = await readTail(file, isHalf ? end.start : size);
    const half = isHalf ? (await read(file, end.start, end.bytes)).toString() : undefined;
    return new WrittenBefore(records, half, encodeRecord);
  }

  /** Messages recognised so far. */
  get count(): number {
    return this.#count;
  }

  /** @returns the messages of a batch that are not in the file yet */
  without(batch: readonly StoredMessage[]): readonly StoredMessage[] {
    if (this.#left.size === 0) return batch;
    const run = this.#half === undefined ? 0 : this.#runBefore(this.#half, batch);
    this.#half = undefined;
    for (const message of batch.slice(0, run)) this.#meet(comparable(this.#encodeRecord(message)));
    return batch.slice(run).filter((message) => {
      const { redelivered, properties } = message;
      const isKnown = redelivered && properties.message_id !== undefined;
      return !(isKnown && this.#meet(comparable(this.#encodeRecord(message))));
    });
  }

  #meet(record: string): boolean {
    const left = this.#left.get(record);
    if (left === undefined) return false;
    if (left === 1) this.#left.delete(record);
    else this.#left.set(record, left - 1);
    this.#count++;
    return true;
  }

  /**
   * How many messages at the start of a batch equal the last records of the file and are followed by the message of
   * the incomplete record. Messages may be equal, so this is the smallest number that fits.
   */
  #runBefore(half: string, batch: readonly StoredMessage[]): number {
    const fresh = batch.findIndex(({ redelivered }) => !redelivered);
    const returned = fresh === -1 ? batch : batch.slice(0, fresh);
    const expected = returned.map((message) => comparable(this.#encodeRecord(message)));
    for (let count = 1; count < expected.length && count <= this.#records.length; count++) {
      if (!isStartOf(half, expected[count] as string)) continue;
      const last = this.#records.slice(this.#records.length - count);
      if (last.every((record, index) => record === expected[index])) return count;
    }
    return 0;
  }
}

/** Only the redelivered flag changes when a message is delivered again. */
function comparable(record: string): string {
  return record.replace(/"redelivered":(?:true|false)/, '"redelivered":?');
}

/** @param half the start of a record, which may end inside the part that is not compared */
function isStartOf(half: string, record: string): boolean {
  // It may also end inside a character.
  const text = comparable(half.replace(/\ufffd+$/, ''));
  const [before = ''] = record.split('?', 1);
  return record.startsWith(text) || (text.startsWith(before) && /^[a-z]*$/.test(text.slice(before.length)));
}

/** The last lines of a file before `end`, the start of a line, as {@link comparable} texts. */
async function readTail(file: Pick<FileHandle, 'read'>, end: number): Promise<string[]> {
  const from = Math.max(0, end - MAX_BYTES);
  const bytes = await read(file, from, end - from);
  const lines: string[] = [];
  // A last line without a line feed counts too.
  let stop = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  while (stop > 0 && lines.length < MAX_RECORDS) {
    const feed = bytes.lastIndexOf(0x0a, stop - 1);
    if (feed === -1 && from > 0) break;
    lines.push(comparable(bytes.toString('utf8', feed + 1, stop)));
    stop = feed;
  }
  return lines.reverse();
}

async function read(file: Pick<FileHandle, 'read'>, from: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
  return buffer.subarray(0, bytesRead);
}
