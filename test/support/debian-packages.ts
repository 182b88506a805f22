import { spawnSync } from 'node:child_process';

/** Runs a program, which has to succeed. */
export function run(command: string, ...words: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, words, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${command} ended with status ${status}: ${error?.message ?? stderr}`);
}

/**
 * Sees to it that a program or module of a Debian package is here: it is, or the package is installed, where this process
 * may. False, with the reason on stderr, when it is not.
 */
export function provide(debianPackage: string, isHere: () => boolean): boolean {
  if (isHere()) return true;
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (...words: string[]) => spawnSync('apt-get', ['-qq', '-y', ...words], { env }).status === 0;
    const install = () => apt('install', '--no-install-recommends', debianPackage);
    if ((install() || (apt('update') && install())) && isHere()) return true;
  }
  process.stderr.write(`Not tested: messages of ${debianPackage}, a package that is not installed here.\n`);
  return false;
}
