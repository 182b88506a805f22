import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/**
 * Reads what is to be cleaned up, a line each, until its input ends: then it does it. Signals sent to a whole
 * service or container must not end it before that. A node that was just killed could still write once
 * more, so folders are removed when the processes are dead; but not later than after three seconds, since
 * where nobody reaps orphans they look alive forever.
 */
const SCRIPT = `
trap '' HUP INT TERM
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
  while kill -0 "$pid" && [ $tries -lt 60 ]; do sleep 0.05; tries=$((tries + 1)); done
done
[ -z "$folder" ] || rm -rf -- "$folder" || { sleep 1; rm -rf -- "$folder"; }
[ -z "$file" ] || rm -f -- "$file"
`;

/**
 * Cleans up after a broker: when asked to, or when this process is gone, however it went. A shell in a session
 * of its own, so that neither Ctrl-C nor a closing terminal reaches it.
 */
export class Watchdog {
  readonly #duties = new Map<string, string>();
  #shell = startShell();

  /** Identifies the user of a data folder, also while that is being cleaned up. */
  get pid(): number | undefined {
    return this.#shell.process.pid;
  }

  /** The processes to kill: all of them, in place of those named before. */
  guardProcesses(pids: readonly number[]): void {
    this.#guard('pids', pids.join(' '));
  }

  /** A folder to remove. */
  guardFolder(path: string): void {
    this.#guard('folder', path);
  }

  /** A file to remove. */
  guardFile(path: string): void {
    this.#guard('file', path);
  }

  /** A shell command to run. */
  guardWith(command: string): void {
    this.#guard('command', command);
  }

  /** Resolves when everything is gone. */
  async cleanUp(): Promise<void> {
    if (this.#shell.process.exitCode !== null || this.#shell.process.signalCode !== null) {
      // Somebody killed it: another one does its work.
      this.#shell = startShell();
      for (const [what, value] of this.#duties) this.#guard(what, value);
    }
    this.#shell.process.stdin.end();
    await this.#shell.ended;
  }

  #guard(what: string, value: string): void {
    this.#duties.set(what, value);
    this.#shell.process.stdin.write(`${what} ${value}\n`);
  }
}

function startShell(): { process: ChildProcessByStdio<Writable, null, null>; ended: Promise<void> } {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'mcp-taskq-broker-watchdog'], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Writing to one that was killed: cleanUp() notices.
  shell.stdin.on('error', () => {});
  const ended = new Promise<void>((resolve) => {
    shell.once('exit', () => resolve()).once('error', () => resolve());
  });
  return { process: shell, ended };
}
