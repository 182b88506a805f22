import type { FileHandle } from 'node:fs/promises';
import { encodeRecord, parseRecord } from '../../cli-support.ts';
import type { MessageProperties, StoredMessage } from '../../index.ts';
import { linesBackwards, recordStart } from './last-line.ts';

/** More records than an interrupted drain can have written without the broker receiving their acknowledgements. */
const MAX_RECORDS = 5_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** The place of a record that is there more than once. */
const REPEATED = -1;

/**
 * A drain that is interrupted after writing messages, but before the broker receives their acknowledgements, leaves
 * records in the file whose messages are back in the queue. They are the last records of that task in the file, and
 * the first redelivered messages of the queue, in the same order. This class recognises that run when the next drain of
 * the task into that file receives it.
 *
 * A run of messages that the file holds more than once may as well be their copies. In doubt, a message is written
 * twice, since one that is not written is lost.
 */
export class WrittenBefore {
  /** The last records of the task in the file, in order, as {@link comparable} texts. */
  readonly #records: readonly string[];
  readonly #places = new Map<string, number>();
  /** Place of the record that the next message must equal; undefined until the run is found. */
  #next: number | undefined;
  /** Messages recognised so far. */
  count = 0;
  #doubtful = 0;
  /** The queue has shown that nothing of the run is in it any more. Until then, a later drain may meet it. */
  isOver = false;

  private constructor(records: readonly string[]) {
    this.#records = records;
    this.isOver = records.length === 0;
    for (const [place, record] of records.entries())
      this.#places.set(record, this.#places.has(record) ? REPEATED : place);
  }

  /**
   * @param file open for reading
   * @param end where the complete records end
   * @param taskId the task that is drained; the records of other tasks say nothing about it
   */
  static async in(file: Pick<FileHandle, 'read'>, end: number, taskId: string): Promise<WrittenBefore> {
    const lines = await lastLinesOf(file, end, recordStart(taskId));
    return new WrittenBefore(lines.map(comparableLine));
  }

  /** At most this many messages so far were not recognised, but may be in the file: they equal a record. */
  get doubtful(): number {
    return Math.min(this.#doubtful, this.#records.length - this.count);
  }

  /** @returns the messages of a batch of the task that are not in the file yet */
  without(batch: readonly StoredMessage[]): readonly StoredMessage[] {
    const returned = batch.filter(({ redelivered }) => redelivered);
    // What is redelivered comes first.
    this.isOver ||= returned.length < batch.length;
    const records = returned.map(comparable);
    this.#next ??= this.#startOf(records);
    const known = new Set<StoredMessage>();
    for (const [index, message] of returned.entries()) {
      const record = records[index] as string;
      if (this.#next !== undefined && this.#records[this.#next] === record) {
        this.#next++;
        known.add(message);
      } else {
        this.isOver = true;
        // Whatever comes after the run was never written.
        if (this.#next !== undefined) this.#next = this.#records.length;
        if (this.#places.has(record)) this.#doubtful++;
      }
    }
    this.count += known.size;
    this.isOver ||= this.#next === this.#records.length;
    return batch.filter((message) => !known.has(message));
  }

  /**
   * Where the run that begins with these messages begins in the file: they equal its records up to the end of the file,
   * and one of them is there only once.
   * @returns undefined if each of them is there more than once; the end of the file if there is no such run
   */
  #startOf(messages: readonly string[]): number | undefined {
    const index = messages.findIndex((message) => this.#places.get(message) !== REPEATED);
    if (index === -1) return undefined;
    const place = this.#places.get(messages[index] as string);
    const start = place === undefined ? -1 : place - index;
    const rest = start < 0 ? [] : this.#records.slice(start, start + messages.length);
    const isRun = rest.length > 0 && rest.every((record, at) => record === messages[at]);
    return isRun ? start : this.#records.length;
  }
}

/** A record without what changes when a message is delivered again. */
function comparable(message: StoredMessage): string {
  return encodeRecord({
    ...message,
    redelivered: false,
    properties: withoutCounters(message.properties),
  });
}

/** Quorum queues count deliveries in headers. */
function withoutCounters({ headers = {}, ...properties }: MessageProperties): MessageProperties {
  const { 'x-delivery-count': _deliveries, 'x-acquired-count': _acquisitions, ...kept } = headers;
  return { ...properties, headers: kept };
}

/** A line of the file as a {@link comparable} text; any other line as it is. */
function comparableLine(line: string): string {
  try {
    const { taskId = '', properties = {}, ...message } = parseRecord(line);
    return comparable({ ...message, taskId, properties, redelivered: false });
  } catch {
    return line;
  }
}

/** The last lines of a file that begin like this, before `end`, where a line ends. */
async function lastLinesOf(file: Pick<FileHandle, 'read'>, end: number, start: string): Promise<string[]> {
  const lines: string[] = [];
  let bytes = 0;
  for await (const line of linesBackwards(file, end)) {
    if (line.toString('utf8', 0, Buffer.byteLength(start)) !== start) continue;
    bytes += line.length;
    if (bytes > MAX_BYTES) break;
    lines.push(line.toString());
    if (lines.length === MAX_RECORDS) break;
  }
  return lines.reverse();
}
