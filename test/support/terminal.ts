import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type IPty, spawn } from '@lydell/node-pty';
import { onTestFinished } from 'vitest';
import { BIN, cliEnvironment } from './cli.ts';

/**
 * Says with what status a command ended, and stays: what a process writes just before it ends may be lost, if the
 * terminal ends with it. A person's shell stays too. Keys that send a signal are for the command alone.
 */
const HOST = `trap : INT QUIT; "$@"; printf '\\033]ended %d\\007' $?; exec sleep 600`;
// biome-ignore lint/suspicious/noControlCharactersInRegex: written by the host above
const ENDED = /\u001b\]ended (\d+)\u0007/;

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
    this.#pty = spawn('sh', ['-c', HOST, 'sh', file, ...args], {
      cols,
      rows,
      // Nobody is there to leave a pager.
      env: withoutUnset(cliEnvironment({ TERM: 'xterm-256color', PAGER: 'cat', ...env })),
    });
    this.ended = new Promise((resolve) => {
      this.#pty.onData((data) => {
        // Processes that the command has left may write after the end, and the end may come in two parts.
        const tail = this.output.slice(-20) + data;
        this.output += data;
        const [end, status] = ENDED.exec(tail) ?? [];
        if (end === undefined) return;
        this.output = this.output.replace(end, '');
        resolve(Number(status));
      });
    });
    onTestFinished(() => {
      process.kill(-this.#pty.pid, 'SIGKILL');
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
    const command = execFileSync('pgrep', ['-P', String(this.#pty.pid)], { encoding: 'utf8' });
    process.kill(Number(command), signal);
  }

  /** Resolves when the text has come; rejects with what came instead. */
  async shows(wanted: string | RegExp, timeoutMs = 90_000): Promise<void> {
    const giveUpAt = Date.now() + timeoutMs;
    const isThere = () => (typeof wanted === 'string' ? this.text.includes(wanted) : wanted.test(this.text));
    while (!isThere()) {
      if (Date.now() > giveUpAt) throw new Error(`${wanted} did not come, but:\n${this.text}`);
      await sleep(10);
    }
  }
}

/** The output without the notice that a slow machine may cause: the broker has not answered for two seconds. */
export function withoutStalls(output: string): string {
  return output.replace(/No answer from the broker for 2s; still\s+waiting\.\r?\n/g, '');
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

/** The same for a command at which nobody types, once it has ended. */
export async function runOnTerminal(
  ...how: Parameters<typeof cliOnTerminal>
): Promise<{ status: number; output: string; text: string }> {
  const terminal = cliOnTerminal(...how);
  const status = await terminal.ended;
  return { status, output: terminal.output, text: terminal.text };
}
