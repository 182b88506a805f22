import { constants, fstatSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { isatty } from 'node:tty';
import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { markDrain } from './drain-marker.ts';
import { FileSink } from './file-sink.ts';
import { createMessageWriter, type MessageWriter, type MessageWriterOptions } from './message-writer.ts';
import type { WrittenBefore } from './resumed-drain.ts';

export interface OutputFileOptions {
  out?: string;
  append?: boolean;
  overwrite?: boolean;
}

export function outputFileOptions(command: CommandUnknownOpts): void {
  command
    .option('--out <file>', 'write to a new file, as JSON Lines unless -o is given')
    .addOption(new Option('--append', 'append to that file, or continue it').conflicts('overwrite'))
    .addOption(new Option('--overwrite', 'replace that file').conflicts('append'));
}

export interface OutputFileUse
  extends Pick<MessageWriterOptions, 'inFull' | 'isWhole' | 'isRemoving' | 'showTask'> {
  /** The file must not exist: the command has no option to append or overwrite. */
  mustBeNew?: boolean;
}

/**
 * Opens the output for messages: stdout, or the file of `--out`. The file is created when the first message arrives,
 * so a command that fails earlier leaves none; only its owner can read it. With `--append`, what an interrupted drain has
 * left is continued: half a record is cut off, and what is known to be in the file is not written again.
 *
 * @throws CommandFailure if the file exists and neither `--append` nor `--overwrite` is given
 */
export async function openOutputFile(
  context: Context,
  { out, append = false, overwrite = false }: OutputFileOptions,
  { mustBeNew = false, ...use }: OutputFileUse,
): Promise<MessageWriter> {
  const { settings } = context;
  if (out === undefined || out === '-') {
    if (append || overwrite)
      throw new CommandFailure(ExitCode.usage, '--append and --overwrite need --out FILE');
    return openStandardOutput(context, use);
  }
  const format = settings.output === 'auto' ? 'jsonl' : settings.output;
  if (format === 'table') throw new CommandFailure(ExitCode.usage, '--out does not support -o table');
  if (append && format === 'json') {
    throw new CommandFailure(ExitCode.usage, '--append does not support -o json; use -o jsonl');
  }
  const { checkFile, openFile } = await import('./file-opening.ts');
  const found = { append, overwrite, mustBeNew };
  await checkFile(out, found);
  return openedLater(async () => {
    const opened = await openFile(out, found, context.stop.signal);
    const { sink, end } = opened;
    const file = sink instanceof FileSink && sink.isRegular ? sink : undefined;
    // Other formats cannot be continued record by record.
    const isMarked = use.isRemoving === true && !mustBeNew && format === 'jsonl' && file !== undefined;
    const marker = isMarked ? await markDrain(out) : undefined;
    let writer = createMessageWriter({
      sink,
      format,
      settings,
      isTerminal: sink instanceof FileSink && isatty(sink.fd),
      ...use,
    });
    let before: WrittenBefore | undefined;
    if (append && file !== undefined && file.size !== 0) {
      const { repairEnd, withoutRepeating, writtenBefore } = await import('./interrupted-file.ts');
      const interrupted = { sink: file, name: out, path: out, end };
      if (marker?.wasLeft || (isMarked && end.kind === 'half')) before = await writtenBefore(interrupted);
      await repairEnd(context, interrupted);
      if (before !== undefined) writer = withoutRepeating(context, writer, before, out);
    }
    return {
      ...writer,
      get count() {
        return writer.count;
      },
      async end() {
        await writer.end();
        if (before === undefined || before.isOver) await marker?.clear();
        await opened.close();
      },
      async abandon(options) {
        await writer.abandon(options);
        const isEmpty = file !== undefined && fstatSync(file.fd).size === 0;
        // What an earlier drain left may not have been looked at yet.
        if (isEmpty || !(options?.mayBeBack || before)) await marker?.clear();
        // Otherwise another process has truncated it, and may be about to write to it.
        if (isEmpty && file.size === 0) await opened.discard();
        await opened.close();
      },
    };
  });
}

/**
 * A shell's `>> FILE` gets the same care as `--out FILE --append`, but no marker: nobody expects files beside it. So
 * only half a record shows that a drain into it was killed.
 */
async function openStandardOutput(context: Context, use: OutputFileUse): Promise<MessageWriter> {
  const { stdout: sink, format } = context;
  if (use.isRemoving === true && (await isClosed(process.stdout.fd))) {
    throw new CommandFailure(
      ExitCode.usage,
      'Nobody reads the standard output (closed, or /dev/null), so what is removed would be lost',
      {
        hint: 'Write it to a file with --out FILE. To remove messages without reading them: mcp-taskq clear.',
      },
    );
  }
  const isTerminal = process.stdout.isTTY === true;
  const writer = createMessageWriter({ ...context, sink, isTerminal, ...use });
  if (format !== 'jsonl' || !(sink instanceof FileSink) || !sink.isRegular || sink.size === 0) return writer;
  return openedLater(async () => {
    const { inspectEnd } = await import('./last-line.ts');
    const path = `/dev/fd/${sink.fd}`;
    const file = await open(path, 'r').catch(() => undefined);
    const end = file && (await inspectEnd(file, sink.size as number).finally(() => file.close()));
    // Truncating is safe only if the file is open for appending; otherwise the next write would leave a gap.
    if (end !== undefined && end.kind !== 'other' && (await isAppendedTo(sink.fd))) {
      const { repairEnd, withoutRepeating, writtenBefore } = await import('./interrupted-file.ts');
      const name = 'the file of the standard output';
      const interrupted = { sink, name, path, end };
      const isCut = use.isRemoving === true && end.kind === 'half';
      const before = isCut ? await writtenBefore(interrupted) : undefined;
      await repairEnd(context, interrupted);
      return before === undefined ? writer : withoutRepeating(context, writer, before, name);
    }
    if (end?.kind !== 'line') {
      await sink.write('\n');
      sink.keep();
    }
    return writer;
  });
}

async function isAppendedTo(fd: number): Promise<boolean> {
  return ((await openFlags(fd)) & constants.O_APPEND) !== 0;
}

/**
 * Node puts /dev/null, opened for both directions, in the place of a closed descriptor, and so do programs that start
 * another one without an output. A shell's `> /dev/null`, which somebody wrote on purpose, only writes.
 */
async function isClosed(fd: number): Promise<boolean> {
  try {
    const found = fstatSync(fd);
    if (!found.isCharacterDevice() || found.rdev !== statSync('/dev/null').rdev) return false;
  } catch {
    return false;
  }
  return ((await openFlags(fd)) & constants.O_RDWR) !== 0;
}

/** Linux only: Node has no `fcntl`. */
async function openFlags(fd: number): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const info = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => '');
  return Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? '0', 8);
}

/** A writer that is opened by the first `write`, or by `end`. */
function openedLater(open: () => Promise<MessageWriter>): MessageWriter {
  let writer: MessageWriter | undefined;
  const opened = async () => {
    writer ??= await open();
    return writer;
  };
  return {
    write: async (batch) => (await opened()).write(batch),
    keep: () => writer?.keep(),
    end: async () => (await opened()).end(),
    abandon: async (options) => writer?.abandon(options),
    get count() {
      return writer?.count ?? 0;
    },
  };
}
