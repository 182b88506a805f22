import { type FileHandle, open } from 'node:fs/promises';
import type { StoredMessage } from '../../index.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../text/sizes.ts';
import type { FileSink } from './file-sink.ts';
import { type FileEnd, inspectEnd, recordStart } from './last-line.ts';
import { WrittenBefore } from './resumed-drain.ts';

/** A file of records that another command has left, perhaps incomplete. */
export interface InterruptedFile {
  sink: FileSink;
  name: string;
  /** Path for reading it. */
  path: string;
  end: FileEnd;
}

/** For a writer that goes on where another command has ended. */
export interface Continuation {
  /** What an interrupted drain of the task has left in the file, if it is known. */
  before: WrittenBefore | undefined;
  /** To be called before each batch is written. @returns what of it is not in the file yet */
  prepare(batch: readonly StoredMessage[]): Promise<readonly StoredMessage[]>;
  /** Reports at the end what was left out. */
  report(): void;
}

/**
 * Repairs the end of the file.
 * @param taskId the task that is drained to it; absent if messages are not removed
 * @param isMarked whether a marker shows that its last drain was interrupted; otherwise only half a record does
 */
export async function continueFile(
  context: Context,
  file: InterruptedFile,
  taskId: string | undefined,
  isMarked: boolean,
): Promise<Continuation> {
  const before = taskId === undefined ? undefined : await writtenBefore(file, taskId, isMarked);
  await repairEnd(context, file);
  return {
    before,
    async prepare(batch) {
      // Another drain into the same file may have been killed. A file that is gone is reported by the writer.
      const end = await inspectEnd(file.path).catch(() => undefined);
      if (end !== undefined) await repairEnd(context, { ...file, end });
      // Even an empty batch is written, and so flushed: what the killed drain wrote may not be on disk yet.
      return before?.without(batch) ?? batch;
    },
    report() {
      if (before !== undefined) reportRepeated(context, before, file.name);
    },
  };
}

/** Makes the file end where the next record can begin. */
async function repairEnd(
  { note }: Context,
  { sink, name, path, end: found }: InterruptedFile,
): Promise<void> {
  let end = found;
  // Another process may have repaired it in the meantime, or written to it.
  while (end.kind === 'half' && !sink.cutOff(end)) end = await inspectEnd(path);
  if (end.kind === 'half') {
    note(
      `${name} ended in an incomplete record (${formatCount(end.bytes, 'byte')}), which was cut off. ` +
        'If a drain was killed there, its message is still in the queue.',
    );
  } else if (end.kind === 'unended') {
    await sink.write('\n');
    sink.keep();
  }
}

/**
 * What an interrupted drain of a task has written at the end of the file. Before {@link repairEnd}.
 * @param isMarked whether a marker shows that there was such a drain; otherwise only half a record does
 * @returns undefined if there was none
 */
async function writtenBefore(
  { sink, path, end }: InterruptedFile,
  taskId: string,
  isMarked: boolean,
): Promise<WrittenBefore | undefined> {
  if (!isMarked && end.kind !== 'half') return undefined;
  const file = await open(path, 'r');
  try {
    const stop = end.kind === 'half' ? end.start : (sink.size as number);
    if (!isMarked && !(await isStartOfRecord(file, stop, taskId))) return undefined;
    return await WrittenBefore.in(file, stop, taskId);
  } finally {
    await file.close();
  }
}

/** Whether the rest of a file begins like a record of the task, as far as it goes. */
async function isStartOfRecord(file: FileHandle, offset: number, taskId: string): Promise<boolean> {
  const start = Buffer.from(recordStart(taskId));
  const { buffer, bytesRead } = await file.read(Buffer.alloc(start.length), 0, start.length, offset);
  return start.subarray(0, bytesRead).equals(buffer.subarray(0, bytesRead));
}

function reportRepeated({ note }: Context, { count, doubtful }: WrittenBefore, name: string): void {
  if (count > 0) {
    const [were, them] = count === 1 ? ['was', 'it'] : ['were', 'them'];
    note(
      `${formatCount(count, 'message')} ${were} already in ${name}, written by a drain that was interrupted before ` +
        `it could remove ${them} from the queue; not written again.`,
    );
  }
  if (doubtful > 0) {
    note(
      `Up to ${formatCount(doubtful, 'message')} may be in ${name} twice: the drain before this one was interrupted, ` +
        'and they equal messages that it had written.',
    );
  }
}
