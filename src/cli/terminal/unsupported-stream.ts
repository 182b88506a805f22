import { fstatSync, type Stats } from 'node:fs';
import { Socket } from 'node:net';

/**
 * Why Node does not support a standard stream: it would read it as if it were empty, and discard what is written to it.
 * @returns undefined if it does
 */
export function whyUnsupported(stream: { fd: number }): string | undefined {
  let status: Stats;
  try {
    status = fstatSync(stream.fd);
  } catch {
    return undefined;
  }
  if (status.isDirectory()) return 'it is a directory';
  if (status.isBlockDevice()) return 'it is a block device';
  return status.isSocket() && !(stream instanceof Socket) ? 'it is not a stream socket' : undefined;
}
