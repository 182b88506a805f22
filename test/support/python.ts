import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./wire_peer.py', import.meta.url));

/** The system's own Python, too: distributions install pika for that one, whatever comes first in the path. */
const INTERPRETERS = ['python3', '/usr/bin/python3'];

/** A Python that can import these modules, or undefined. */
export function findPython(...modules: string[]): string | undefined {
  const imports = ['sys', ...modules].map((name) => `import ${name}`).join('; ');
  return INTERPRETERS.find((python) => spawnSync(python, ['-c', imports]).status === 0);
}

/**
 * A Python with pika: one that is there, else after installing Debian's package, where this process may.
 * Undefined, with the reason on stderr, when there is none.
 */
export function providePika(): string | undefined {
  const found = findPython('pika');
  if (found !== undefined) return found;
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (...words: string[]) =>
      spawnSync('apt-get', ['-qq', '-y', ...words], { env: environment }).status === 0;
    const install = () => apt('install', '--no-install-recommends', 'python3-pika');
    if (install() || (apt('update') && install())) return findPython('pika');
  }
  process.stderr.write('Not tested against Python: no Python here has pika (Debian: python3-pika).\n');
  return undefined;
}

/** Runs the Python peer. Resolves to the lines it printed, read as JSON; rejects with what it said on stderr. */
export function runPython(python: string, words: string[], input: string[] = []): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [script, ...words], { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let complaints = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      complaints += text;
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status !== 0) return reject(new Error(`Python ended with status ${status}: ${complaints}`));
      resolve(
        output
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
      );
    });
    // A Python that fails early says so on stderr; that it reads no more is no news then.
    child.stdin.on('error', () => {});
    child.stdin.end(input.map((line) => `${line}\n`).join(''));
  });
}
