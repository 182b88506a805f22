import { fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isatty } from 'node:tty';
import { Option } from '@commander-js/extra-typings';
import type { Context } from '../context.ts';
import { notBlank } from '../input/option-values.ts';
import { UsageFailure } from '../usage-failure.ts';
import { clearMarkers, DrainMarker, howToResume } from './drain-marker.ts';
import { FileSink } from './file-sink.ts';
import type { Continuation } from './interrupted-file.ts';
import { createMessageWriter, type MessageWriter, type WriterUse } from './message-writer.ts';
import { openedLater } from './opened-later.ts';
import { openStandardOutput } from './redirected-output.ts';

export interface OutputFileOptions {
  out?: string;
  append?: boolean;
  overwrite?: boolean;
}

export const OUT = new Option(
  '--out <file>',
  'write to a new file, as JSON Lines unless -o is given',
).argParser(notBlank);
export const APPEND = new Option('--append', 'append to that file, or continue it').conflicts('overwrite');
export const OVERWRITE = new Option('--overwrite', 'replace that file').conflicts('append');

/** Whether `--out` names a file; if not, the output is stdout. */
export function isFileName(out: string | undefined): out is string {
  return out !== undefined && out !== '-';
}

export interface OutputFileUse extends WriterUse {
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
  if (!isFileName(out)) {
    if (append || overwrite) throw new UsageFailure('--append and --overwrite need --out FILE');
    return openStandardOutput(context, use);
  }
  const format = settings.output === 'auto' ? 'jsonl' : settings.output;
  if (format === 'table') throw new UsageFailure('--out does not support -o table');
  if (append && format === 'json') {
    throw new UsageFailure('--append does not support -o json; use -o jsonl');
  }
  const { checkFile, openFile } = await import('./file-opening.ts');
  const found = { append, overwrite, mustBeNew };
  await checkFile(out, found);
  return openedLater(async (taskId) => {
    const { stop } = context;
    const status = await stat(out).catch(() => undefined);
    const isFile = status === undefined || status.isFile();
    const resuming = mustBeNew ? undefined : howToResume(out, format === 'json');
    const marker = use.isRemoving && isFile ? new DrainMarker(out, resuming) : undefined;
    if (taskId !== undefined) await marker?.begin(taskId);
    const { wasLeft = false } = marker ?? {};
    const opened = await openFile(out, found, stop.signal, marker).catch(async (error) => {
      await (wasLeft ? marker?.leave() : marker?.clear());
      throw error;
    });
    const { sink, end, isNew } = opened;
    if (isNew) await clearMarkers(out, marker);
    const file = sink instanceof FileSink && sink.isRegular ? sink : undefined;
    let continued: Continuation | undefined;
    if (append && file !== undefined) {
      const { continueFile } = await import('./interrupted-file.ts');
      const interrupted = { sink: file, name: out, path: out, end };
      // Other formats cannot be continued record by record.
      const drained = marker && format === 'jsonl' ? taskId : undefined;
      continued = await continueFile(context, interrupted, drained, wasLeft);
      if (marker) marker.before = continued.before;
    }
    const writer = createMessageWriter({
      sink,
      format,
      settings,
      isTerminal: sink instanceof FileSink && isatty(sink.fd),
      continued,
      ...use,
    });
    return {
      ...writer,
      async write(batch) {
        const [first] = batch;
        if (first !== undefined) await marker?.begin(first.taskId);
        await writer.write(batch);
      },
      settle: async () => marker?.settle(false),
      async end(options) {
        await writer.end();
        await marker?.settle(options?.emptied !== undefined);
        await marker?.leave();
        await opened.close();
      },
      async abandon(options) {
        const isUndone = await writer.abandon(options);
        const isEmpty = file !== undefined && fstatSync(file.fd).size === 0;
        // What an earlier drain left may not have been looked at yet; what this one wrote may not be cut off.
        const isUnsure = options?.mayBeBack || marker?.before || file?.rollBack() === false;
        await (isEmpty || !isUnsure ? marker?.clear() : marker?.leave());
        // Otherwise another process has truncated it, and may be about to write to it.
        if (isEmpty && file.size === 0) await opened.discard();
        await opened.close();
        return isUndone;
      },
    };
  });
}
