import { setTimeout as sleep } from 'node:timers/promises';
import { type IPty, spawn } from '@lydell/node-pty';
import { onTestFinished } from 'vitest';
import { BIN, cliEnvironment } from './cli.ts';

/** A command on a pseudo-terminal, as a person sees it. */
export class Terminal {
  readonly #pty: IPty;
  /** Everything that came, escape sequences and all. */
  output = '';
  readonly ended: Promise<number>;

  constructor(
    file: string,
    args: readonly string[],
    env: Record<string, string | undefined> = {},
    cols = 100,
    rows = 40,
  ) {
    this.#pty = spawn(file, [...args], {
      cols,
      rows,
      // Nobody is there to leave a pager.
      env: withoutUnset(cliEnvironment({ TERM: 'xterm-256color', PAGER: 'cat', ...env })),
    });
    this.#pty.onData((data) => {
      this.output += data;
    });
    this.ended = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal }) => resolve(signal ? 128 + signal : exitCode));
    });
    onTestFinished(() => {
      try {
        this.#pty.kill('SIGKILL');
      } catch {
        // It has ended.
      }
    });
  }

  /** The output without colours and with plain line ends. */
  get text(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    return this.output.replace(/\u001b\[[0-9;?]*[a-zA-Z]/g, '').replaceAll('\r\n', '\n');
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  /** To the command alone, not as the keyboard does. */
  kill(signal: NodeJS.Signals): void {
    this.#pty.kill(signal);
  }

  /** Resolves when the text has come; rejects with what came instead. */
  async shows(wanted: string | RegExp, timeoutMs = 10_000): Promise<void> {
    const giveUpAt = Date.now() + timeoutMs;
    const isThere = () => (typeof wanted === 'string' ? this.text.includes(wanted) : wanted.test(this.text));
    while (!isThere()) {
      if (Date.now() > giveUpAt) throw new Error(`${wanted} did not come, but:\n${this.text}`);
      await sleep(10);
    }
  }
}

/** node-pty takes undefined for a text. */
function withoutUnset(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** The built command line on a terminal. */
export function cliOnTerminal(
  args: readonly string[],
  env: Record<string, string | undefined> = {},
  cols?: number,
): Terminal {
  return new Terminal(process.execPath, [BIN, ...args], env, cols);
}
