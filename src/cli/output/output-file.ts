import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { fileSink } from '../sinks.ts';
import { createMessageWriter, type MessageWriter } from './message-writer.ts';

export interface OutputFileOptions {
  out?: string;
  append?: boolean;
  overwrite?: boolean;
}

export function outputFileOptions(command: CommandUnknownOpts): void {
  command
    .option('--out <file>', 'write to a file, JSON Lines unless -o says otherwise; it must not exist yet')
    .addOption(new Option('--append', 'to the end of that file').conflicts('overwrite'))
    .addOption(new Option('--overwrite', 'replace that file').conflicts('append'));
}

/** Of a new file: messages of tasks are between their client and their server, and for nobody else's eyes. */
const PRIVATE = 0o600;

/**
 * Where a command writes its messages: the standard output, or the file of `--out`. The file is made when the
 * first message comes, so a command that fails before leaves none; it is readable by its owner alone.
 *
 * @throws CommandFailure when the file exists and neither `--append` nor `--overwrite` was given
 */
export async function openOutputFile(
  context: Context,
  { out, append = false, overwrite = false }: OutputFileOptions,
  { inFull, mustBeNew = false }: { inFull: boolean; mustBeNew?: boolean },
): Promise<MessageWriter> {
  const { encodeRecord } = await import('../../index.ts');
  const { settings } = context;
  if (out === undefined || out === '-') {
    if (append || overwrite) throw new CommandFailure(ExitCode.usage, 'Append and overwrite need --out FILE');
    const isTerminal = process.stdout.isTTY === true;
    return createMessageWriter({ ...context, sink: context.stdout, inFull, isTerminal, encodeRecord });
  }
  const format = settings.output === 'auto' ? 'jsonl' : settings.output;
  if (format === 'table')
    throw new CommandFailure(ExitCode.usage, 'A table is for the terminal, not for --out');
  if (append && format === 'json') {
    throw new CommandFailure(ExitCode.usage, 'One JSON document cannot be appended to; use -o jsonl');
  }
  const found = { append, overwrite, mustBeNew };
  await checkFile(out, found);
  let writer: MessageWriter | undefined;
  let file: FileHandle | undefined;
  const opened = async () => {
    if (writer) return writer;
    file = await openFor(out, found);
    const sink = fileSink(file.fd, out);
    writer = createMessageWriter({ sink, format, settings, inFull: false, isTerminal: false, encodeRecord });
    return writer;
  };
  return {
    write: async (batch) => (await opened()).write(batch),
    async end() {
      await (await opened()).end();
      await file?.close();
    },
    get count() {
      return writer?.count ?? 0;
    },
  };
}

/** What may be done with a file that is there already. */
interface IfFound {
  append: boolean;
  overwrite: boolean;
  /** The command has no options for anything else. */
  mustBeNew: boolean;
}

async function checkFile(out: string, { append, overwrite, mustBeNew }: IfFound): Promise<void> {
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

async function openFor(out: string, { append, overwrite, mustBeNew }: IfFound): Promise<FileHandle> {
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
