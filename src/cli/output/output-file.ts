import type { FileHandle } from 'node:fs/promises';
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
  const { checkFile, openFile } = await import('./file-opening.ts');
  const found = { append, overwrite, mustBeNew };
  await checkFile(out, found);
  let writer: MessageWriter | undefined;
  let file: FileHandle | undefined;
  const opened = async () => {
    if (writer) return writer;
    file = await openFile(out, found);
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
