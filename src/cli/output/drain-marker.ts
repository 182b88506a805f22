import { realpath, unlink, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { thisCommand } from './this-command.ts';

const ENDING = '.mcp-taskq-unfinished';

/** What {@link markDrain} returns. */
export interface DrainMarker {
  /** It was there already: the last drain into this file did not end properly. */
  wasLeft: boolean;
  /** Deletes it. */
  clear(): Promise<void>;
}

/**
 * Marks a file for as long as a drain writes to it, by a file beside it. Only a marker that is left behind tells
 * records of messages that are still in the queue from records of equal messages that were removed. Without it, for
 * example in a folder that cannot be written to, every message is written.
 */
export async function markDrain(file: string): Promise<DrainMarker> {
  const target = await realpath(file).catch(() => file);
  const marker = `${target}${ENDING}`;
  const text = `The drain into ${basename(target)} has not ended. To continue it: ${continueCommand()}\n`;
  const code = await writeFile(marker, text, { flag: 'wx', mode: 0o600 }).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  return {
    wasLeft: code === 'EEXIST',
    clear: () => unlink(marker).catch(() => {}),
  };
}

/** The command that continues a drain into a file. */
export function continueCommand(): string {
  return thisCommand({ '--append': true, '--overwrite': undefined });
}
