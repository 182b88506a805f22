import { constants } from 'node:fs';
import { type FileHandle, open, stat, unlink } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { openForWriting } from '../terminal/blocking-files.ts';
import { shellWords } from '../text/shell-words.ts';
import { UsageFailure } from '../usage-failure.ts';
import { type DrainMarker, requireFinished } from './drain-marker.ts';
import { FileSink } from './file-sink.ts';
import { type FileEnd, inspectEnd } from './last-line.ts';
import { type Sink, streamSink } from './sinks.ts';

/** Mode of a new file: a task's messages are private to its client and server. */
const PRIVATE = 0o600;

/** What to do if the file already exists. */
export interface IfFound {
  append: boolean;
  overwrite: boolean;
  /** The file must not exist: the command has no option to append or overwrite. */
  mustBeNew: boolean;
}

export interface OpenedFile {
  sink: Sink;
  /** How the file ended when it was opened. */
  end: FileEnd;
  isNew: boolean;
  close(): Promise<void>;
  /** Deletes the file, if it was created here. */
  discard(): Promise<void>;
}

/** @throws CommandFailure if the file must not be written to */
export async function checkFile(out: string, { append, overwrite, mustBeNew }: IfFound): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (found === undefined) return;
  if (found.isDirectory()) throw new UsageFailure(`Cannot write to ${out}: it is a directory`);
  if (!append && !overwrite && found.isFile()) throw existsFailure(out, mustBeNew);
  if (overwrite) await requireReplaceable(out);
  if (!append || !found.isFile()) return;
  const end = await inspectEnd(out).catch((cause) => {
    throw cannotWrite(out, cause);
  });
  refuseOtherText(out, end);
}

/** An incomplete record can be cut off, but other incomplete lines cannot be judged. */
function refuseOtherText(out: string, end: FileEnd): void {
  if (end.kind !== 'other') return;
  throw new UsageFailure(
    `The last line of ${out} is incomplete and is not part of a record`,
    `To keep it as a line of its own: echo >> ${shellWords([out])}`,
  );
}

/** Only the file may hold messages that an interrupted drain has removed. */
function requireReplaceable(out: string, own?: DrainMarker): Promise<void> {
  return requireFinished(out, 'Not overwritten', own);
}

/**
 * @param signal ends the wait for a reader of a named pipe
 * @param own the marker of the caller's own drain
 * @throws CommandFailure if it cannot be written to, or was created by another process since the check
 */
export async function openFile(
  out: string,
  { append, overwrite, mustBeNew }: IfFound,
  signal: AbortSignal,
  own?: DrainMarker,
): Promise<OpenedFile> {
  const before = await stat(out).catch(() => undefined);
  if (before?.isFIFO()) return openPipe(out, signal);
  // A drain may have begun since the check.
  if (overwrite && before !== undefined) await requireReplaceable(out, own);
  // Opening a device does not replace anything.
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
  const end: FileEnd = append && found.isFile() && found.size > 0 ? await inspectEnd(out) : { kind: 'line' };
  try {
    refuseOtherText(out, end);
  } catch (error) {
    await file.close();
    throw error;
  }
  const isNew = before === undefined;
  return {
    sink: new FileSink(file.fd, out, out),
    end,
    isNew,
    close: () => file.close(),
    async discard() {
      // It may have been renamed in the meantime.
      const now = await stat(out).catch(() => undefined);
      if (isNew && now?.ino === found.ino && now.dev === found.dev) await unlink(out).catch(() => {});
    },
  };
}

async function openPipe(out: string, signal: AbortSignal): Promise<OpenedFile> {
  let pipe: Socket;
  try {
    pipe = await openForWriting(out, signal);
  } catch (cause) {
    throw signal.aborted ? cause : cannotWrite(out, cause);
  }
  const close = () =>
    new Promise<void>((resolve) => {
      if (pipe.destroyed) resolve();
      pipe.once('close', resolve);
      pipe.destroySoon();
    });
  // Unlike a reader of the standard output (`| head`), this one is not known to have had enough.
  const failure = (cause: NodeJS.ErrnoException) =>
    cannotWrite(out, cause.code === 'EPIPE' ? new Error('its reader has closed the pipe', { cause }) : cause);
  const sink = streamSink(pipe, out, failure);
  return { sink, end: { kind: 'line' }, isNew: false, close, discard: async () => {} };
}

/** Each write goes to the end of the file, so that other writers' data is never overwritten. */
function openingFlags(overwrite: boolean, mustBeMade: boolean): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_TRUNC } = constants;
  return O_WRONLY | O_APPEND | O_CREAT | (overwrite ? O_TRUNC : 0) | (mustBeMade ? O_EXCL : 0);
}

/** A new file survives a crash only if its folder is synced too. */
async function makeEntryDurable(out: string): Promise<void> {
  const folder = await open(dirname(out), 'r').catch(() => undefined);
  try {
    await folder?.sync();
  } catch {
    // Some systems cannot sync a folder.
  } finally {
    await folder?.close();
  }
}

function existsFailure(out: string, mustBeNew: boolean): CommandFailure {
  return new UsageFailure(
    `The file ${out} already exists`,
    mustBeNew ? 'Choose another name.' : 'Choose another name, or use --append or --overwrite.',
  );
}

function cannotWrite(out: string, cause: unknown): CommandFailure {
  return new CommandFailure(ExitCode.failed, `Cannot write to ${out}: ${(cause as Error).message}`, {
    cause,
  });
}
