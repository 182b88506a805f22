import { closeSync, constants, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { CommandFailure } from '../command-failure.ts';
import { detectEncoding } from '../input/input-encoding.ts';
import { timeoutFailure } from '../terminal/stop.ts';
import { UsageFailure } from '../usage-failure.ts';

/**
 * The first line of a file, without the byte order mark, line end and trailing white space that editors and `echo`
 * leave. A password that ends with a space must go into the URL, percent-encoded.
 * @param option the option that names the file, for the error message
 * @param timeoutMs of the whole command line
 * @throws UsageFailure if the file cannot be read, is empty, or is not UTF-8; or timed out
 */
export function readSecret(file: string, option: string, timeoutMs?: number): string {
  const content = readSettingFile(file, option, timeoutMs);
  const encoding = detectEncoding(content);
  if (encoding.kind !== 'text') {
    const what = encoding.kind === 'gzip' ? 'compressed with gzip' : `${encoding.name}, not UTF-8`;
    throw new UsageFailure(`Cannot use ${file} of ${option}: it is ${what}`);
  }
  const [line = ''] = content
    .subarray(encoding.markBytes)
    .toString()
    .split(/\r?\n|\r/, 1);
  const secret = line.trimEnd();
  if (secret === '') throw new UsageFailure(`The file ${file} of ${option} is empty`);
  return secret;
}

/** @throws UsageFailure if the file cannot be read; or timed out */
export function readSettingFile(file: string, option: string, timeoutMs?: number): Buffer {
  try {
    return statSync(file).isFIFO() ? readPipe(file, timeoutMs) : readFileSync(file);
  } catch (cause) {
    if (cause instanceof CommandFailure) throw cause;
    const { message } = cause as Error;
    throw new UsageFailure(`Cannot read ${file} of ${option}: ${message}`, undefined, cause);
  }
}

const RETRY_MS = 10;

/** Reads a pipe to its end, without a call that waits for a writer, as only a signal would end that. */
function readPipe(file: string, timeoutMs = Number.POSITIVE_INFINITY): Buffer {
  const since = performance.now();
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const chunk = Buffer.alloc(65_536);
  const chunks: Buffer[] = [];
  // A shell has begun to write to its own pipe, <(command). Nobody may have opened a named one yet, which then seems to end.
  let hasWriter = /^\/(dev|proc)\//.test(file);
  try {
    for (;;) {
      const bytes = readNow(fd, chunk);
      if (bytes === 0 && hasWriter) return Buffer.concat(chunks);
      hasWriter ||= bytes !== 0;
      if (bytes) chunks.push(Buffer.from(chunk.subarray(0, bytes)));
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      if (performance.now() - since >= timeoutMs) throw timeoutFailure(timeoutMs);
    }
  } finally {
    closeSync(fd);
  }
}

/** @returns undefined if the writer has not written yet */
function readNow(fd: number, chunk: Buffer): number | undefined {
  try {
    return readSync(fd, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}
