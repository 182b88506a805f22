import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { startFailed } from './start-failed.ts';
import type { Watchdog } from './watchdog.ts';

/** The folder for everything that a node writes. */
export interface DataFolder {
  path: string;
  /** True for the caller's folder, which is kept; false for a temporary one. */
  kept: boolean;
}

/** The caller's folder, reserved for this process, or a temporary one. The watchdog releases or removes it. */
export async function openDataFolder(given: string | undefined, watchdog: Watchdog): Promise<DataFolder> {
  if (given !== undefined) return reserve(given, watchdog);
  const path = await mkdtemp(join(tmpdir(), 'mcp-taskq-broker-'));
  watchdog.guardFolder(path);
  return { path, kept: false };
}

/** Two nodes on the same data would destroy it, and separate port mappers would not notice. */
async function reserve(given: string, watchdog: Watchdog): Promise<DataFolder> {
  if (given === '' || /\p{Cc}/u.test(given)) {
    throw new TaskQueueError(
      ErrorCode.invalidArgument,
      'The data folder is empty or has control characters in its name',
    );
  }
  const path = resolve(given);
  const owner = join(path, 'owner.pid');
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await removeIfStale(owner);
    const file = await open(owner, 'wx');
    watchdog.guardFile(owner);
    await file.writeFile(`${watchdog.pid}\n`);
    await file.close();
  } catch (error) {
    if (error instanceof TaskQueueError) throw error;
    throw startFailed(`The data folder ${path} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return { path, kept: true };
}

async function removeIfStale(owner: string): Promise<void> {
  const text = await readFile(owner, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const pid = Number(text);
  if (pid > 0 && isAlive(pid)) {
    throw startFailed(`The data folder is in use by another broker, guarded by process ${pid}`, {
      hint: `Stop that one, or choose another folder. If process ${pid} is something else, delete ${owner}.`,
    });
  }
  await rm(owner, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Everything a node reads when it starts. */
export async function writeNodeFiles(
  path: string,
  { config, plugins }: { config: readonly string[]; plugins: readonly string[] },
): Promise<void> {
  await writeFile(join(path, 'rabbitmq.conf'), `${config.join('\n')}\n`);
  await writeFile(join(path, 'enabled_plugins'), `[${plugins.join(',')}].\n`);
  await mkdir(join(path, 'log'), { recursive: true });
  // Erlang refuses a cookie that others can read. Keep an existing one: command-line tools may be using it.
  await writeFile(join(path, '.erlang.cookie'), randomBytes(24).toString('hex'), {
    mode: 0o400,
    flag: 'wx',
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
