import { fstatSync, fsync, write } from 'node:fs';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { CommandFailure } from './command-failure.ts';
import { ExitCode } from './exit-codes.ts';

const writeTo = promisify(write);
const syncToDisk = promisify(fsync);

/** Where output goes. What `write` took is safe, as far as the place can tell, once `flush` has resolved. */
export interface Sink {
  /** Resolves when the system has taken all of it. Rejects with a CommandFailure. */
  write(chunk: string | Uint8Array): Promise<void>;
  flush(): Promise<void>;
}

/**
 * An open file. Everything is written before `write` resolves, however little the system takes at a time:
 * Node's own stdout to a file drops the rest of a short write, which is what a disk that fills up makes.
 */
export function fileSink(fd: number, name: string): Sink {
  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (cause) {
      throw writeFailure(name, cause);
    }
  };
  return {
    write: (chunk) =>
      attempt(async () => {
        let rest = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
        while (rest.length > 0) {
          const { bytesWritten } = await writeTo(fd, rest);
          rest = rest.subarray(bytesWritten);
        }
      }),
    flush: () => attempt(() => syncToDisk(fd)),
  };
}

/** A terminal or a pipe: what the system has taken is as safe as it gets. */
function streamSink(stream: Writable, name: string): Sink {
  // Without a listener a broken pipe would end the process.
  if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  return {
    write: (chunk) =>
      new Promise((resolve, reject) => {
        stream.write(chunk, (error) => (error ? reject(writeFailure(name, error)) : resolve()));
      }),
    flush: async () => {},
  };
}

export function standardOutput(): Sink {
  const { fd } = process.stdout;
  return isFile(fd) ? fileSink(fd, 'the standard output') : streamSink(process.stdout, 'the standard output');
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** A reader that has gone (`| head`) has had enough: the command ends, and that is no failure. */
function writeFailure(name: string, cause: unknown): CommandFailure {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') {
    return new CommandFailure(ExitCode.done, '', { cause });
  }
  return new CommandFailure(ExitCode.failed, `Cannot write to ${name}: ${message}`, { cause });
}
