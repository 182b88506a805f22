import { access, constants, readdir, realpath } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';

/** A RabbitMQ installed on this machine. */
export interface ServerInstallation {
  /** The folder with rabbitmq-server and rabbitmqctl. */
  binDir: string;
  /** Erlang's port mapper. */
  epmd: string;
  /**
   * A prefix command that execs the command appended to it, to run a server in another root folder. The data folder
   * must have the same path inside.
   */
  runWith?: readonly string[];
}

/**
 * Debian's and Red Hat's real scripts come first: those on the PATH are wrappers that insist on the user rabbitmq and
 * on /var.
 */
const BIN_DIRS = [
  '/usr/lib/rabbitmq/bin',
  '/opt/homebrew/opt/rabbitmq/sbin',
  '/usr/local/opt/rabbitmq/sbin',
  '/home/linuxbrew/.linuxbrew/opt/rabbitmq/sbin',
  '/opt/rabbitmq/sbin',
  '/usr/local/rabbitmq/sbin',
];

/** Folders of Erlang, which keeps its epmd in `erts-VERSION/bin` below them. */
const ERLANG_DIRS = [
  '/usr/lib/erlang',
  '/usr/lib64/erlang',
  '/usr/local/lib/erlang',
  '/opt/homebrew/opt/erlang/lib/erlang',
  '/usr/local/opt/erlang/lib/erlang',
  '/home/linuxbrew/.linuxbrew/opt/erlang/lib/erlang',
];

/** The RabbitMQ installed on this machine, if complete: in one of these folders, else on the PATH. */
export async function findServer(
  binDirs: readonly string[] = BIN_DIRS,
): Promise<ServerInstallation | undefined> {
  const binDir = await findBinDir(binDirs);
  if (binDir === undefined) return undefined;
  const epmd = await findEpmd();
  return epmd === undefined ? undefined : { binDir, epmd };
}

async function findBinDir(binDirs: readonly string[]): Promise<string | undefined> {
  for (const dir of binDirs) {
    if (await isExecutable(join(dir, 'rabbitmq-server'))) return dir;
  }
  const onPath = await findOnPath('rabbitmq-server');
  if (onPath === undefined) return undefined;
  const dir = dirname(await realpath(onPath));
  // Only a folder with the scripts' common part is an installation; otherwise it is a distribution's wrapper.
  return (await isExecutable(join(dir, 'rabbitmq-env'))) ? dir : undefined;
}

async function findEpmd(): Promise<string | undefined> {
  const onPath = await findOnPath('epmd');
  if (onPath !== undefined) return onPath;
  for (const dir of ERLANG_DIRS) {
    const entries = await readdir(dir).catch(() => []);
    for (const entry of entries.filter((name) => name.startsWith('erts-'))) {
      const path = join(dir, entry, 'bin', 'epmd');
      if (await isExecutable(path)) return path;
    }
  }
  return undefined;
}

/** Where the shell would find a program. */
export async function findOnPath(program: string): Promise<string | undefined> {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    if (dir !== '' && (await isExecutable(join(dir, program)))) return join(dir, program);
  }
  return undefined;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
