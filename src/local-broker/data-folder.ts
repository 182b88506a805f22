import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { makeFolder } from '../make-folder.ts';
import { startFailed } from './start-failed.ts';
import type { Watchdog } from './watchdog.ts';

/** The folder for everything that a node writes. */
export interface DataFolder {
  path: string;
  /** True for the caller's folder, which is kept; false for a temporary one. */
  kept: boolean;
}

/** Written first, so that it tells whose folder it is. */
const COOKIE = '.erlang.cookie';

/** The caller's folder, reserved for this process, or a temporary one. The watchdog releases or removes it. */
export async function openDataFolder(given: string | undefined, watchdog: Watchdog): Promise<DataFolder> {
  if (given !== undefined) return reserve(given, watchdog);
  const path = await mkdtemp(join(tmpdir(), 'mcp-taskq-broker-'));
  watchdog.guard('folder', path);
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
    makeFolder(path);
    await refuseForeign(path);
    await take(owner, watchdog);
  } catch (error) {
    if (error instanceof TaskQueueError) throw error;
    throw startFailed(`The data folder ${path} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return { path, kept: true };
}

/** A start replaces the configuration, which may be that of another RabbitMQ. */
async function refuseForeign(path: string): Promise<void> {
  const names = await readdir(path);
  const found = ['rabbitmq.conf', 'enabled_plugins'].find((name) => names.includes(name));
  if (found === undefined || names.includes(COOKIE)) return;
  throw startFailed(`The data folder ${path} has a file ${found} that is not from mcp-taskq`, {
    hint: 'Choose another folder, such as a new one.',
  });
}

/** Only the process that has created the new file replaces one that was left behind, so that no other one does at once. */
async function take(owner: string, watchdog: Watchdog): Promise<void> {
  const next = `${owner}.new`;
  const file = await open(next, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw startFailed('Another broker is about to use the data folder', {
      hint: `If none is being started, delete ${next}.`,
    });
  });
  try {
    await refuseIfInUse(owner);
    await file.writeFile(`${watchdog.pid}\n`);
    watchdog.guard('file', owner);
    await rename(next, owner);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

async function refuseIfInUse(owner: string): Promise<void> {
  const pid = Number(await readFile(owner, 'utf8').catch(() => undefined));
  if (!(pid > 0 && isAlive(pid))) return;
  throw startFailed(`The data folder is in use by another broker, guarded by process ${pid}`, {
    hint: `Stop that one, or choose another folder. If process ${pid} is something else, delete ${owner}.`,
  });
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
  // Erlang refuses a cookie that others can read. Keep an existing one: command-line tools may be using it.
  await writeFile(join(path, COOKIE), randomBytes(24).toString('hex'), {
    mode: 0o400,
    flag: 'wx',
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await writeFile(join(path, 'rabbitmq.conf'), `${config.join('\n')}\n`);
  await writeFile(join(path, 'enabled_plugins'), `[${plugins.join(',')}].\n`);
  await mkdir(join(path, 'log'), { recursive: true });
}
