import { constants, createReadStream, open } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty, ReadStream } from 'node:tty';
import { promisify } from 'node:util';

/*
 * Files that may keep a reader or writer waiting: named pipes and terminals. They are opened without blocking, as a
 * thread that waits in `open`, `read` or `write` cannot be interrupted, and the process cannot end before it.
 */

const openFile = promisify(open);

/** How long to wait until somebody reads from it, and how often to try. */
const READER_MS = 5_000;
const RETRY_MS = 20;

/**
 * Opens a named pipe for writing.
 * @throws the reason of the signal; Error if nobody reads from the pipe
 */
export async function openForWriting(path: string, signal: AbortSignal): Promise<Socket> {
  const giveUpAt = performance.now() + READER_MS;
  for (;;) {
    signal.throwIfAborted();
    try {
      const fd = await openFile(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return new Socket({ fd, readable: false, writable: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
    if (performance.now() >= giveUpAt)
      throw new Error(`nobody has read from this pipe for ${READER_MS / 1_000} s`);
    await sleep(RETRY_MS);
  }
}

/**
 * Opens a file that can be read only once. A named pipe ends when the last of its writers closes it.
 * @param isPipe whether it is a named pipe, which may not have a writer yet
 */
export async function openForReading(path: string, isPipe: boolean): Promise<Readable> {
  const fd = await openFile(path, constants.O_RDONLY | (isPipe ? constants.O_NONBLOCK : 0));
  if (isPipe) return new Socket({ fd, readable: true, writable: false });
  return isatty(fd) ? new ReadStream(fd) : createReadStream('', { fd });
}
