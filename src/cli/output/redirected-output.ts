import { constants, fstatSync, statSync } from 'node:fs';
import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { FileSink } from './file-sink.ts';
import { createMessageWriter, type MessageWriter } from './message-writer.ts';
import { openedLater } from './opened-later.ts';
import type { OutputFileUse } from './output-file.ts';

/**
 * A shell's `>> FILE` gets the same care as `--out FILE --append`, but no marker: nobody expects files beside it. So
 * only half a record shows that a drain into it was killed.
 */
export async function openStandardOutput(context: Context, use: OutputFileUse): Promise<MessageWriter> {
  const { stdout: sink, format } = context;
  if (use.isRemoving === true && (await isClosed(process.stdout.fd))) {
    throw new CommandFailure(
      ExitCode.usage,
      'Nobody reads standard output (closed, or /dev/null), so what is removed would be lost',
      {
        hint: 'Write it to a file with --out FILE. To remove messages without reading them: mcp-taskq clear.',
      },
    );
  }
  const isTerminal = process.stdout.isTTY === true;
  const writer = createMessageWriter({ ...context, sink, isTerminal, ...use });
  if (format !== 'jsonl' || !(sink instanceof FileSink) || !sink.isRegular || sink.size === 0) return writer;
  return openedLater(async (taskId) => {
    const { inspectEnd } = await import('./last-line.ts');
    const path = `/dev/fd/${sink.fd}`;
    const end = await inspectEnd(path, sink.size as number).catch(() => undefined);
    // Truncating is safe only if the file is open for appending; otherwise the next write would leave a gap.
    if (end !== undefined && end.kind !== 'other' && (await isAppendedTo(sink.fd))) {
      const { repairEnd, withoutRepeating, writtenBefore } = await import('./interrupted-file.ts');
      const name = 'the file of standard output';
      const interrupted = { sink, name, path, end };
      const before =
        use.isRemoving && taskId !== undefined ? await writtenBefore(interrupted, taskId, false) : undefined;
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
