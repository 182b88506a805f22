import { constants } from 'node:fs';
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** How a file descriptor is open, which Node cannot say. */
export interface OpenDescriptor {
  /** Offset of the next byte that is read or written. */
  position: number;
  isAppending: boolean;
  isReadWrite: boolean;
}

/** @returns undefined on systems other than Linux */
export async function inspectDescriptor(fd: number): Promise<OpenDescriptor | undefined> {
  const info = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => '');
  const [, position] = /^pos:\s*(\d+)$/m.exec(info) ?? [];
  const [, octal] = /^flags:\s*([0-7]+)$/m.exec(info) ?? [];
  if (position === undefined || octal === undefined) return undefined;
  const flags = Number.parseInt(octal, 8);
  return {
    position: Number(position),
    isAppending: (flags & constants.O_APPEND) !== 0,
    isReadWrite: (flags & constants.O_RDWR) !== 0,
  };
}

/** Whether another process has a file open. Only Linux shows that, and only of processes of the same user. */
export async function isOpenElsewhere(path: string): Promise<boolean> {
  const file = await realpath(path).catch(() => path);
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (pid === String(process.pid)) continue;
    const folder = `/proc/${pid}/fd`;
    for (const name of await readdir(folder).catch(() => []))
      if ((await readlink(join(folder, name)).catch(() => '')) === file) return true;
  }
  return false;
}
