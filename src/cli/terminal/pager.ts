import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Sink } from '../output/sinks.ts';
import { writeFailure } from '../output/write-failure.ts';
import type { Settings } from '../settings/settings.ts';
import { textWidth } from './text-width.ts';

/** Ends by itself where all fits on the screen, shows colours, and leaves on the screen what was read. */
const DEFAULT_PAGER = 'command -v less >/dev/null 2>&1 || exec cat; less -FRX';

/** As much as may wait for its reader: whoever writes more waits as well. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** As a shell says that it cannot run a command. */
const NOT_RUN: readonly unknown[] = [126, 127];

export interface PagedOutput {
  sink: Sink;
  /** A line on stderr. While a pager has the terminal it waits for its end. */
  note(text: string, paint?: (text: string) => string): void;
  /** Shows what is left; resolves when its reader has left the pager. */
  end(): Promise<void>;
}

/**
 * Output for a terminal: through a pager when it is longer than the screen, else straight to the terminal.
 * @param direct the terminal without a pager
 */
export function pagedOutput(direct: PagedOutput, { pager }: Pick<Settings, 'pager'>): PagedOutput {
  const command = process.env.PAGER ?? DEFAULT_PAGER;
  if (!pager || command === '' || command === 'cat' || process.env.TERM === 'dumb') return direct;
  return new Pager(direct, command);
}

class Pager implements PagedOutput {
  readonly sink: Sink = { write: (chunk) => this.#write(chunk), flush: async () => {} };
  readonly #direct: PagedOutput;
  readonly #command: string;
  /** What may still fit on the screen. Undefined when it has been decided where the output goes. */
  #held: Buffer[] | undefined = [];
  #rows = 0;
  #child: ChildProcessByStdio<Writable, null, null> | undefined;
  #notes: (() => void)[] = [];

  constructor(direct: PagedOutput, command: string) {
    this.#direct = direct;
    this.#command = command;
  }

  /** A property, as it is handed on alone. */
  readonly note = (text: string, paint?: (text: string) => string): void => {
    if (this.#child !== undefined) {
      this.#notes.push(() => this.#direct.note(text, paint));
      return;
    }
    // It is about what comes before it, and must not be seen first.
    this.#release();
    this.#direct.note(text, paint);
  };

  async end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) {
      this.#release();
      return this.#direct.end();
    }
    const ignore = () => {};
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    // In a pager Ctrl-C ends a search, and no more.
    process.on('SIGINT', ignore).on('SIGTERM', pass).on('SIGHUP', pass);
    try {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    } finally {
      process.off('SIGINT', ignore).off('SIGTERM', pass).off('SIGHUP', pass);
    }
    if (NOT_RUN.includes(child.exitCode))
      this.#direct.note(
        `The pager ${JSON.stringify(this.#command)} cannot be run: correct PAGER, or use --no-pager.`,
      );
    for (const say of this.#notes) say();
  }

  async #write(chunk: string | Uint8Array | readonly Uint8Array[]): Promise<void> {
    const bytes =
      typeof chunk === 'string'
        ? Buffer.from(chunk)
        : chunk instanceof Uint8Array
          ? Buffer.from(chunk)
          : Buffer.concat(chunk);
    if (this.#child !== undefined) return this.#give(this.#child, bytes);
    if (this.#held === undefined) return this.#direct.sink.write(bytes);
    this.#held.push(bytes);
    this.#rows += rowsOf(bytes.toString());
    // One is for the prompt of the shell.
    if (this.#rows < (process.stdout.rows ?? 24)) return;
    const held = Buffer.concat(this.#held);
    this.#held = undefined;
    this.#child = this.#start();
    return this.#give(this.#child, held);
  }

  #start(): ChildProcessByStdio<Writable, null, null> {
    // Any pager that is less by another name shows colours with this.
    const env = { LESS: 'FRX', LV: '-c', ...process.env };
    const child = spawn('sh', ['-c', this.#command], { stdio: ['pipe', 'inherit', 'inherit'], env });
    child.stdin.on('error', () => {});
    return child;
  }

  async #give(child: ChildProcessByStdio<Writable, null, null>, bytes: Buffer): Promise<void> {
    const { stdin } = child;
    // Whoever leaves it early has seen enough.
    if (stdin.destroyed) throw writeFailure('the pager', { code: 'EPIPE' });
    if (stdin.write(bytes) || stdin.writableLength < MAX_WAITING_BYTES) return;
    await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]);
  }

  /** All that is held goes to the terminal, and all that follows. */
  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined && held.length > 0) this.#direct.sink.write(Buffer.concat(held)).catch(() => {});
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ESCAPES = /\u001b\[[0-9;]*m/g;

/** Rows of the terminal that a text takes. */
function rowsOf(text: string): number {
  const columns = process.stdout.columns || 80;
  const lines = text.replace(ESCAPES, '').split('\n');
  return lines
    .slice(0, -1)
    .reduce((rows, line) => rows + Math.max(1, Math.ceil(textWidth(line) / columns)), 0);
}
