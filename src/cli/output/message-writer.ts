import type { StoredMessage } from '../../index.ts';
import type { Context } from '../context.ts';
import { onSuddenEnd } from '../terminal/sudden-end.ts';
import { terminalWidth } from '../terminal/terminal-width.ts';
import { safeLine, safeText } from '../text/terminal-text.ts';
import { FileSink } from './file-sink.ts';
import type { Continuation } from './interrupted-file.ts';
import type { MessageTable } from './message-table.ts';
import type { Sink } from './sinks.ts';

/** What messages are written for, which the command knows. */
export interface WriterUse {
  /** Show messages in full on a terminal, instead of one line each. */
  inFull: boolean;
  /**
   * With `inFull`: show even large bodies in full, as the messages are then removed. Default: about what a reader
   * would scroll through.
   */
  isWhole?: boolean;
  /** Show the task of each message, as several tasks are printed. */
  showTask?: boolean;
  /**
   * The messages are being removed from their queue: what is written is kept only once {@link MessageWriter.keep} is
   * called.
   */
  isRemoving?: boolean;
}

export interface MessageWriterOptions extends WriterUse {
  sink: Sink;
  format: Context['format'];
  /** The sink is a terminal, so messages must be made safe for it. */
  isTerminal: boolean;
  settings: Context['settings'];
  /** The sink has what another command has written. */
  continued?: Continuation | undefined;
}

/**
 * Prints messages in the requested format, batch by batch. A file always ends after a complete message: if the
 * process ends before {@link end}, what is incomplete or not kept is removed again, except after SIGKILL.
 */
export interface MessageWriter {
  /** Resolves when the batch is as safe as the sink can make it. */
  write(batch: readonly StoredMessage[]): Promise<void>;
  /** Keeps what was written, as its messages have been removed from their queue. */
  keep(): void;
  /** The broker has confirmed that all messages written so far are removed. More may follow. */
  settle(): Promise<void>;
  /**
   * Completes the output and keeps all of it.
   * @param options `emptied`: this task has been seen to have no more messages, not even unacknowledged ones
   */
  end(options?: { emptied: string | undefined }): Promise<void>;
  /**
   * Ends the output of a failed command: in a file, what was not kept is removed.
   * @param options `mayBeBack`: messages that were removed may be back in their queue
   * @returns whether nothing is left in the output that was not kept; false for a pipe
   */
  abandon(options?: { mayBeBack: boolean }): Promise<boolean>;
  /** Number of messages written. */
  count(): number;
}

const JSON_ENDING = '\n]\n';

/** The same on a terminal, where each record ends its line: notes may come after it. */
const JSON_ENDING_ON_TERMINAL = ']\n';

/** Pieces are combined up to this size: writing each message separately would be slow. */
const CHUNK_BYTES = 256 * 1024;

export function createMessageWriter(options: MessageWriterOptions): MessageWriter {
  const { sink, format, isTerminal, isRemoving = false, continued } = options;
  const ending = isTerminal ? JSON_ENDING_ON_TERMINAL : JSON_ENDING;
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
  // What is removed from a queue must stay in the file.
  const requireIntact = async () => isRemoving && file?.requireIntact();
  return {
    async write(given) {
      const batch = (await continued?.prepare(given)) ?? given;
      await requireIntact();
      const { recordParts } = await import('../../cli-support.ts');
      await writeRecords(sink, RENDERERS[format](batch, count + 1, { ...options, recordParts, table }));
      await sink.flush();
      await requireIntact();
      count += batch.length;
      if (!isRemoving) keep();
    },
    keep,
    settle: async () => {},
    async end() {
      if (format === 'json' && count === 0) await sink.write('[]\n');
      else {
        if (format === 'json') await (file ? file.complete() : sink.write(ending));
        await sink.flush();
      }
      await requireIntact();
      keep();
      releaseEnd?.();
      continued?.report();
    },
    async abandon() {
      releaseEnd?.();
      const isUndone = file ? file.rollBack() : count === kept;
      if (file === undefined && kept > 0 && format === 'json') await sink.write(ending);
      continued?.report();
      return isUndone;
    },
    count: () => count,
  };
}

type Piece = string | Buffer;

/**
 * Writes records, combined into larger writes, and waits for the sink. Never splits a record across two writes, as another
 * process may append to the same file.
 */
async function writeRecords(sink: Sink, records: ReturnType<Renderer>): Promise<void> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  const write = async () => {
    if (pieces.length === 0) return;
    // Copies small pieces into one chunk, but not large ones.
    await sink.write(bytes < 2 * CHUNK_BYTES ? [Buffer.concat(pieces, bytes)] : pieces);
    pieces = [];
    bytes = 0;
  };
  for await (const record of records) {
    for (const piece of record) {
      const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
      pieces.push(chunk);
      bytes += chunk.length;
    }
    if (bytes >= CHUNK_BYTES) await write();
  }
  await write();
}

/** The table is created for the first batch and used for all. */
function tableFor({ settings, showTask = false }: MessageWriterOptions): () => Promise<MessageTable> {
  let table: MessageTable | undefined;
  return async () => {
    if (table !== undefined) return table;
    const [{ MessageTable }, { colorsFor }] = await Promise.all([
      import('./message-table.ts'),
      import('../terminal/colors.ts'),
    ]);
    const { isWide } = settings;
    const colors = colorsFor(process.stdout, settings);
    table = new MessageTable({ width: terminalWidth(), colors, showTask, isWide });
    return table;
  };
}

/** Renders a batch record by record, as all of it might not fit into one string. */
type Renderer = (
  batch: readonly StoredMessage[],
  first: number,
  options: MessageWriterOptions &
    Pick<typeof import('../../cli-support.ts'), 'recordParts'> & { table: () => Promise<MessageTable> },
) => Iterable<readonly Piece[]> | AsyncIterable<readonly Piece[]>;

const RENDERERS: Record<Context['format'], Renderer> = {
  *jsonl(batch, _first, { recordParts, isTerminal }) {
    for (const message of batch) yield [...shown(recordParts(message), isTerminal), '\n'];
  },
  *json(batch, first, { recordParts, isTerminal }) {
    for (const [index, message] of batch.entries()) {
      const isFirst = first + index === 1;
      const parts = shown(recordParts(message), isTerminal);
      yield isTerminal ? [isFirst ? '[\n' : ',', ...parts, '\n'] : [isFirst ? '[\n' : ',\n', ...parts];
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

/** JSON on a terminal stays valid JSON, with unsafe characters escaped. */
function shown(parts: Iterable<string | Buffer>, isTerminal: boolean): Iterable<string | Buffer> {
  return isTerminal ? [safeLine([...parts].join(''))] : parts;
}
