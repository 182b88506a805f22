import type { StoredMessage } from '../../index.ts';
import type { Context } from '../context.ts';
import { onSuddenEnd } from '../terminal/sudden-end.ts';
import { safeLine, safeText } from '../terminal/terminal-text.ts';
import { FileSink } from './file-sink.ts';
import type { MessageTable } from './message-table.ts';
import type { Sink } from './sinks.ts';

export interface MessageWriterOptions {
  /** Show a message in full on a terminal; else one line each. */
  inFull: boolean;
  /** With `inFull`: large bodies too, as they are removed then. Default: as much as a reader would scroll through. */
  isWhole?: boolean;
  sink: Sink;
  /** Messages of several tasks: say which one each is of. */
  showTask?: boolean;
  format: Context['format'];
  /** The sink is a terminal, and nothing in a message may reach it raw. */
  isTerminal: boolean;
  settings: Context['settings'];
  recordParts: (message: StoredMessage) => Iterable<string | Buffer>;
  /** The messages are removed from their queue: what is written stays when {@link MessageWriter.keep} says so. */
  isRemoving?: boolean;
}

/**
 * Prints messages, in the form asked for, batch by batch. A file always ends after a whole message: what was not written
 * as a whole, or not kept, is taken back when the process ends before {@link end}, unless SIGKILL ends it.
 */
export interface MessageWriter {
  /** Resolves when the batch is as safe as the sink can make it. */
  write(batch: readonly StoredMessage[]): Promise<void>;
  /** What was written stays, as its messages have been removed from their queue. */
  keep(): void;
  /** Completes the output: all of it stays. */
  end(): Promise<void>;
  /** Completes the output of a command that failed: what was not kept is taken back where the sink is a file. */
  abandon(): Promise<void>;
  /** Messages written. */
  readonly count: number;
}

/** A JSON document ends with this. */
const JSON_ENDING = '\n]\n';

/** Pieces are put together up to this size: a write for each message would take longer than the messages. */
const CHUNK_BYTES = 256 * 1024;

export function createMessageWriter(options: MessageWriterOptions): MessageWriter {
  const { sink, format, isRemoving = false } = options;
  const file = sink instanceof FileSink && sink.isRegular ? sink : undefined;
  const releaseEnd = file && onSuddenEnd(() => file.rollBack());
  if (format === 'json') file?.endWith(JSON_ENDING);
  const table = tableFor(options);
  let count = 0;
  let kept = 0;
  const keep = () => {
    file?.keep();
    kept = count;
  };
  return {
    async write(batch) {
      const chunks = new Chunks(sink);
      for await (const piece of RENDERERS[format](batch, count + 1, { ...options, table }))
        await chunks.add(piece);
      await chunks.end();
      await sink.flush();
      count += batch.length;
      if (!isRemoving) keep();
    },
    keep,
    async end() {
      if (format === 'json' && count === 0) await sink.write('[]\n');
      else {
        // A file has its ending already.
        if (format === 'json' && file === undefined) await sink.write(JSON_ENDING);
        await sink.flush();
      }
      keep();
      releaseEnd?.();
    },
    async abandon() {
      releaseEnd?.();
      if (file) file.rollBack();
      else if (kept > 0 && format === 'json') await sink.write(JSON_ENDING);
    },
    get count() {
      return count;
    },
  };
}

type Piece = string | Uint8Array;

/**
 * Puts records together, and lets no more be under way than the sink has room for. A record is never cut in two writes of
 * ours: another process may append to the same file.
 */
class Chunks {
  readonly #sink: Sink;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** @param record a whole one */
  async add(record: readonly Piece[]): Promise<void> {
    for (const piece of record) {
      const bytes =
        typeof piece === 'string'
          ? Buffer.from(piece)
          : Buffer.from(piece.buffer, piece.byteOffset, piece.length);
      this.#pieces.push(bytes);
      this.#bytes += bytes.length;
    }
    if (this.#bytes >= CHUNK_BYTES) await this.end();
  }

  async end(): Promise<void> {
    if (this.#pieces.length === 0) return;
    const pieces = this.#pieces;
    // Large pieces are not copied, and small ones are written together.
    const chunk = this.#bytes < 2 * CHUNK_BYTES ? [Buffer.concat(pieces, this.#bytes)] : pieces;
    this.#pieces = [];
    this.#bytes = 0;
    await this.#sink.write(chunk);
  }
}

/** Laid out for the first batch, and the same for all that follow. */
function tableFor({ settings, showTask = false }: MessageWriterOptions): () => Promise<MessageTable> {
  let table: MessageTable | undefined;
  return async () => {
    if (table !== undefined) return table;
    const [{ MessageTable }, { terminalWidth }, { colorsFor }] = await Promise.all([
      import('./message-table.ts'),
      import('./tables.ts'),
      import('../terminal/colors.ts'),
    ]);
    const { isWide } = settings;
    const colors = colorsFor(process.stdout, settings);
    table = new MessageTable({ width: terminalWidth(), colors, showTask, isWide });
    return table;
  };
}

/** A batch as it is printed, record by record, as all of it might not fit into one string. */
type Renderer = (
  batch: readonly StoredMessage[],
  first: number,
  options: MessageWriterOptions & { table: () => Promise<MessageTable> },
) => Iterable<readonly Piece[]> | AsyncIterable<readonly Piece[]>;

const RENDERERS: Record<Context['format'], Renderer> = {
  *jsonl(batch, _first, { recordParts, isTerminal }) {
    for (const message of batch) yield [...shown(recordParts(message), isTerminal), '\n'];
  },
  *json(batch, first, { recordParts, isTerminal }) {
    for (const [index, message] of batch.entries()) {
      yield [first + index === 1 ? '[\n' : ',\n', ...shown(recordParts(message), isTerminal)];
    }
  },
  *raw(batch, _first, { isTerminal }) {
    for (const { body } of batch) {
      yield isTerminal ? [`${safeText(body.toString())}\n`] : [body, '\n'];
    }
  },
  async *table(batch, first, { inFull, isWhole = false, settings, table }) {
    if (!inFull) {
      yield [(await table()).rows(batch)];
      return;
    }
    const { colorsFor } = await import('../terminal/colors.ts');
    const colors = colorsFor(process.stdout, settings);
    const now = Date.now();
    const { viewMessage } = await import('./message-view.ts');
    for (const [index, message] of batch.entries())
      yield [`${first + index === 1 ? '' : '\n'}${viewMessage(message, colors, now, isWhole)}`];
  },
};

/** JSON on a terminal stays JSON: the characters that could do something there are escaped. */
function shown(parts: Iterable<string | Buffer>, isTerminal: boolean): Iterable<string | Buffer> {
  return isTerminal ? [safeLine([...parts].join(''))] : parts;
}
