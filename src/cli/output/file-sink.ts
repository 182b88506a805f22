import { fstatSync, fsync, ftruncateSync, statSync, writeSync, writev } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { writeFailure } from '../terminal/write-failure.ts';
import { inspectDescriptor } from './open-descriptor.ts';
import type { Sink } from './sinks.ts';

const writeTo = promisify(writev);
const syncToDisk = promisify(fsync);

const STANDARD_ERROR = 2;

/** How long to wait for the system to move the place of the next write. */
const MOVED_MS = 20;

/**
 * An open file or device. `write` resolves when everything is written, even after short writes. Node's own stdout to
 * a file drops the rest of a short write, which happens when a disk fills up.
 *
 * A regular file can be rolled back to where it was last kept, so that it never ends in an incomplete record.
 */
export class FileSink implements Sink {
  readonly fd: number;
  readonly #name: string;
  readonly #path: string | undefined;
  /** A file that nobody can open by a name, such as Python's TemporaryFile, need not have one later. */
  readonly #hasName: boolean;
  readonly #start: number;
  #ending = Buffer.alloc(0);
  /** Offset of the next byte; undefined for a device, which cannot be truncated. */
  #size: number | undefined;
  /** Bytes being written, which may already be in the file. */
  #writing = 0;
  /** The size to keep, without the ending. */
  #kept: number;
  #hasEnding = false;
  /** Another process writes to it too: its data may be anywhere behind what is kept. */
  #isShared = false;

  /**
   * @param fd open for appending, if there is a path
   * @param name for error messages
   * @param path where the file is found later; undefined for standard output
   */
  constructor(fd: number, name: string, path?: string) {
    this.fd = fd;
    this.#name = name;
    this.#path = path;
    const status = fstatSync(fd);
    this.#hasName = status.nlink > 0;
    this.#size = status.isFile() ? status.size : undefined;
    this.#start = status.size;
    this.#kept = status.size;
  }

  /** Whether it can be truncated. */
  get isRegular(): boolean {
    return this.#size !== undefined;
  }

  /** Current size of the file; undefined for a device. */
  get size(): number | undefined {
    return this.#size;
  }

  /**
   * Sets the ending of a complete file. It is written at each flush, and cut off before the next write. A shell's `>`
   * does not append: after the cut, the next write would leave a gap. So standard output has it only once it is complete.
   */
  endWith(ending: string): void {
    this.#ending = Buffer.from(ending);
  }

  write(chunk: string | readonly Uint8Array[]): Promise<void> {
    return this.#attempt(async () => {
      if (this.#hasEnding) this.#cutEnding();
      await this.#writeAll(typeof chunk === 'string' ? [Buffer.from(chunk)] : chunk);
    });
  }

  flush(): Promise<void> {
    return this.#attempt(async () => {
      if (this.#path !== undefined) await this.#writeEnding();
      // Some devices cannot be synced; what they have accepted is as safe as it gets.
      if (this.isRegular) await syncToDisk(this.fd);
    });
  }

  /** Writes the ending, unless it is there. Nothing may be written after it. */
  complete(): Promise<void> {
    return this.#attempt(() => this.#writeEnding());
  }

  /**
   * Checks that what was written is still where it is looked for: others may delete, move, replace or truncate the file.
   * Data that others append does not matter, but others that write at places of their own overwrite it, or are overwritten.
   * @throws CommandFailure if it is not, or will not be
   */
  async requireIntact(): Promise<void> {
    if (this.#size === undefined) return;
    // The system moves the place of the next write a moment after the size, when a shared descriptor is written to.
    if (await this.#isOverwritten()) {
      await sleep(MOVED_MS);
      if (await this.#isOverwritten()) throw this.#overwritten();
    }
    const { nlink, size, dev, ino } = fstatSync(this.fd);
    if (nlink === 0 && this.#hasName) throw this.#lost('it was deleted or replaced');
    if (this.#path !== undefined) {
      const found = statSync(this.#path, { throwIfNoEntry: false });
      if (found?.dev !== dev || found.ino !== ino) throw this.#lost('it was moved or replaced');
    }
    if (size < this.#size) throw this.#lost('it was truncated');
    this.#isShared ||= size > this.#size;
  }

  /** Whether this process writes to the file in front of its end: `> FILE` in two processes, or `> FILE 2> FILE`. */
  async #isOverwritten(): Promise<boolean> {
    const { size, dev, ino } = fstatSync(this.fd);
    for (const fd of [this.fd, STANDARD_ERROR]) {
      const found = fstatSync(fd);
      if (found.dev !== dev || found.ino !== ino) continue;
      const descriptor = await inspectDescriptor(fd);
      if (descriptor && !descriptor.isAppending && descriptor.position < size) return true;
    }
    return false;
  }

  #overwritten(): CommandFailure {
    return new CommandFailure(
      ExitCode.failed,
      `Cannot write to ${this.#name}: the same file is written to in another place, so one would overwrite the other`,
      {
        hint: 'Give each command a file of its own, or append with >> FILE; for messages too: >> FILE 2>&1.',
      },
    );
  }

  #lost(what: string): CommandFailure {
    return new CommandFailure(
      ExitCode.failed,
      `What was written to ${this.#name} is not there any more: ${what} by another process`,
    );
  }

  /** {@link rollBack} does not go back beyond this point. */
  keep(): void {
    if (this.#size !== undefined) this.#kept = this.#size - (this.#hasEnding ? this.#ending.length : 0);
  }

  /**
   * Removes what was written after the last {@link keep}. Does nothing if another process has written to the file
   * too, so as to keep its data.
   * @returns whether the file now ends at the kept position
   */
  rollBack(): boolean {
    if (this.#size === undefined || this.#isShared) return false;
    const { size } = fstatSync(this.fd);
    if (size < this.#size || size > this.#size + this.#writing) return false;
    const ending = this.#kept > this.#start ? this.#ending : Buffer.alloc(0);
    const isEnded = this.#hasEnding || ending.length === 0;
    if (isEnded && size === this.#kept + ending.length) return true;
    ftruncateSync(this.fd, this.#kept);
    // Truncating has freed the space for it, and has not moved the place of the next write.
    this.#size = this.#kept + writeSync(this.fd, ending, 0, ending.length, this.#kept);
    this.#hasEnding = ending.length > 0;
    return true;
  }

  /**
   * Removes the end of the file before the first write, to repair it. Does nothing if it is not the end any more.
   * @returns whether it was removed
   */
  cutOff({ start, bytes }: { start: number; bytes: number }): boolean {
    const isEnd = fstatSync(this.fd).size === start + bytes;
    if (isEnd) ftruncateSync(this.fd, start);
    this.#size = this.#kept = fstatSync(this.fd).size;
    return isEnd;
  }

  async #writeEnding(): Promise<void> {
    if (this.#size === undefined || this.#hasEnding || this.#ending.length === 0) return;
    await this.#writeAll([this.#ending]);
    this.#hasEnding = true;
  }

  #cutEnding(): void {
    const size = (this.#size as number) - this.#ending.length;
    // If another process has appended to the file, its data must not be cut off.
    if (fstatSync(this.fd).size === this.#size) {
      ftruncateSync(this.fd, size);
      this.#size = size;
    }
    this.#hasEnding = false;
  }

  /** In one system call, unless that is a short write: data that others append does not come in between. */
  async #writeAll(pieces: readonly Uint8Array[]): Promise<void> {
    let rest = pieces.filter(({ length }) => length > 0);
    while (rest.length > 0) {
      this.#writing = rest.reduce((sum, { length }) => sum + length, 0);
      const { bytesWritten } = await writeTo(this.fd, rest).finally(() => {
        this.#writing = 0;
      });
      rest = behind(rest, bytesWritten);
      if (this.#size !== undefined) this.#size += bytesWritten;
    }
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      throw writeFailure(this.#name, cause);
    }
  }
}

/** What is left of the pieces after the first `bytes` bytes. */
function behind(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skipped = 0;
  return pieces.flatMap((piece) => {
    const start = Math.min(piece.length, bytes - skipped);
    skipped += start;
    return start === piece.length ? [] : [piece.subarray(start)];
  });
}
