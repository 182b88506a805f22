import { fstatSync } from 'node:fs';
import { whyUnsupported } from '../terminal/unsupported-stream.ts';
import { UsageFailure } from '../usage-failure.ts';
import { FileSink } from './file-sink.ts';
import { type Sink, streamSink } from './sinks.ts';

/** @throws UsageFailure if what is written there would be lost */
export function standardOutput(): Sink {
  const { stdout } = process;
  const name = 'standard output';
  const unsupported = whyUnsupported(stdout);
  if (unsupported !== undefined) {
    throw new UsageFailure(
      `Cannot write to ${name}: ${unsupported}`,
      'Put a pipe in between: mcp-taskq … | cat',
    );
  }
  return isFile(stdout.fd) ? new FileSink(stdout.fd, name) : streamSink(stdout, name);
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}
