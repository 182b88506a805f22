import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const HOST = fileURLToPath(new URL('./command-host.js', import.meta.url));

/** What a command is run with. */
export interface HostedCommand {
  args: readonly string[];
  input: Buffer;
  env: NodeJS.ProcessEnv;
  cwd: string | undefined;
}

interface HostedResult {
  status: number | undefined;
  stdout: Buffer;
  stderr: Buffer;
}

/** Idle hosts of this worker. They end with it. */
const idle: ChildProcess[] = [];

/**
 * Runs a command in a process that has run others before it (command-host.js).
 * @returns without a status when the process ended instead: what it printed is in the output of the tests
 */
export async function runInHost(command: HostedCommand): Promise<HostedResult> {
  let host = idle.pop();
  // One may have ended meanwhile.
  while (host?.connected === false) host = idle.pop();
  host ??= fork(HOST, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const busy = host;
  const ended = new AbortController();
  onTestFinished(() => {
    if (!ended.signal.aborted) busy.kill('SIGKILL');
  });
  const { signal } = ended;
  host.send(command);
  const [result] = await Promise.race([
    once(host, 'message', { signal }) as Promise<[HostedResult]>,
    once(host, 'exit', { signal }).then(() => [
      { status: undefined, stdout: Buffer.of(), stderr: Buffer.of() },
    ]),
  ]);
  ended.abort();
  const { status = STOPPED } = result as HostedResult;
  if (status >= STOPPED) host.kill();
  else if (host.connected) idle.push(host);
  return result as HostedResult;
}

/** From this status on a command was stopped, and ends its process soon, whatever that does then (grace.ts). */
const STOPPED = 124;
