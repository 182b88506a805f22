import { fstatSync, fsync, ftruncateSync, writeSync, writev } from 'node:fs';
import { promisify } from 'node:util';
import type { Sink } from './sinks.ts';
import { writeFailure } from './write-failure.ts';

const writeTo = promisify(writev);
const syncToDisk = promisify(fsync);

/**
 * An open file, or a device. Everything is written before `write` resolves, however little the system takes at a time:
 * Node's own stdout to a file drops the rest of a short write, which is what a disk that fills up makes.
 *
 * A regular file can be taken back to the place where it was last kept, so that it never ends in half of something.
 */
export class FileSink implements Sink {
  readonly #fd: number;
  readonly #name: string;
  #ending = Buffer.alloc(0);
  /** Where our next byte goes; undefined for what cannot be cut off: a device. */
  #size: number | undefined;
  /** On their way to it, and so perhaps in it. */
  #writing = 0;
  /** Without the ending. */
  #kept: number;
  #hasEnding = false;

  /**
   * @param fd written to at its end
   * @param name for error messages
   */
  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.#name = name;
    const status = fstatSync(fd);
    this.#size = status.isFile() ? status.size : undefined;
    this.#kept = status.size;
  }

  get fd(): number {
    return this.#fd;
  }

  /** Whether it can be cut off, and so has its ending after each flush. */
  get isRegular(): boolean {
    return this.#size !== undefined;
  }

  /** Of the file now; undefined for a device. */
  get size(): number | undefined {
    return this.#size;
  }

  /** What a complete file ends with: it is there after each flush, and what is written next takes its place. */
  endWith(ending: string): void {
    this.#ending = Buffer.from(ending);
  }

  write(chunk: string | Uint8Array | readonly Uint8Array[]): Promise<void> {
    return this.#attempt(async () => {
      if (this.#hasEnding) this.#cutEnding();
      if (typeof chunk === 'string') await this.#writeAll([Buffer.from(chunk)]);
      else await this.#writeAll(chunk instanceof Uint8Array ? [chunk] : chunk);
    });
  }

  flush(): Promise<void> {
    return this.#attempt(async () => {
      if (this.isRegular && !this.#hasEnding && this.#ending.length > 0) {
        await this.#writeAll([this.#ending]);
        this.#hasEnding = true;
      }
      // Not every device can be synced, and what one has taken is as safe as it gets.
      if (this.isRegular) await syncToDisk(this.#fd);
    });
  }

  /** What was written up to here is not taken back by {@link rollBack}. */
  keep(): void {
    if (this.#size !== undefined) this.#kept = this.#size - (this.#hasEnding ? this.#ending.length : 0);
  }

  /**
   * Takes back what was written after the last {@link keep}. Does nothing where somebody else has written to the file as
   * well: what is theirs stays.
   * @returns whether the file now ends where it was kept
   */
  rollBack(): boolean {
    if (this.#size === undefined) return false;
    const { size } = fstatSync(this.#fd);
    if (size < this.#size || size > this.#size + this.#writing) return false;
    if (size === this.#kept + (this.#hasEnding ? this.#ending.length : 0)) return true;
    ftruncateSync(this.#fd, this.#kept);
    this.#size = this.#kept;
    this.#hasEnding = false;
    // It fits where something was cut off.
    if (this.#ending.length > 0 && this.#kept > 0) {
      this.#size += writeSync(this.#fd, this.#ending);
      this.#hasEnding = true;
    }
    return true;
  }

  /** Cuts the file off at an earlier place before the first write, to repair it. */
  cutTo(size: number): void {
    if (this.#size === undefined) return;
    ftruncateSync(this.#fd, size);
    this.#size = size;
    this.#kept = size;
  }

  #cutEnding(): void {
    const size = (this.#size as number) - this.#ending.length;
    // Somebody else has appended to it: their bytes are not ours to cut off.
    if (fstatSync(this.#fd).size === this.#size) {
      ftruncateSync(this.#fd, size);
      this.#size = size;
    }
    this.#hasEnding = false;
  }

  /** In one call to the system, unless that takes only a part: what others append does not come in between. */
  async #writeAll(pieces: readonly Uint8Array[]): Promise<void> {
    let rest = pieces.filter(({ length }) => length > 0);
    while (rest.length > 0) {
      this.#writing = rest.reduce((sum, { length }) => sum + length, 0);
      const { bytesWritten } = await writeTo(this.#fd, rest).finally(() => {
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

/** What is left of the pieces behind so many bytes. */
function behind(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skipped = 0;
  return pieces.flatMap((piece) => {
    const start = Math.min(piece.length, bytes - skipped);
    skipped += start;
    return start === piece.length ? [] : [piece.subarray(start)];
  });
}
