import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

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

/** Those of this worker that run nothing now. They end with the worker. */
const idle: ChildProcess[] = [];

/**
 * Runs a command in a process that has run others before it (command-host.js).
 * @returns without a status when the process ended instead: what it printed is in the output of the tests
 */
export async function runInHost(command: HostedCommand): Promise<HostedResult> {
  const host =
    idle.pop() ?? fork(HOST, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = new AbortController();
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
