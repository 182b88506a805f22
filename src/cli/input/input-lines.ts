import { type FileHandle, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ScannedValue } from '../../cli-shared.ts';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { openForReading } from '../terminal/blocking-files.ts';
import { whyUnsupported } from '../terminal/unsupported-stream.ts';
import { shellWords } from '../text/shell-words.ts';
import { UsageFailure } from '../usage-failure.ts';
import { detectEncoding, SIGNATURE_BYTES } from './input-encoding.ts';
import { checkLength } from './line-length.ts';

const CHUNK_BYTES = 256 * 1024;

const LINE_FEED = 0x0a;

/** A line of a text, or a value in it. The last line is unfinished if it has no line feed. */
export type InputLine = ScannedValue;

/** Text that can be read more than once. */
export interface LineSource {
  name: string;
  /** Path of the file, if the line offsets refer to it. */
  path: string | undefined;
  /** In batches: with fifty thousand lines, a turn of the event loop for each would take as long as parsing them. */
  lines(): AsyncIterable<InputLine[]>;
  /** The whole text, without a byte order mark. */
  chunks(): AsyncIterable<Buffer>;
  /** Discards the temporary copy, if any. */
  close(): Promise<void>;
}

/**
 * Opens a file, or stdin for `-`, gzipped or not, with or without a byte order mark. Input that can be read only
 * once, such as a pipe, is copied to a temporary file, because all of it is checked before any of it is used.
 * @throws UsageFailure for a file that cannot be read or is not UTF-8 text
 */
export async function openLines(from: string): Promise<LineSource> {
  if (from === '-') {
    const unsupported = whyUnsupported(process.stdin);
    if (unsupported !== undefined) throw new UsageFailure(`Cannot read standard input: ${unsupported}`);
    return keepLines('standard input', process.stdin);
  }
  const file = await openFile(from);
  if (file instanceof Readable) return keepLines(from, file);
  try {
    return await sourceOf(from, from, file, () => file.close());
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** @param close closes the file, and deletes it if it is a temporary copy */
async function sourceOf(
  name: string,
  path: string | undefined,
  file: FileHandle,
  close: () => Promise<void>,
): Promise<LineSource> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0);
  const encoding = detectEncoding(buffer.subarray(0, bytesRead));
  if (encoding.kind === 'other') {
    const words = path === undefined ? '' : ` ${shellWords([path])}`;
    throw new UsageFailure(
      `${name} is ${encoding.name}, not UTF-8 text`,
      `Convert it: ${encoding.convert}${words} | mcp-taskq … -`,
    );
  }
  if (encoding.kind === 'gzip') {
    const kept = await keepLines(name, unpacked(file));
    return {
      ...kept,
      async close() {
        await kept.close();
        await close();
      },
    };
  }
  const start = encoding.markBytes;
  const chunks = () => chunksOf(file, start);
  return { name, path, lines: () => linesOf(name, file, start), chunks, close };
}

/** Not a stream: leaving a stream early would close the file, which may be read again. */
async function* chunksOf(file: FileHandle, start: number): AsyncGenerator<Buffer, void, undefined> {
  for (let position = start; ; ) {
    const chunk = await readAt(file, position, CHUNK_BYTES);
    if (chunk.length === 0) return;
    yield chunk;
    position += chunk.length;
  }
}

/** A generator, so that unpacking starts when it is read, and its error reaches the reader. */
async function* unpacked(file: FileHandle): AsyncGenerator<Buffer, void, undefined> {
  const { createGunzip } = await import('node:zlib');
  const unpacking = createGunzip();
  Readable.from(chunksOf(file, 0))
    .on('error', (error) => unpacking.destroy(error))
    .pipe(unpacking);
  yield* unpacking;
  // Node takes zero bytes for padding, and drops what comes after them, such as more messages after a power loss.
  for await (const rest of chunksOf(file, unpacking.bytesWritten)) {
    if (rest.some((byte) => byte !== 0))
      throw Object.assign(new Error('more data after zero bytes'), { code: 'Z_DATA_ERROR' });
  }
}

async function keepLines(name: string, input: AsyncIterable<Buffer>): Promise<LineSource> {
  let folder: string | undefined;
  const remove = async () => folder && rm(folder, { recursive: true, force: true });
  let file: FileHandle | undefined;
  const close = async () => {
    await file?.close();
    await remove();
  };
  try {
    folder = await mkdtemp(join(tmpdir(), 'mcp-taskq-'));
    file = await open(join(folder, 'input'), 'wx+', 0o600);
    const kept = file;
    // An open file can do without a name, and then disappears with this process, however that ends. On Windows it
    // keeps its name until `close`.
    await remove().catch(() => {});
    for await (const chunk of input) await kept.appendFile(chunk);
    return await sourceOf(name, undefined, kept, close);
  } catch (cause) {
    await close();
    if (cause instanceof CommandFailure) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code?.startsWith('Z_'))
      throw new UsageFailure(`${name} is damaged: ${message} (gzip)`, undefined, cause);
    throw new CommandFailure(ExitCode.failed, `Cannot copy ${name} to ${tmpdir()}: ${message}`, {
      cause,
      hint: 'TMPDIR sets the folder for temporary files.',
    });
  }
}

/** @returns a stream for what can be read only once */
async function openFile(file: string): Promise<FileHandle | Readable> {
  try {
    const status = await stat(file).catch(() => undefined);
    if (status?.isDirectory()) throw new Error('it is a directory');
    if (status === undefined || status.isFile()) return await open(file);
    return await openForReading(file, status.isFIFO());
  } catch (cause) {
    throw new UsageFailure(`Cannot read ${file}: ${(cause as Error).message}`, undefined, cause);
  }
}

/** Splits bytes, not text, at line feeds only: a line with invalid UTF-8 must be refused, not repaired. */
async function* linesOf(name: string, file: FileHandle, start: number): AsyncGenerator<InputLine[]> {
  let number = 0;
  const { size } = await file.stat();
  for (let offset = start; ; ) {
    const chunk = await readAt(file, offset, CHUNK_BYTES);
    if (chunk.length === 0) {
      if (offset < size) throw new UsageFailure(`${name} was truncated while it was read`);
      return;
    }
    const lines: InputLine[] = [];
    let begin = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, begin)) {
      const text = chunk.subarray(begin, end);
      lines.push({ number: ++number, text, isUnfinished: false, offset: offset + begin });
      begin = end + 1;
    }
    if (begin === 0) {
      const { end, isUnfinished } = await endOfLine(file, offset, number + 1);
      lines.push({ number: ++number, text: await readAt(file, offset, end - offset), isUnfinished, offset });
      begin = end - offset + 1;
    }
    yield lines;
    offset += begin;
  }
}

/** Searched before the line is assembled: a long line would otherwise be in memory twice. */
async function endOfLine(file: FileHandle, offset: number, number: number) {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = offset; ; ) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position);
    const end = buffer.subarray(0, bytesRead).indexOf(LINE_FEED);
    if (end !== -1 || bytesRead === 0) return { end: position + Math.max(end, 0), isUnfinished: end === -1 };
    position += bytesRead;
    checkLength(position - offset, number);
  }
}

/** @returns fewer bytes only at the end of the file */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
