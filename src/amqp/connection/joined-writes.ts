import type { Writable } from 'node:stream';

/** Kept, as Jest's fake timers replace it later. An import of `node:process` would open standard input. */
const { nextTick } = process;

/**
 * Joins everything written to a stream in one turn of the event loop into one system call. amqplib writes each frame by
 * itself (lib/mux.js), and with 32 publishes under way those system calls are most of what a publisher does.
 * Nothing is held back for longer than the running code takes.
 */
export function joinWrites(stream: Writable): void {
  const write = stream.write.bind(stream);
  let isJoining = false;
  stream.write = (...chunk: unknown[]) => {
    if (!isJoining) {
      isJoining = true;
      stream.cork();
      nextTick(() => {
        isJoining = false;
        stream.uncork();
      });
    }
    return write(...(chunk as Parameters<typeof write>));
  };
}
