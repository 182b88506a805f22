import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Sink } from '../output/sinks.ts';
import type { Settings } from '../settings/settings.ts';
import { shownWidth } from '../text/wrap.ts';
import { onSuddenEnd } from './sudden-end.ts';
import { writeFailure } from './write-failure.ts';

/** Exits by itself if everything fits on the screen, shows colours, and leaves the text on the screen. */
const DEFAULT_PAGER = 'command -v less >/dev/null 2>&1 || exec cat; exec less -FRX';

/** How much output may wait for the reader before writing blocks. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** The statuses of a shell that cannot run a command. Without a shell, Node says the negative number of an error. */
const NOT_RUN: readonly unknown[] = [126, 127];

export interface PagedOutput {
  sink: Sink;
  /** Prints a line on stderr, after the pager has ended if one is running. */
  note(text: string, paint?: (text: string) => string): void;
  /** Shows the remaining output; resolves when the pager has ended. */
  end(): Promise<void>;
}

/**
 * Output for a terminal: through a pager if it is longer than the screen, otherwise directly.
 * @param direct the terminal without a pager
 */
export function pagedOutput(direct: PagedOutput, { pager }: Pick<Settings, 'pager'>): PagedOutput {
  // A blank one would run nothing, and show nothing.
  const command = process.env.PAGER?.trim() ?? DEFAULT_PAGER;
  if (!pager || command === '' || command === 'cat' || process.env.TERM === 'dumb') return direct;
  return new Pager(direct, command);
}

class Pager implements PagedOutput {
  readonly sink: Sink = { write: (chunk) => this.#write(chunk), flush: async () => {} };
  readonly #direct: PagedOutput;
  readonly #command: string;
  /** Output that may still fit on the screen; undefined once its destination is decided. */
  #held: Buffer[] | undefined = [];
  #rows = 0;
  #child: ChildProcessByStdio<Writable, null, null> | undefined;
  #notes: (() => void)[] = [];

  constructor(direct: PagedOutput, command: string) {
    this.#direct = direct;
    this.#command = command;
  }

  /** An arrow function, as callers pass it on without its object. */
  readonly note = (text: string, paint?: (text: string) => string): void => {
    if (this.#child !== undefined) {
      this.#notes.push(() => this.#direct.note(text, paint));
      return;
    }
    // The note refers to the output before it, and must not appear first.
    this.#release();
    this.#direct.note(text, paint);
  };

  async end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) {
      this.#release();
      return this.#direct.end();
    }
    child.stdin.end();
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once('close', resolve));
    if (NOT_RUN.includes(child.exitCode) || (child.exitCode ?? 0) < 0)
      this.#direct.note(
        `The pager ${JSON.stringify(this.#command)} cannot be run: correct PAGER, or use --no-pager.`,
      );
    for (const say of this.#notes) say();
  }

  async #write(chunk: string | readonly Uint8Array[]): Promise<void> {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.concat(chunk);
    if (this.#child !== undefined) return this.#give(this.#child, bytes);
    if (this.#held === undefined) return this.#direct.sink.write(chunk);
    this.#held.push(bytes);
    this.#rows += rowsOf(bytes.toString());
    // One row is left for the shell prompt.
    if (this.#rows < (process.stdout.rows ?? 24)) return;
    const held = Buffer.concat(this.#held);
    this.#held = undefined;
    this.#child = this.#start();
    return this.#give(this.#child, held);
  }

  #start(): ChildProcessByStdio<Writable, null, null> {
    // Lets less, under whatever name, and lv show colours. Without LESSCHARSET, less shows bytes such as <E2><80><A6> where
    // no locale is set, as in most containers.
    const env = { LESS: 'FRX', LESSCHARSET: 'utf-8', LV: '-c', ...process.env };
    // Before it runs, and also while the command still writes: a pager that outlives the command reads from the terminal
    // beside the shell.
    const ignore = () => {};
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    // In a pager, Ctrl-C only ends a search.
    process.on('SIGINT', ignore).on('SIGTERM', pass).on('SIGHUP', pass);
    const release = () => process.off('SIGINT', ignore).off('SIGTERM', pass).off('SIGHUP', pass);
    const releaseEnd = onSuddenEnd(() => {
      pass('SIGTERM');
      // A second signal is to end this process.
      release();
    });
    const child = spawn('sh', ['-c', this.#command], { stdio: ['pipe', 'inherit', 'inherit'], env });
    child.stdin.on('error', ignore);
    child.on('error', ignore).once('close', () => {
      releaseEnd();
      release();
    });
    return child;
  }

  async #give(child: ChildProcessByStdio<Writable, null, null>, bytes: Buffer): Promise<void> {
    const { stdin } = child;
    // The user may leave the pager early.
    if (stdin.destroyed) throw writeFailure('the pager', { code: 'EPIPE' });
    if (stdin.write(bytes) || stdin.writableLength < MAX_WAITING_BYTES) return;
    await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]);
  }

  /** Sends the held output, and all that follows, directly to the terminal. */
  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined && held.length > 0) this.#direct.sink.write([Buffer.concat(held)]).catch(() => {});
  }
}

/** The terminal rows that a text occupies. */
function rowsOf(text: string): number {
  const columns = process.stdout.columns || 80;
  const lines = text.split('\n');
  return lines
    .slice(0, -1)
    .reduce((rows, line) => rows + Math.max(1, Math.ceil(shownWidth(line) / columns)), 0);
}
