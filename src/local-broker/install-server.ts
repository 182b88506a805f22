import { findOnPath } from './find-server.ts';
import { runCommand } from './run-command.ts';
import { startFailed } from './start-failed.ts';

interface InstallStep {
  /** Shown while it runs. */
  doing: string;
  command: readonly string[];
  /** Only refreshes the package lists, so it may fail. */
  mayFail?: boolean;
}

interface InstallPlan {
  /** What would be done, to be confirmed. */
  what: string;
  /** Run in turn. */
  steps: readonly InstallStep[];
}

export interface InstallOptions {
  /** Called to confirm before anything is installed. */
  confirm: (what: string) => Promise<boolean>;
  /** Called with a line for each step. */
  onProgress?: ((line: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const BY_HAND = 'Install RabbitMQ or start Docker or Podman: https://www.rabbitmq.com/docs/download';

/**
 * Installs RabbitMQ with the system's package manager, if the caller agrees.
 *
 * @throws TaskQueueError `BROKER_START_FAILED` if no package manager has it, this user may not install it, the caller
 * declines, or the installation fails. An abort interrupts the package manager and waits until it ends, so that its database stays consistent; then
 * the signal's reason is thrown.
 */
export async function installServer({ confirm, onProgress, signal }: InstallOptions): Promise<void> {
  const plan = await makePlan();
  if (plan === undefined) {
    throw startFailed('RabbitMQ is not installed here, and neither apt-get nor brew is available', {
      hint: BY_HAND,
    });
  }
  if (!(await confirm(plan.what))) {
    throw startFailed('RabbitMQ is not installed here, and installing it was not allowed', {
      hint: BY_HAND,
    });
  }
  for (const { doing, command, mayFail } of plan.steps) {
    signal?.throwIfAborted();
    onProgress?.(`${doing} ...`);
    const [program, ...args] = command as [string, ...string[]];
    const result = await runCommand(program, args, { signal });
    signal?.throwIfAborted();
    if (!result.ok && !mayFail) {
      throw startFailed(`Installing RabbitMQ failed: ${command.join(' ')} ended with ${result.ending}`, {
        log: result.tail,
        hint: `Run that command by hand to see what is missing. ${BY_HAND}`,
      });
    }
  }
}

async function makePlan(): Promise<InstallPlan | undefined> {
  if ((await findOnPath('apt-get')) !== undefined) return await aptPlan();
  if ((await findOnPath('brew')) !== undefined) {
    return {
      what: 'Install RabbitMQ with "brew install rabbitmq"',
      steps: [{ doing: 'Installing RabbitMQ (brew install)', command: ['brew', 'install', 'rabbitmq'] }],
    };
  }
  return undefined;
}

async function aptPlan(): Promise<InstallPlan> {
  // `env` in front, as sudo drops the caller's variables. Waits for another running apt-get.
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=120'];
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && (await findOnPath('sudo')) === undefined) {
    throw startFailed('RabbitMQ is not installed here, and installing it needs root, or sudo', {
      hint: 'Run "apt-get install rabbitmq-server" as root, or start Docker or Podman.',
    });
  }
  const asRoot = isRoot ? apt : ['sudo', ...apt];
  return {
    what: 'Install the system package rabbitmq-server with apt-get (on a machine with systemd that also starts its service)',
    steps: [
      // One unreachable source makes this fail, although another may have the package.
      { doing: 'Updating the package lists (apt-get update)', command: [...asRoot, 'update'], mayFail: true },
      {
        doing: 'Installing RabbitMQ (apt-get install rabbitmq-server)',
        command: [...asRoot, 'install', '--yes', '--no-install-recommends', 'rabbitmq-server'],
      },
    ],
  };
}
