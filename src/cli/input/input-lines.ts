import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';

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
 * A file, or for `-` the standard input, which is kept in a temporary file meanwhile: it is checked as a whole
 * before any of it is used.
 */
export async function openLines(from: string): Promise<LineSource> {
  if (from !== '-') {
    const file = await openFile(from);
    await file.close();
    return { name: from, lines: () => linesOf(from), close: async () => {} };
  }
  const folder = await mkdtemp(join(tmpdir(), 'mcp-taskq-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const spool = join(folder, 'input');
  try {
    const file = await open(spool, 'wx', 0o600);
    try {
      for await (const chunk of process.stdin) await file.appendFile(chunk);
    } finally {
      await file.close();
    }
  } catch (cause) {
    await remove();
    throw new CommandFailure(
      ExitCode.failed,
      `Cannot keep the input in ${tmpdir()}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  return { name: 'the standard input', lines: () => linesOf(spool), close: remove };
}

async function openFile(file: string) {
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
async function* linesOf(file: string): AsyncGenerator<InputLine[]> {
  let number = 0;
  /** Of a line that is longer than what has been read of it. */
  let parts: Buffer[] = [];
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
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
