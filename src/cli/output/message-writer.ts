import type { StoredMessage } from '../../index.ts';
import type { Context } from '../context.ts';
import type { Sink } from '../sinks.ts';
import { safeLine, safeText } from '../terminal-text.ts';

export interface MessageWriterOptions {
  /** Show a message in full on a terminal; else one line each. */
  inFull: boolean;
  sink: Sink;
  /** Messages of several tasks: say which one each is of. */
  showTask?: boolean;
  format: Context['format'];
  /** The sink is a terminal, and nothing in a message may reach it raw. */
  isTerminal: boolean;
  settings: Context['settings'];
  encodeRecord: (message: StoredMessage) => string;
}

/** Prints messages, in the form asked for, batch by batch. */
export interface MessageWriter {
  /** Resolves when the batch is as safe as the sink can make it. */
  write(batch: readonly StoredMessage[]): Promise<void>;
  /** Completes the output. Must be called once, also when not everything was written. */
  end(): Promise<void>;
  readonly count: number;
}

export function createMessageWriter(options: MessageWriterOptions): MessageWriter {
  const { sink, format } = options;
  let count = 0;
  const render = (batch: readonly StoredMessage[], first: number) => RENDERERS[format](batch, first, options);
  return {
    async write(batch) {
      const chunks = await render(batch, count + 1);
      for (const chunk of chunks) await sink.write(chunk);
      await sink.flush();
      count += batch.length;
    },
    async end() {
      if (format === 'json') await sink.write(count === 0 ? '[]\n' : '\n]\n');
      await sink.flush();
    },
    get count() {
      return count;
    },
  };
}

type Renderer = (
  batch: readonly StoredMessage[],
  first: number,
  options: MessageWriterOptions,
) => Chunks | Promise<Chunks>;

type Chunks = (string | Uint8Array)[];

const RENDERERS: Record<Context['format'], Renderer> = {
  jsonl: (batch, _first, { encodeRecord, isTerminal }) =>
    join(batch.map((message) => `${shown(encodeRecord(message), isTerminal)}\n`)),
  json: (batch, first, { encodeRecord, isTerminal }) =>
    join(
      batch.map(
        (message, index) =>
          `${first + index === 1 ? '[\n' : ',\n'}${shown(encodeRecord(message), isTerminal)}`,
      ),
    ),
  raw: (batch, _first, { isTerminal }) =>
    batch.flatMap(({ body }) => [isTerminal ? safeText(body.toString()) : body, '\n']),
  table: async (batch, first, { inFull, settings, showTask = false }) => {
    const { colorsFor } = await import('./colors.ts');
    const colors = colorsFor(process.stdout, settings);
    const now = Date.now();
    if (!inFull) {
      const [{ messageTable }, { terminalWidth }] = await Promise.all([
        import('./message-table.ts'),
        import('./tables.ts'),
      ]);
      return [messageTable(batch, { first, width: terminalWidth(), colors, now, showTask })];
    }
    const { viewMessage } = await import('./message-view.ts');
    return batch.map(
      (message, index) => `${first + index === 1 ? '' : '\n'}${viewMessage(message, colors, now)}`,
    );
  },
};

/** JSON on a terminal stays JSON: the characters that could do something there are escaped. */
function shown(record: string, isTerminal: boolean): string {
  return isTerminal ? safeLine(record) : record;
}

/** One write a batch instead of one a message. */
function join(lines: string[]): string[] {
  return lines.length === 0 ? [] : [lines.join('')];
}
