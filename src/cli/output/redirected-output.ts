import { fstatSync, statSync } from 'node:fs';
import type { Context } from '../context.ts';
import { UsageFailure } from '../usage-failure.ts';
import { FileSink } from './file-sink.ts';
import { createMessageWriter, type MessageWriter, type WriterUse } from './message-writer.ts';
import { inspectDescriptor } from './open-descriptor.ts';
import { openedLater } from './opened-later.ts';

/**
 * A shell's `>> FILE` gets the same care as `--out FILE --append`, but no marker: nobody expects files beside it. So
 * only half a record shows that a drain into it was killed.
 */
export async function openStandardOutput(context: Context, use: WriterUse): Promise<MessageWriter> {
  const { stdout: sink, format } = context;
  if (use.isRemoving === true && (await isClosed(process.stdout.fd))) {
    throw new UsageFailure(
      'Nobody reads standard output (closed, or /dev/null), so what is removed would be lost',
      'Write it to a file with --out FILE. To remove messages without reading them: mcp-taskq clear.',
    );
  }
  const isTerminal = process.stdout.isTTY === true;
  const options = { ...context, sink, isTerminal, ...use };
  if (format !== 'jsonl' || !(sink instanceof FileSink) || !sink.isRegular || sink.size === 0)
    return createMessageWriter(options);
  return openedLater(async (taskId) => {
    const { inspectEnd } = await import('./last-line.ts');
    const path = `/dev/fd/${sink.fd}`;
    const end = await inspectEnd(path).catch(() => undefined);
    // Truncating is safe only if the file is open for appending; otherwise the next write would leave a gap.
    if (end !== undefined && end.kind !== 'other' && (await inspectDescriptor(sink.fd))?.isAppending) {
      const { continueFile } = await import('./interrupted-file.ts');
      const interrupted = { sink, name: 'the file of standard output', path, end };
      const drained = use.isRemoving ? taskId : undefined;
      const continued = await continueFile(context, interrupted, drained, false);
      return createMessageWriter({ ...options, continued });
    }
    if (end?.kind !== 'line') {
      await sink.write('\n');
      sink.keep();
    }
    return createMessageWriter(options);
  });
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
  return (await inspectDescriptor(fd))?.isReadWrite === true;
}
