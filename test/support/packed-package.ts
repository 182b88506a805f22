import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Packs the package as it is built: building again would pull the files away from under tests that run them. @returns the file's name */
export async function packInto(folder: string): Promise<string> {
  await runIn(root, 'npm', ['pack', '--ignore-scripts', '--pack-destination', folder]);
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack wrote no package');
  return tarball;
}

/** Runs a program in a folder, with the Node of this test first in the path. Rejects unless it exits 0. */
export function runIn(folder: string, program: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  return promisify(execFile)(program, args, {
    cwd: folder,
    env: { ...outsideEnvironment(), ...env },
    shell: process.platform === 'win32',
  });
}

/** What npm and vitest say to their own scripts must not reach the npm that is run here. */
export function outsideEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$|VITEST)/i.test(name));
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  return { ...Object.fromEntries(own), PATH: path } as Record<string, string>;
}
