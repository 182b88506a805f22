import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';

const CHUNK_BYTES = 256 * 1024;

export interface InputLine {
  /** From 1, as editors count. */
  number: number;
  text: Buffer;
  /** The last line, without a line feed: whoever wrote it may have been interrupted. */
  isUnfinished: boolean;
}

/** Lines that can be read more than once. */
export interface LineSource {
  name: string;
  /** Some at a time: fifty thousand turns of the event loop would take as long as their parsing. */
  lines(): AsyncIterable<InputLine[]>;
  /** Forgets what was kept of it. */
  close(): Promise<void>;
}

/**
 * A file, or for `-` the standard input. What can be read only once, as from a pipe, is kept in a temporary file
 * meanwhile: it is checked as a whole before any of it is used.
 */
export async function openLines(from: string): Promise<LineSource> {
  if (from === '-') return keepLines('the standard input', process.stdin);
  const file = await openFile(from);
  if ((await file.stat()).isFile()) {
    return { name: from, lines: () => linesOf(file), close: () => file.close() };
  }
  return keepLines(from, file.createReadStream());
}

async function keepLines(name: string, input: AsyncIterable<Buffer>): Promise<LineSource> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-taskq-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  let file: FileHandle | undefined;
  const close = async () => {
    await file?.close();
    await remove();
  };
  try {
    file = await open(join(folder, 'input'), 'wx+', 0o600);
    const kept = file;
    // An open file needs no name; without one it goes with this process, however that ends. On Windows it keeps
    // its name until `close`.
    await remove().catch(() => {});
    for await (const chunk of input) await kept.appendFile(chunk);
    return { name, lines: () => linesOf(kept), close };
  } catch (cause) {
    await close();
    throw new CommandFailure(
      ExitCode.failed,
      `Cannot keep ${name} in ${tmpdir()}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file);
    if (!(await handle.stat()).isDirectory()) return handle;
    await handle.close();
    throw new Error('it is a directory');
  } catch (cause) {
    throw new CommandFailure(ExitCode.usage, `Cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** Splits at line feeds and nothing else, and on bytes: a line may be broken UTF-8, and must then be refused. */
async function* linesOf(file: FileHandle): AsyncGenerator<InputLine[]> {
  let number = 0;
  /** Of a line that is longer than what has been read of it. */
  let parts: Buffer[] = [];
  const chunks: AsyncIterable<Buffer> = file.createReadStream({
    start: 0,
    autoClose: false,
    highWaterMark: CHUNK_BYTES,
  });
  for await (const chunk of chunks) {
    const lines: InputLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const rest = chunk.subarray(start, end);
      const text = parts.length === 0 ? rest : Buffer.concat([...parts, rest]);
      lines.push({ number: ++number, text, isUnfinished: false });
      parts = [];
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
    yield lines;
  }
  if (parts.length > 0) yield [{ number: ++number, text: Buffer.concat(parts), isUnfinished: true }];
}
