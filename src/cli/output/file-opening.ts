import { constants } from 'node:fs';
import { type FileHandle, open, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { type FileEnd, inspectEnd } from '../terminal/last-line.ts';
import { shellWords } from './shell-words.ts';

/** Of a new file: messages of tasks are between their client and their server, and for nobody else's eyes. */
const PRIVATE = 0o600;

/** What may be done with a file that is there already. */
export interface IfFound {
  append: boolean;
  overwrite: boolean;
  /** The command has no options for anything else. */
  mustBeNew: boolean;
}

export interface OpenedFile {
  file: FileHandle;
  /** How it ended before. */
  end: FileEnd;
  /** Deletes it, if it was made here. */
  discard(): Promise<void>;
}

/** @throws CommandFailure when the file must not be written to */
export async function checkFile(out: string, { append, overwrite, mustBeNew }: IfFound): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (found === undefined) return;
  if (!append && !overwrite && found.isFile()) throw existsFailure(out, mustBeNew);
  if (!append || !found.isFile()) return;
  const file = await open(out, 'r').catch((cause) => {
    throw cannotWrite(out, cause);
  });
  try {
    refuseOtherText(out, await inspectEnd(file, found.size));
  } finally {
    await file.close();
  }
}

/** Half a record can be cut off, but of a line that is anything else nobody knows what it was to be. */
function refuseOtherText(out: string, end: FileEnd): void {
  if (end.kind !== 'other') return;
  throw new CommandFailure(
    ExitCode.usage,
    `The last line of ${out} is incomplete and is not part of a record`,
    {
      hint: `To keep it as a line of its own: echo >> ${shellWords([out])}`,
    },
  );
}

/** @throws CommandFailure when it cannot be written to, also because it has come into being since it was checked */
export async function openFile(out: string, { append, overwrite, mustBeNew }: IfFound): Promise<OpenedFile> {
  const before = await stat(out).catch(() => undefined);
  // Nothing in a device or named pipe is replaced.
  const mustBeMade = !append && !overwrite && (before === undefined || before.isFile());
  let file: FileHandle;
  try {
    file = await open(out, openingFlags(overwrite, mustBeMade), PRIVATE);
    await makeEntryDurable(out);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw existsFailure(out, mustBeNew);
    throw cannotWrite(out, cause);
  }
  const found = await file.stat();
  const end: FileEnd = append && found.isFile() ? await endOf(out, found.size) : { kind: 'line' };
  try {
    refuseOtherText(out, end);
  } catch (error) {
    await file.close();
    throw error;
  }
  const discard = async () => {
    // It may have been renamed meanwhile.
    const now = await stat(out).catch(() => undefined);
    if (before === undefined && now?.ino === found.ino && now.dev === found.dev)
      await unlink(out).catch(() => {});
  };
  return { file, end, discard };
}

/** What is there stays whoever else writes to the file: each write goes to its end. */
function openingFlags(overwrite: boolean, mustBeMade: boolean): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_TRUNC } = constants;
  return O_WRONLY | O_APPEND | O_CREAT | (overwrite ? O_TRUNC : 0) | (mustBeMade ? O_EXCL : 0);
}

/** Through a handle of its own: the one that is written to need not be readable. */
async function endOf(out: string, size: number): Promise<FileEnd> {
  if (size === 0) return { kind: 'line' };
  const file = await open(out, 'r');
  try {
    return await inspectEnd(file, size);
  } finally {
    await file.close();
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
    hint: mustBeNew ? 'Choose another name.' : 'Choose another name, or use --append or --overwrite.',
  });
}

function cannotWrite(out: string, cause: unknown): CommandFailure {
  return new CommandFailure(ExitCode.failed, `Cannot write to ${out}: ${(cause as Error).message}`, {
    cause,
  });
}
