// Runs commands of the built command line, one after another: most of a short command's time goes into starting Node. Each
// has streams, environment, folder and arguments of its own, and fails if it leaves something open that would keep its
// process running.
import { createRequire } from 'node:module';
import { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** @typedef {{ args: string[], input: Buffer, env: NodeJS.ProcessEnv, cwd: string | undefined }} CommandLine */

/** How long a command that has its result may take to close what it has open. */
const LINGER_MS = 30_000;

/** What is always open: the channel to the tests. */
const CHANNEL = 'PipeWrap';

const BIN = fileURLToPath(new URL('../../bin/mcp-taskq.js', import.meta.url));
const { main } = createRequire(import.meta.url)('../../dist/cli/main.cjs');
const folder = process.cwd();
const ownExit = process.exit;

// Node's own listener keeps writing to the first stderr that it has seen.
process.removeAllListeners('warning');
process.on('warning', ({ name, message }) => process.stderr.write(`(node) ${name}: ${message}\n`));

process.on('message', (/** @type {CommandLine} */ command) => void run(command));
process.once('disconnect', () => ownExit(0));

/** @param {CommandLine} command */
async function run({ args, input, env, cwd }) {
  const [stdout, stderr] = [new Output(), new Output()];
  const listeners = process.eventNames().map((name) => [name, process.listeners(name)]);
  const exited = new Promise((resolve) => {
    process.exit = (status) => /** @type {never} */ (resolve(status));
  });
  process.argv = [process.execPath, BIN, ...args];
  process.chdir(cwd ?? folder);
  for (const name of Object.keys(process.env)) delete process.env[name];
  for (const [name, value] of Object.entries(env)) if (value !== undefined) process.env[name] = value;
  replaceStreams({ stdin: Readable.from([input], { objectMode: false }), stdout, stderr });
  const status = await Promise.race([main(process.argv), exited]);
  const isClosed = await Promise.race([untilClosed(), exited.then(() => true)]);
  for (const name of process.eventNames()) {
    const known = listeners.find(([of]) => of === name)?.[1] ?? [];
    for (const listener of process.listeners(name)) {
      if (known.includes(listener)) continue;
      process.off(name, listener);
      // As the end of its process would.
      if (name === 'exit') listener.call(process, status);
    }
  }
  if (!isClosed) stderr.write(`The command is left running by ${openResources()}\n`);
  process.send?.({ status: isClosed ? status : undefined, stdout: stdout.bytes, stderr: stderr.bytes });
}

async function untilClosed() {
  const giveUpAt = Date.now() + LINGER_MS;
  while (openResources() !== CHANNEL) {
    if (Date.now() > giveUpAt) return false;
    await sleep(1);
  }
  return true;
}

/** What keeps the process running. */
function openResources() {
  return process.getActiveResourcesInfo().sort().join(' ');
}

/** @param {{ [name: string]: object }} streams */
function replaceStreams(streams) {
  for (const [name, value] of Object.entries(streams))
    Object.defineProperty(process, name, { value, configurable: true, enumerable: true, writable: true });
}

class Output extends Writable {
  /** @type {Buffer[]} */
  #chunks = [];

  _write(chunk, _encoding, done) {
    this.#chunks.push(Buffer.from(chunk));
    done();
  }

  get bytes() {
    return Buffer.concat(this.#chunks);
  }
}
