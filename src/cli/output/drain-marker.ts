import { createHash } from 'node:crypto';
import { access, type FileHandle, open, readdir, readFile, realpath, unlink } from 'node:fs/promises';
import { basename, dirname, join, parse } from 'node:path';
import { shellWords } from '../text/shell-words.ts';
import { safeLine } from '../text/terminal-text.ts';
import { UsageFailure } from '../usage-failure.ts';
import { isOpenElsewhere } from './open-descriptor.ts';
import type { WrittenBefore } from './resumed-drain.ts';
import { thisCommand } from './this-command.ts';

const ENDING = '.mcp-taskq-unfinished';
const TASK_AND_ENDING = /^[0-9a-f]{12}\.mcp-taskq-unfinished$/;

/**
 * Marks a file while messages may be both in it and in their queue, by a file beside it. Only a marker that is left behind
 * tells records of messages that are still in the queue from records of equal messages that were removed. Each task has a
 * marker of its own, as drains of several tasks may write to one file. Without a marker, for example in a folder that
 * cannot be written to, every message is written.
 */
export class DrainMarker {
  readonly #file: string;
  readonly #resuming: string | undefined;
  #taskId: string | undefined;
  /** While a task is marked. */
  path: string | undefined;
  #held: FileHandle | undefined;
  /** It was there already: the last drain of this task into this file did not end properly. */
  wasLeft = false;
  /** What an interrupted drain of the task has left in the file. */
  before: WrittenBefore | undefined;

  /** @param resuming how the drain can be resumed, for those who find the marker */
  constructor(file: string, resuming: string | undefined) {
    this.#file = file;
    this.#resuming = resuming;
  }

  /**
   * To be called before messages of a task are written. A command drains one task after the other.
   * @throws UsageFailure if another process is draining this task into this file
   */
  async begin(taskId: string): Promise<void> {
    if (this.#taskId === taskId) return;
    await this.clear();
    const { folder, start } = await placeOf(this.#file);
    const task = createHash('sha256').update(taskId).digest('hex').slice(0, 12);
    const path = join(folder, `${start}${task}${ENDING}`);
    const what = `${this.#file} may hold messages that are still in their queue: its drain of task ${safeLine(taskId)} has not ended.`;
    const { held, wasLeft } = await hold(path, `${what}\n${this.#resuming ? `${this.#resuming}\n` : ''}`);
    if (wasLeft && (await isOpenElsewhere(path))) {
      await held?.close();
      throw new UsageFailure(
        `Another process is writing the messages of task ${safeLine(taskId)} to ${this.#file}`,
        'Wait until it ends, or write to another file.',
      );
    }
    this.#taskId = taskId;
    this.path = path;
    this.#held = held;
    this.wasLeft = wasLeft;
  }

  /**
   * The messages written so far are known to be removed.
   * @param isEmptied nothing that an interrupted drain has left can be in the queue any more
   */
  async settle(isEmptied: boolean): Promise<void> {
    // Otherwise what the interrupted drain has left may come later.
    if (this.before === undefined || this.before.isOver || isEmptied) await this.clear();
  }

  async clear(): Promise<void> {
    if (this.path !== undefined) await unlink(this.path).catch(() => {});
    await this.leave();
  }

  /** Leaves it for the next drain, as what was written may still be in the queue. */
  async leave(): Promise<void> {
    await this.#held?.close();
    this.#taskId = undefined;
    this.path = undefined;
    this.#held = undefined;
  }
}

/** Creates a marker, or opens the one that is there, and keeps it open: that ends with the process, in whatever way. */
async function hold(path: string, text: string): Promise<{ held: FileHandle | undefined; wasLeft: boolean }> {
  let wasLeft = false;
  const made = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    wasLeft = error.code === 'EEXIST';
    return undefined;
  });
  await made?.writeFile(text).catch(() => {});
  return { held: made ?? (wasLeft ? await open(path).catch(() => undefined) : undefined), wasLeft };
}

async function findMarkers(file: string): Promise<string[]> {
  const { folder, start } = await placeOf(file);
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.startsWith(start) && TASK_AND_ENDING.test(name.slice(start.length)))
    .map((name) => join(folder, name));
}

/** Deletes the markers beside a new file, which are about an earlier one, except that of the caller's own drain. */
export async function clearMarkers(file: string, own: DrainMarker | undefined): Promise<void> {
  for (const path of await findMarkers(file)) if (path !== own?.path) await unlink(path).catch(() => {});
}

/**
 * @param refused what cannot be done with an unfinished file
 * @param own the marker of the caller's own drain
 * @throws UsageFailure if a drain into the file has not ended
 */
export async function requireFinished(file: string, refused: string, own?: DrainMarker): Promise<void> {
  // A drain that ended before it created its file has written nothing.
  if (!(await exists(file))) return;
  const markers = (await findMarkers(file)).filter((path) => path !== own?.path || own.wasLeft);
  const [first] = markers;
  if (first === undefined) return;
  const text = await readFile(first, 'utf8').catch(() => '');
  const [
    ,
    what = `${file} may hold messages that are still in their queue: a drain into it has not ended.`,
    resuming,
  ] = /^(.+)(?:\n(.+))?/.exec(text) ?? [];
  const refusal = (hint: string) => new UsageFailure(`${refused}: ${what}`, hint);
  for (const path of markers)
    if (await isOpenElsewhere(path)) throw refusal('It is running: wait until it ends.');
  const instead = `To do it anyway, first: rm ${shellWords(markers)}`;
  throw refusal(resuming ? `${resuming}\n${instead}` : instead);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT',
  );
}

/** How to resume this drain without writing anything twice. A JSON document cannot be appended to. */
export function howToResume(out: string, isDocument: boolean): string {
  if (!isDocument) return `To resume: ${thisCommand({ '--append': true, '--overwrite': undefined })}`;
  return `To resume, into another file: ${thisCommand({ '--out': besideFile(out), '--overwrite': undefined })}`;
}

/** `drained.rest.json` for `drained.json`. */
function besideFile(out: string): string {
  const { dir, name, ext } = parse(out);
  return join(dir, `${name}.rest${ext}`);
}

/** The folder of a file, which need not exist, and how the names of its markers start. */
async function placeOf(file: string): Promise<{ folder: string; start: string }> {
  const target = await realpath(file).catch(async () =>
    join(await realpath(dirname(file)).catch(() => dirname(file)), basename(file)),
  );
  return { folder: dirname(target), start: `${basename(target)}.` };
}
