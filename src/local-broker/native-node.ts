import { closeSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BrokerNode, NodeOptions } from './broker-node.ts';
import { type DataFolder, writeNodeFiles } from './data-folder.ts';
import type { ServerInstallation } from './find-server.ts';
import { findFreePort } from './free-ports.ts';
import { type GuardedProcess, GuardedProcesses } from './guarded-process.ts';
import { excerptLog } from './log-excerpt.ts';
import { outputOfCtl, runCommand } from './run-command.ts';
import { startFailed } from './start-failed.ts';

/** With its own port mapper a node needs no unique name, and finds its data again under the same one. */
const NODE_NAME = 'mcp-taskq@localhost';

/** RabbitMQ 3.10 takes 6 s for a clean shutdown when the management plugin runs. */
const SHUT_DOWN_TIMEOUT_MS = 20_000;
/** One log of the latest start, including what the node prints before it reads its configuration. */
const LOG_CONFIG = ['log.console = true', 'log.file = false'];
const OUTPUT_LOG = 'output.log';
const EPMD_TIMEOUT_MS = 10_000;

interface NativeNodeOptions extends NodeOptions {
  installation: ServerInstallation;
  folder: DataFolder;
}

/** A node of an installed RabbitMQ. Any user can run it, and it touches nothing outside its folder. */
export class NativeNode implements BrokerNode {
  readonly runtime = 'rabbitmq-server';
  readonly description: string;
  readonly keepsData: boolean;
  readonly #options: NativeNodeOptions;
  readonly #env: NodeJS.ProcessEnv;
  readonly #epmdPort: number;
  readonly #processes: GuardedProcesses;
  #epmd: GuardedProcess | undefined;
  #server: GuardedProcess | undefined;

  private constructor(options: NativeNodeOptions, distPort: number, epmdPort: number) {
    this.#options = options;
    this.description = `RabbitMQ from ${options.installation.binDir}`;
    this.keepsData = options.folder.kept;
    this.#epmdPort = epmdPort;
    this.#env = nodeEnvironment(options.folder.path, options.ports.amqp, distPort, epmdPort);
    this.#processes = new GuardedProcesses(options.watchdog);
  }

  static async prepare(options: NativeNodeOptions): Promise<NativeNode> {
    const { ports, config, plugins, folder } = options;
    const distPort = await findFreePort();
    const epmdPort = await findFreePort();
    await writeNodeFiles(folder.path, {
      config: [...LOG_CONFIG, ...(ports.api === undefined ? [] : apiConfig(ports.api)), ...config],
      plugins,
    });
    return new NativeNode(options, distPort, epmdPort);
  }

  async start(signal: AbortSignal): Promise<{ ended: Promise<string> }> {
    await writeFile(this.#logPath, '');
    if (!this.#epmd?.running) await this.#startEpmd(signal);
    this.#server = this.#spawn([join(this.#options.installation.binDir, 'rabbitmq-server')]);
    return this.#server;
  }

  async shutDown(): Promise<void> {
    await this.#server?.end(SHUT_DOWN_TIMEOUT_MS);
  }

  async kill(): Promise<void> {
    await this.#server?.kill();
  }

  async ctl(args: readonly string[]): Promise<string> {
    const { installation } = this.#options;
    const [command, ...rest] = wrapped(installation, [join(installation.binDir, 'rabbitmqctl'), ...args]);
    return outputOfCtl(await runCommand(command, rest, { env: this.#env }), args);
  }

  async logExcerpt(): Promise<string> {
    return excerptLog(await readFile(this.#logPath, 'utf8').catch(() => ''));
  }

  /** As our child process: one that Erlang starts itself would stay as a daemon. */
  async #startEpmd(signal: AbortSignal): Promise<void> {
    const epmd = this.#spawn([this.#options.installation.epmd, '-port', `${this.#epmdPort}`]);
    this.#epmd = epmd;
    let ending: string | undefined;
    epmd.ended.then((how) => {
      ending = how;
    });
    const deadline = performance.now() + EPMD_TIMEOUT_MS;
    while (!(await accepts(this.#epmdPort))) {
      if (ending !== undefined || performance.now() > deadline) {
        throw startFailed(`Erlang's port mapper did not start: ${ending ?? 'it does not answer'}`, {
          log: await this.logExcerpt(),
        });
      }
      await delay(5, undefined, { signal });
    }
  }

  get #logPath(): string {
    return join(this.#options.folder.path, 'log', OUTPUT_LOG);
  }

  #spawn(command: readonly string[]): GuardedProcess {
    const { installation, folder } = this.#options;
    const logFd = openSync(this.#logPath, 'a', 0o600);
    try {
      return this.#processes.start(wrapped(installation, command), {
        env: this.#env,
        cwd: folder.path,
        logFd,
      });
    } finally {
      closeSync(logFd);
    }
  }
}

function wrapped({ runWith = [] }: ServerInstallation, command: readonly string[]): [string, ...string[]] {
  return [...runWith, ...command] as [string, ...string[]];
}

function apiConfig(port: number): string[] {
  return ['management.tcp.ip = 127.0.0.1', `management.tcp.port = ${port}`];
}

/**
 * Only the variables that programs need to run at all: RABBITMQ_*, their old names without the prefix, and ERL_*
 * would change the node.
 */
function nodeEnvironment(
  folder: string,
  amqpPort: number,
  distPort: number,
  epmdPort: number,
): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    // Erlang wants a UTF-8 locale for its file names.
    LC_ALL: process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8',
    // The cookie is looked up here.
    HOME: folder,
    RABBITMQ_NODENAME: NODE_NAME,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: `${amqpPort}`,
    RABBITMQ_DIST_PORT: `${distPort}`,
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    ERL_EPMD_PORT: `${epmdPort}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // For the node, for rabbitmqctl, and for a helper process that would otherwise start a port mapper as a daemon.
    ERL_AFLAGS: '-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}',
    // Without this, a crash dump takes a second to write, and helps no one.
    ERL_CRASH_DUMP_BYTES: '0',
    // Makes the start script exec the node instead of waiting for it as its parent.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
