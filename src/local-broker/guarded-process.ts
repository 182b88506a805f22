import { type ChildProcess, spawn } from 'node:child_process';
import type { Watchdog } from './watchdog.ts';

/** The processes of one broker, each registered with the watchdog before it does anything. */
export class GuardedProcesses {
  readonly #watchdog: Watchdog;
  readonly #running = new Set<GuardedProcess>();

  constructor(watchdog: Watchdog) {
    this.#watchdog = watchdog;
  }

  /**
   * Starts a program in its own session, so that Ctrl-C and a closing terminal do not reach it, with its output in an
   * open file.
   */
  start(
    command: readonly string[],
    { env, cwd, logFd }: { env: NodeJS.ProcessEnv; cwd: string; logFd: number },
  ): GuardedProcess {
    // The shell waits for a line and then becomes the program. If this process is killed before the watchdog
    // knows the pid, the line never comes and the program never starts.
    const child = spawn('/bin/sh', ['-c', 'read -r go && exec "$@" </dev/null', 'sh', ...command], {
      detached: true,
      cwd,
      env,
      stdio: ['pipe', logFd, logFd],
    });
    const guarded = new GuardedProcess(child);
    this.#running.add(guarded);
    guarded.ended.then(() => {
      this.#running.delete(guarded);
      this.#report();
    });
    this.#report();
    child.stdin?.on('error', () => {}).end('go\n');
    return guarded;
  }

  #report(): void {
    const pids = [...this.#running].map(({ pid }) => pid).filter((pid) => pid !== undefined);
    this.#watchdog.guard('pids', pids.join(' '));
  }
}

export class GuardedProcess {
  readonly #child: ChildProcess;
  /** How it ended: `status 1`, `signal SIGKILL`, or why it did not start. */
  readonly ended: Promise<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (status, signal) => resolve(signal ? `signal ${signal}` : `status ${status}`));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  /** Resolves when it is dead. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** Sends SIGTERM, and SIGKILL if it has not ended after `timeoutMs`. */
  async end(timeoutMs: number): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs);
    await this.ended;
    clearTimeout(timer);
  }
}
