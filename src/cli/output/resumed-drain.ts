import type { FileHandle } from 'node:fs/promises';
import { encodeRecord, parseRecord } from '../../cli-support.ts';
import type { MessageProperties, StoredMessage } from '../../index.ts';
import { linesBackwards, recordStart } from './last-line.ts';

/** More records than an interrupted drain can have written without the broker receiving their acknowledgements. */
const MAX_RECORDS = 5_000;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * A drain that is interrupted after writing messages, but before the broker receives their acknowledgements, leaves
 * records in the file whose messages are back in the queue. They are the last records of that task in the file, and
 * the first redelivered messages of the queue, in the same order. This class recognises that run when the next drain of
 * the task into that file receives it.
 *
 * Equal messages may leave open which records those are, or the messages may be their copies. In doubt, a message is
 * written twice, since one that is not written is lost.
 */
export class WrittenBefore {
  /** By their {@link comparable} texts, with how often each is in the file. */
  readonly #known = new Map<string, { count: number }>();
  /** The last records of the task in the file, in order. Equal ones are the same object. */
  readonly #records: readonly { count: number }[];
  /** Where in the file the next message may be; behind the last record, if nothing of the run is left. */
  #places: readonly number[];
  /** It is known which records the run has: it fits one place, and one of its records is there only once. */
  #isFound = false;
  /** Messages recognised so far. */
  count = 0;
  #doubtful = 0;
  /** The queue has shown that nothing of the run is in it any more. Until then, a later drain may meet it. */
  isOver = false;

  private constructor(texts: readonly string[]) {
    this.#records = texts.map((text) => {
      const record = this.#known.get(text) ?? { count: 0 };
      record.count++;
      this.#known.set(text, record);
      return record;
    });
    this.isOver = texts.length === 0;
    this.#places = [...texts.keys()];
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
    const records = returned.map((message) => this.#known.get(comparable(message)));
    const { length } = this.#records;
    const places = this.#places.filter((place) =>
      records.every((record, at) => place + at >= length || this.#records[place + at] === record),
    );
    const [place = length, ...others] = places;
    const run = this.#records.slice(place, place + records.length);
    this.#isFound = others.length === 0 && (this.#isFound || run.some(({ count }) => count === 1));
    const known = new Set(this.#isFound ? returned.slice(0, run.length) : []);
    this.count += known.size;
    this.#doubtful += records.slice(known.size).filter((record) => record !== undefined).length;
    this.#places = places.map((each) => Math.min(each + records.length, length));
    // What is redelivered comes first.
    this.isOver ||= returned.length < batch.length || this.#places.every((each) => each === length);
    return batch.filter((message) => !known.has(message));
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
