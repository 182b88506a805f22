// Makes a clone ready to run: installs the dependencies and builds, each only where it is missing or stale.
// Plain Node without dependencies, for there may be none yet; and syntax that an old Node can read.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const stamp = join(root, 'dist', '.sources');

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 5)) {
  fail(`mcp-taskq needs Node.js 20.5 or newer, and this is ${process.version}.`);
}
if (!dependenciesAreCurrent()) {
  run('Installing the dependencies', ['ci', '--include=dev']);
}
const sources = fingerprint();
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== sources) {
  // What was built from files that are gone must not stay.
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run('Building', ['run', '--silent', 'build']);
  writeFileSync(stamp, sources);
}

/** Compares what npm says it has installed with what the lock file wants. */
function dependenciesAreCurrent() {
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
  } catch {
    return false;
  }
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    // Optional ones are for other platforms.
    if (!(path in installed)) return entry.optional === true;
    return installed[path].version === entry.version && installed[path].integrity === entry.integrity;
  });
}

/** Of everything the build depends on. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json', ...filesBelow('src')]) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

function filesBelow(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}

/** Runs npm, and shows what it prints only when it fails. On stderr: the standard output is the command's. */
function run(what, args) {
  process.stderr.write(`${what} (npm ${args.join(' ')}) ...\n`);
  const { status, error, stdout, stderr } = spawnSync('npm', args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  fail(`${what} failed: ${error ? error.message : `npm ended with status ${status}`}`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
