import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { BIN, temporaryFolder } from '../support/cli.ts';

const run = promisify(execFile);

/** Runs a `--help` in a home folder. */
async function helpIn(home: string, { bin = BIN, ...env }: { bin?: string; [name: string]: string } = {}) {
  const all = { PATH: process.env.PATH, HOME: home, ...env };
  const { stdout, stderr } = await run(process.execPath, [bin, 'peek', '--help'], { env: all });
  expect(stderr).toBe('');
  return stdout;
}

const folderIn = (home: string) => join(home, '.cache/mcp-taskq');
const filesIn = (home: string) => readdir(folderIn(home)).catch(() => []);
const fileIn = async (home: string) => join(folderIn(home), (await filesIn(home))[0] as string);

const damages: readonly [string, (data: Buffer) => Buffer][] = [
  ['damaged', (data) => data.fill(0, 2000, 20_000)],
  ['damaged in its second half', (data) => data.fill(0, data.length - 500)],
  ['cut off', (data) => data.subarray(0, data.length / 3)],
  ['empty', () => Buffer.alloc(0)],
];

test('compiled code is kept for the next run, which does not write it again', async () => {
  const home = await temporaryFolder();
  const help = await helpIn(home);
  expect(help).toContain('peek');
  const file = await fileIn(home);
  const { mtimeMs, mode } = await stat(file);
  expect(mode & 0o777).toBe(0o600);
  expect(await helpIn(home)).toBe(help);
  expect((await stat(file)).mtimeMs).toBe(mtimeMs);
});

test.each(damages)('a file that is %s is replaced', async (_, damage) => {
  const home = await temporaryFolder();
  const help = await helpIn(home);
  const file = await fileIn(home);
  await writeFile(file, damage(await readFile(file)));
  expect(await helpIn(home)).toBe(help);
  const both = await readFile(file);
  expect(both.length).toBeGreaterThan(100_000);
  expect(both.subarray(0, both.length / 2).equals(both.subarray(both.length / 2))).toBe(true);
});

test('several commands at once leave one file', async () => {
  const home = await temporaryFolder();
  const helps = await Promise.all(Array.from({ length: 5 }, () => helpIn(home)));
  expect(new Set(helps).size).toBe(1);
  expect(await filesIn(home)).toHaveLength(1);
  expect(await helpIn(home)).toBe(helps[0]);
});

test('nothing is kept where others can write, where nothing can be written, or where it is not wanted', async () => {
  const home = await temporaryFolder();
  await mkdir(folderIn(home), { recursive: true });
  await chmod(folderIn(home), 0o777);
  const help = await helpIn(home);
  expect(await filesIn(home)).toEqual([]);
  expect(await helpIn('/proc/self')).toBe(help);
  expect(await helpIn(`${home}/missing`)).toBe(help);
  await chmod(folderIn(home), 0o700);
  expect(await helpIn(home, { NODE_DISABLE_COMPILE_CACHE: '1' })).toBe(help);
  expect(await filesIn(home)).toEqual([]);
});

/** An option for Node to say that it is another program. */
async function pretending(versions: { [name: string]: string }): Promise<{ NODE_OPTIONS: string }> {
  const file = join(await temporaryFolder(), 'pretend.cjs');
  const value = `{ ...process.versions, ...${JSON.stringify(versions)} }`;
  await writeFile(file, `Object.defineProperty(process, 'versions', { value: ${value} });`);
  return { NODE_OPTIONS: `--require ${file}` };
}

test('nothing is kept by Bun, where a module does not have the `require` that loading it needs', async () => {
  const home = await temporaryFolder();
  expect(await helpIn(home, await pretending({ bun: '1.4.5' }))).toContain('peek');
  expect(await filesIn(home)).toEqual([]);
});

test.each(['18.20.8', '20.4.0'])('Node %s is said to be too old', async (node) => {
  await expect(helpIn(await temporaryFolder(), await pretending({ node }))).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: `error: mcp-taskq needs Node 20.5 or newer; this is Node ${node}\n`,
  });
});

test('code that cannot be written as a whole leaves no file', async () => {
  const home = await temporaryFolder();
  const script = 'ulimit -f 100 && exec "$0" "$@"';
  const env = { PATH: process.env.PATH, HOME: home };
  const { stdout, stderr } = await run('sh', ['-c', script, process.execPath, BIN, 'peek', '--help'], {
    env,
  });
  expect(stderr).toBe('');
  expect(stdout).toBe(await helpIn('/proc/self'));
  expect(await readdir(folderIn(home))).toEqual([]);
});

test('another version in the same place has code of its own, and the oldest files are removed, but no folder', async () => {
  const [home, place] = [await temporaryFolder(), await temporaryFolder()];
  const root = dirname(dirname(BIN));
  const install = async () => {
    for (const each of ['bin', 'package.json', 'dist/cli']) {
      await cp(join(root, each), join(place, each), { recursive: true });
    }
  };
  await install();
  const bin = join(place, 'bin/mcp-taskq.js');
  const help = await helpIn(home, { bin });
  for (let age = 1; age <= 30; age++) {
    const path = join(folderIn(home), `v1-${age}`);
    await (age === 15 ? mkdir(path) : writeFile(path, ''));
    await utimes(path, 100 - age, 100 - age);
  }
  await install();
  const peek = join(place, 'dist/cli/peek.cjs');
  await writeFile(peek, (await readFile(peek, 'utf8')).replace('oldest messages', 'OLDEST messages'));
  expect(await helpIn(home, { bin })).toBe(help.replace('oldest messages', 'OLDEST messages'));
  expect(await filesIn(home)).toHaveLength(21);
  expect(await filesIn(home)).toContain('v1-15');
});
