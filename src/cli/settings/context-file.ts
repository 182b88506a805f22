import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../../cli-shared.ts';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { UsageFailure } from '../usage-failure.ts';
import { findFault, isContextName, type NamedContext } from './named-context.ts';

/** A user who is in no list of users, as in some containers, has a home folder only if `HOME` says so. */
function homeFolder({ HOME: home }: NodeJS.ProcessEnv = process.env): string {
  if (home && isAbsolute(home)) return home;
  try {
    return userInfo().homedir;
  } catch {
    return sep;
  }
}

/** The path as shown to people, with `~` for the home folder. */
export function shownPath(path: string): string {
  const home = homeFolder();
  return path.startsWith(`${home}${sep}`) ? `~${path.slice(home.length)}` : path;
}

/** The contents of the configuration file. */
export interface ContextFile {
  path: string;
  /** The context that commands use by default. */
  current: string | undefined;
  contexts: ReadonlyMap<string, NamedContext>;
  /** Users other than its owner may read it. */
  isExposed: boolean;
  /** Users other than its owner may change it. */
  isWritableByOthers: boolean;
}

/** https://specifications.freedesktop.org/basedir-spec: a relative XDG_CONFIG_HOME must be ignored. */
export function contextFilePath(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CONFIG_HOME: folder } = environment;
  const base = folder && isAbsolute(folder) ? folder : join(homeFolder(environment), '.config');
  return join(base, 'mcp-taskq', 'contexts.json');
}

/**
 * Reads the configuration file; a missing one counts as empty.
 * @throws UsageFailure for an unreadable or unusable file, with the reason
 */
export function readContextFile(environment?: NodeJS.ProcessEnv): ContextFile {
  const path = contextFilePath(environment);
  let text: string;
  let stats: Stats;
  try {
    // A named pipe would keep a blocking open, and so the whole process, waiting for a writer.
    const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      stats = fstatSync(fd);
      if (!stats.isFile()) throw new Error('it is not a regular file');
      text = readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return { path, current: undefined, contexts: new Map(), isExposed: false, isWritableByOthers: false };
    }
    throw unusable(path, message, cause, code === 'EACCES' ? FOLDER_HINT : undefined);
  }
  // Windows does not have these permission modes.
  const mode = process.platform === 'win32' ? 0o600 : stats.mode;
  return {
    path,
    ...parse(path, text),
    isExposed: (mode & 0o077) !== 0,
    isWritableByOthers: (mode & 0o022) !== 0,
  };
}

const FOLDER_HINT =
  'XDG_CONFIG_HOME sets the folder for configuration files; by default it is .config in HOME.';

/** A process that changes the file takes some milliseconds. Looks are counted, as a machine that stalls stops all processes. */
const MOST_LOOKS = 100;
const RETRY_MS = 20;

/**
 * Replaces the file atomically, readable only by its owner. If it is a symbolic link, replaces the target. The new file
 * exists from before the old one is read, so that of several processes each one keeps what the others have changed.
 * @param change returns the new contents; its errors are passed on
 */
export async function changeContextFile(
  change: (file: ContextFile) => Pick<ContextFile, 'current' | 'contexts'>,
  environment?: NodeJS.ProcessEnv,
): Promise<void> {
  const path = contextFilePath(environment);
  const target = realTarget(path);
  const next = `${target}.new`;
  await inFolder(path, () => createAlone(next));
  try {
    const { current, contexts } = change(readContextFile(environment));
    const sorted = [...contexts].sort(([a], [b]) => (a < b ? -1 : 1));
    const content = { current, contexts: Object.fromEntries(sorted) };
    await inFolder(path, () => {
      writeFileSync(next, `${JSON.stringify(content, null, 2)}\n`);
      renameSync(next, target);
    });
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

/**
 * Waits for other processes that have such a file. One that stays the same was left behind by a process that died; its age
 * says nothing, as clocks are changed, and those of a file server differ.
 */
async function createAlone(path: string): Promise<void> {
  let seen: { file: string | undefined; looks: number } | undefined;
  for (;;) {
    try {
      writeFileSync(path, '', { mode: 0o600, flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const found = statSync(path, { throwIfNoEntry: false });
      const file = found && `${found.ino} ${found.mtimeMs}`;
      if (seen === undefined || seen.file !== file) seen = { file, looks: 0 };
      if (++seen.looks > MOST_LOOKS) rmSync(path, { force: true });
      else await sleep(RETRY_MS);
    }
  }
}

async function inFolder(path: string, work: () => void | Promise<void>): Promise<void> {
  try {
    makeFolder(dirname(path));
    await work();
  } catch (cause) {
    throw new CommandFailure(
      ExitCode.failed,
      `Cannot write ${shownPath(path)}: ${(cause as Error).message}`,
      { cause, hint: FOLDER_HINT },
    );
  }
}

/** Where a symbolic link leads, even if nothing is there yet. */
function realTarget(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!isMissing || !lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return path;
    return realTarget(resolve(dirname(path), readlinkSync(path)));
  }
}

function parse(path: string, text: string): Pick<ContextFile, 'current' | 'contexts'> {
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    // Node's message would quote the file, which may hold a password.
    throw unusable(path, 'it is not JSON');
  }
  const { current, contexts, ...others } = (content ?? {}) as { [name: string]: unknown };
  const [other] = Object.keys(others);
  if (other !== undefined) throw unusable(path, `unknown setting ${JSON.stringify(other)}`);
  if (typeof contexts !== 'object' || contexts === null || Array.isArray(contexts)) {
    throw unusable(path, 'it needs an object "contexts"');
  }
  for (const [name, context] of Object.entries(contexts)) {
    if (!isContextName(name)) throw unusable(path, `${JSON.stringify(name)} is not a valid context name`);
    const fault = findFault(context);
    if (fault !== undefined) throw unusable(path, `context ${JSON.stringify(name)}: ${fault}`);
  }
  const known = new Map(Object.entries(contexts as { [name: string]: NamedContext }));
  if (current === undefined || current === null) return { current: undefined, contexts: known };
  if (typeof current !== 'string' || !known.has(current)) {
    throw unusable(path, `its current context ${JSON.stringify(current)} does not exist`);
  }
  return { current, contexts: known };
}

function unusable(
  path: string,
  reason: string,
  cause?: unknown,
  hint = 'Correct it, or move it away and start again with "mcp-taskq context set".',
): CommandFailure {
  return new UsageFailure(`The configuration file ${shownPath(path)} is unusable: ${reason}`, hint, cause);
}
