import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/**
 * Reads what to clean up, one entry a line, until its input ends; then cleans up. Signals sent to a whole service or
 * container must not end it earlier. A node that was just killed may still write, so folders are removed once the
 * processes are dead; unreaped orphans count as dead.
 */
const SCRIPT = `
trap '' HUP INT TERM
is_alive() { state=$(ps -o stat= -p "$1") && case $state in *Z*) false ;; esac; }
pids= folder= file= command=
while read -r what value; do
  case $what in
    pids) pids=$value ;;
    folder) folder=$value ;;
    file) file=$value ;;
    command) command=$value ;;
  esac
done
[ -z "$pids" ] || kill -9 $pids
[ -z "$command" ] || eval "$command"
for pid in $pids; do
  tries=0
  while is_alive "$pid" && [ $tries -lt 60 ]; do sleep 0.05; tries=$((tries + 1)); done
done
[ -z "$folder" ] || rm -rf -- "$folder" || { sleep 1; rm -rf -- "$folder"; }
[ -z "$file" ] || rm -f -- "$file"
`;

/**
 * Cleans up after a broker on request, or when this process ends, however that happens. A shell in its own session,
 * so that neither Ctrl-C nor a closing terminal reaches it.
 */
export class Watchdog {
  readonly #duties = new Map<Parameters<Watchdog['guard']>[0], string>();
  #shell = startShell();

  /** Identifies the owner of a data folder, also while it is being cleaned up. */
  get pid(): number | undefined {
    return this.#shell.process.pid;
  }

  /** A duty, in place of an earlier one of this kind: to kill processes, to remove a folder or a file, or to run a command. */
  guard(what: 'pids' | 'folder' | 'file' | 'command', value: string): void {
    this.#duties.set(what, value);
    this.#shell.process.stdin.write(`${what} ${value}\n`);
  }

  /** Resolves when everything is gone. */
  async cleanUp(): Promise<void> {
    if (await this.#shell.finish()) return;
    // It was killed: start another one to do its work.
    this.#shell = startShell();
    for (const [what, value] of this.#duties) this.guard(what, value);
    await this.#shell.finish();
  }
}

interface Shell {
  process: ChildProcessByStdio<Writable, null, null>;
  /** Starts the clean-up. Resolves to whether it finished. */
  finish(): Promise<boolean>;
}

function startShell(): Shell {
  // The script is in the environment to keep the process list readable.
  const shell = spawn('/bin/sh', ['-c', 'eval "$WATCHDOG"', 'mcp-taskq-broker-watchdog'], {
    detached: true,
    cwd: '/',
    env: { PATH: process.env.PATH, WATCHDOG: SCRIPT },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Writing to one that was killed.
  shell.stdin.on('error', () => {});
  const ended = new Promise<boolean>((resolve) => {
    shell.once('exit', (_, signal) => resolve(signal === null)).once('error', () => resolve(false));
  });
  return {
    process: shell,
    finish: () => {
      shell.stdin.end();
      return ended;
    },
  };
}
