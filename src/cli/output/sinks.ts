import type { Writable } from 'node:stream';
import type { CommandFailure } from '../command-failure.ts';
import { ExitCode, getExitCode } from '../exit-codes.ts';
import { writeFailure } from '../terminal/write-failure.ts';

/** A destination for output. Once `flush` has resolved, what was written is as safe as the destination can make it. */
export interface Sink {
  /** Resolves when the system has taken all of it. Rejects with a CommandFailure. */
  write(chunk: string | readonly Uint8Array[]): Promise<void>;
  flush(): Promise<void>;
}

/**
 * A terminal or a pipe: what the system has accepted is as safe as it gets.
 * @param failure the error for one of the stream. Default: that of {@link writeFailure}
 */
export function streamSink(
  stream: Writable,
  name: string,
  failure: (cause: Error) => CommandFailure = (cause) => writeFailure(name, cause),
): Sink {
  // Without a listener a broken pipe would end the process.
  if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  const writeOne = (chunk: string | Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      stream.write(chunk, (error) => (error ? reject(failure(error)) : resolve()));
    });
  return {
    async write(chunk) {
      if (typeof chunk === 'string') return writeOne(chunk);
      for (const each of chunk) await writeOne(each);
    },
    flush: async () => {},
  };
}

/**
 * A destination for what a command reports of its work, rather than for data. If the reader leaves, the work goes on,
 * and the exit status is the same.
 */
export function reportSink(sink: Sink): Sink {
  const unlessLeft = async (writing: Promise<void>) => {
    await writing.catch((error: unknown) => {
      if (getExitCode(error) !== ExitCode.done) throw error;
    });
  };
  return { write: (chunk) => unlessLeft(sink.write(chunk)), flush: () => unlessLeft(sink.flush()) };
}
