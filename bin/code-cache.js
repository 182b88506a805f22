/*
 * Keeps the compiled code of each command for its next run: compiling takes a fifth of a short command's time. Node's own
 * cache (from 22.8 on) leaves out what is compiled when it is first called.
 */
const fs = require('node:fs');
const { basename, dirname, join } = require('node:path');
const { Script } = require('node:vm');

/** The folder keeps this many files: about as many as there are commands. */
const MOST_FILES = 20;

/**
 * Loads the files of a folder with the code that is kept, and keeps what had to be compiled.
 * @returns {boolean} whether it can
 */
module.exports = function keepCode(/** @type {string} */ folder, /** @type {string} */ command = '') {
  const file = cacheFile(folder, command);
  if (file === undefined) return false;
  const kept = readCode(file);
  /** @type {Map<string, Script>} */
  const loaded = new Map();
  require.extensions['.cjs'] = (module, path) => {
    const name = basename(path);
    const code = `(function (exports, require, module, __filename, __dirname) {${fs.readFileSync(path, 'utf8')}\n})`;
    const script = new Script(code, { filename: path, cachedData: kept.get(name) });
    // By another Node, or with other options.
    if (script.cachedDataRejected) kept.delete(name);
    loaded.set(name, script);
    const load = (/** @type {string} */ id) => module.require(id);
    script.runInThisContext()(module.exports, load, module, path, dirname(path));
  };
  process.once('exit', () => {
    if ([...loaded.keys()].every((name) => kept.has(name))) return;
    for (const [name, script] of loaded) kept.set(name, script.createCachedData());
    try {
      writeCode(file, kept);
    } catch {
      // Not writable, or the disk is full: the next run compiles again.
    }
  });
  return true;
};

/**
 * Where it is kept: for one Node, one installation and one command, below a folder of the user's.
 * @returns {string | undefined}
 */
function cacheFile(/** @type {string} */ folder, /** @type {string} */ command) {
  const { XDG_CACHE_HOME, HOME, NODE_DISABLE_COMPILE_CACHE } = process.env;
  const home = XDG_CACHE_HOME || HOME;
  if (NODE_DISABLE_COMPILE_CACHE || !home || process.getuid === undefined) return undefined;
  // Its modules do not have a `require`.
  if ('bun' in process.versions) return undefined;
  try {
    if (fs.statSync(home).uid !== process.getuid()) return undefined;
    const { dev, ino, ctimeMs } = fs.statSync(join(folder, 'main.cjs'));
    const isCommand = /^[a-z-]+$/.test(command) && fs.existsSync(join(folder, `${command}.cjs`));
    // In an archive, as Yarn's, files of all versions may have the same numbers and times.
    const place = folder.replace(/\W+/g, '-').slice(-99);
    const known = [process.version, process.arch, dev, ino, ctimeMs, place, isCommand ? command : 'other'];
    return join(home, XDG_CACHE_HOME ? '' : '.cache', 'mcp-taskq', known.join('-'));
  } catch {
    return undefined;
  }
}

/** V8 does not notice damaged data, so all is there twice. */
function readCode(/** @type {string} */ file) {
  /** @type {Map<string, Buffer>} */
  const kept = new Map();
  try {
    if (!isPrivate(dirname(file))) return kept;
    const both = fs.readFileSync(file);
    const data = both.subarray(0, both.length / 2);
    if (!data.equals(both.subarray(data.length))) return kept;
    let at = data.indexOf('\n') + 1;
    for (const [name, size] of JSON.parse(data.toString('utf8', 0, at))) {
      kept.set(name, data.subarray(at, at + size));
      at += size;
    }
  } catch {
    // Nothing is kept yet.
  }
  return kept;
}

function writeCode(/** @type {string} */ file, /** @type {Map<string, Buffer>} */ kept) {
  const folder = dirname(file);
  // Not `recursive`, with which Node never returns where nothing can be made, as in /proc.
  for (const each of [dirname(folder), folder]) if (!fs.existsSync(each)) fs.mkdirSync(each, { mode: 0o700 });
  if (!isPrivate(folder)) return;
  const sizes = [...kept].map(([name, { length }]) => [name, length]);
  const data = Buffer.concat([Buffer.from(`${JSON.stringify(sizes)}\n`), ...kept.values()]);
  const written = `${file}.${process.pid}`;
  try {
    fs.writeFileSync(written, Buffer.concat([data, data]), { mode: 0o600, flag: 'wx' });
    fs.renameSync(written, file);
  } finally {
    fs.rmSync(written, { force: true });
  }
  const files = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ name }) => join(folder, name));
  const byAge = paths.map((path) => ({ path, at: fs.statSync(path).mtimeMs })).sort((a, b) => b.at - a.at);
  for (const { path } of byAge.slice(MOST_FILES)) fs.unlinkSync(path);
}

/** Whether only the user can write there. */
function isPrivate(/** @type {string} */ folder) {
  const { uid, mode } = fs.statSync(folder);
  return uid === process.getuid?.() && (mode & 0o022) === 0;
}
