// Runs the tests on RabbitMQ 4, from Debian, in a folder of its own: `npm run test:rabbitmq-4`, with arguments for
// vitest after `--`. TASKQ_DEBIAN says from which Debian: trixie (the default) has RabbitMQ 4.0, forky has 4.3. The
// folder, 400 MB, is made once and kept; TASKQ_RABBITMQ_4 names another one. Needs Linux, root and debootstrap.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const BIN = '/usr/lib/rabbitmq/bin';

/** The node sees the folder as its root, with the real /proc, and with its data and certificates where they are. */
const CHROOT = [
  'mount --rbind /proc "$0/proc"',
  'mount --bind /tmp "$0/tmp"',
  'mkdir -p "$0$HOME"',
  'mount --bind "$HOME" "$0$HOME"',
  'exec chroot "$0" "$@"',
].join(' && ');

const suite = process.env.TASKQ_DEBIAN ?? 'trixie';
const tree = process.env.TASKQ_RABBITMQ_4 ?? join(homedir(), '.cache', 'mcp-taskq', `debian-${suite}`);

if (!existsSync(join(tree, BIN))) {
  const unfinished = `${tree}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(dirname(tree), { recursive: true });
  // From the usual mirror, by the script for all new releases: a debootstrap does not know those after its own.
  run('debootstrap', ['--variant=minbase', '--include=rabbitmq-server', suite, unfinished, '', 'sid']);
  // Erlang looks up its own node's name.
  writeFileSync(join(unfinished, 'etc', 'hosts'), '127.0.0.1 localhost\n');
  renameSync(unfinished, tree);
}

const installation = {
  binDir: BIN,
  epmd: '/usr/bin/epmd',
  runWith: ['unshare', '-m', 'sh', '-c', CHROOT, tree],
};
run('npx', ['vitest', 'run', '--config', 'test/vitest.config.ts', ...process.argv.slice(2)], {
  TASKQ_TEST_INSTALLATION: JSON.stringify(installation),
});

function run(command, args, environment = {}) {
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
