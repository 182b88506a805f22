import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';

/** Of a new file: messages of tasks are between their client and their server, and for nobody else's eyes. */
const PRIVATE = 0o600;

/** What may be done with a file that is there already. */
export interface IfFound {
  append: boolean;
  overwrite: boolean;
  /** The command has no options for anything else. */
  mustBeNew: boolean;
}

/** @throws CommandFailure when the file must not be written to */
export async function checkFile(out: string, { append, overwrite, mustBeNew }: IfFound): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (found === undefined) return;
  if (!append && !overwrite && found.isFile()) throw existsFailure(out, mustBeNew);
  if (append && found.isFile() && found.size > 0) await checkLastLine(out, found.size);
}

/**
 * A drain that was killed may have left half a line. That message was not acknowledged, so it is still in its
 * queue; but a record put behind the half would be lost in it.
 */
async function checkLastLine(out: string, size: number): Promise<void> {
  const file = await open(out, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    if (bytesRead === 1 && buffer[0] === 0x0a) return;
  } finally {
    await file.close();
  }
  throw new CommandFailure(ExitCode.usage, `The last line of ${out} is incomplete`, {
    hint: `A drain was interrupted there, and that message is still in its queue. Remove the line: sed -i '$d' ${out}`,
  });
}

/** @throws CommandFailure when it cannot be written to, also because it has come into being since it was checked */
export async function openFile(out: string, { append, overwrite, mustBeNew }: IfFound): Promise<FileHandle> {
  try {
    const file = await open(out, append ? 'a' : overwrite ? 'w' : 'wx', PRIVATE);
    await makeEntryDurable(out);
    return file;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw existsFailure(out, mustBeNew);
    throw new CommandFailure(ExitCode.failed, `Cannot write to ${out}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** A new file is found again after a crash only if its folder is on disk too. */
async function makeEntryDurable(out: string): Promise<void> {
  const folder = await open(dirname(out), 'r').catch(() => undefined);
  try {
    await folder?.sync();
  } catch {
    // Not every system can sync a folder.
  } finally {
    await folder?.close();
  }
}

function existsFailure(out: string, mustBeNew: boolean): CommandFailure {
  return new CommandFailure(ExitCode.usage, `The file ${out} exists already`, {
    hint: mustBeNew ? 'Choose another name.' : 'Choose another name, or say --append or --overwrite.',
  });
}
