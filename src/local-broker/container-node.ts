import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrokerNode, NodeOptions } from './broker-node.ts';
import type { BrokerOptions } from './broker-options.ts';
import { openDataFolder, writeNodeFiles } from './data-folder.ts';
import type { ContainerEngine } from './find-container-engine.ts';
import { excerptLog } from './log-excerpt.ts';
import { type CommandOptions, type CommandResult, outputOfCtl, runCommand } from './run-command.ts';
import { startFailed } from './start-failed.ts';

/** The node's name contains the host name, and its data is stored under that name. */
const HOST_NAME = 'mcp-taskq';
const SHUT_DOWN_TIMEOUT_S = 20;

interface ContainerNodeOptions extends NodeOptions, Pick<BrokerOptions, 'dataDir' | 'onProgress' | 'signal'> {
  engine: ContainerEngine;
}

/** A node in a container of the official image. */
export class ContainerNode implements BrokerNode {
  readonly runtime: ContainerEngine;
  readonly description: string;
  readonly keepsData: boolean;
  readonly #container: string;
  /** The container of the latest start. */
  #ended: Promise<string> | undefined;

  private constructor(runtime: ContainerEngine, image: string, container: string, keepsData: boolean) {
    this.runtime = runtime;
    this.description = `RabbitMQ in a container of ${runtime} from the image ${image}`;
    this.#container = container;
    this.keepsData = keepsData;
  }

  /** Pulls the image if it is not there, and creates the container. */
  static async prepare(options: ContainerNodeOptions): Promise<ContainerNode> {
    const { engine, ports, dataDir, watchdog, onProgress, signal } = options;
    const image = ports.api === undefined ? 'rabbitmq:4' : 'rabbitmq:4-management';
    if (!(await runCommand(engine, ['image', 'inspect', image])).ok) {
      onProgress?.(`Pulling the image ${image}`);
      await succeed(engine, ['pull', image], { signal, onLine: onProgress });
    }
    const folder = await openDataFolder(dataDir, watchdog);
    const mounted = join(folder.path, 'mnesia');
    // Podman does not create what it mounts.
    if (folder.kept) await mkdir(mounted, { recursive: true });
    const container = `mcp-taskq-broker-${randomBytes(6).toString('hex')}`;
    // A container's volume is removed with it; a container that is killed and restarted keeps its volume.
    watchdog.guard('command', `${engine} rm -f -v ${container}`);
    await succeed(
      engine,
      [
        'create',
        `--name=${container}`,
        `--hostname=${HOST_NAME}`,
        `--publish=127.0.0.1:${ports.amqp}:5672`,
        ...(ports.api === undefined ? [] : [`--publish=127.0.0.1:${ports.api}:15672`]),
        ...(folder.kept ? [`--volume=${mounted}:/var/lib/rabbitmq/mnesia:z`] : []),
        image,
      ],
      { signal },
    );
    const node = new ContainerNode(engine, image, container, folder.kept);
    await node.#copyFiles(folder.path, options);
    return node;
  }

  async start(): Promise<{ ended: Promise<string> }> {
    await succeed(this.runtime, ['start', this.#container]);
    this.#ended = this.#run('wait', this.#container).then(({ stdout }) => `status ${stdout.trim()}`);
    return { ended: this.#ended };
  }

  async shutDown(): Promise<void> {
    await this.#run('stop', '-t', `${SHUT_DOWN_TIMEOUT_S}`, this.#container);
    await this.#ended;
  }

  async kill(): Promise<void> {
    await this.#run('kill', this.#container);
    // The engine polls: it would miss the end of a container that was restarted in between.
    await this.#ended;
  }

  async ctl(args: readonly string[]): Promise<string> {
    return outputOfCtl(await this.#run('exec', this.#container, 'rabbitmqctl', ...args), args);
  }

  async logExcerpt(): Promise<string> {
    return excerptLog((await this.#run('logs', this.#container)).stdout);
  }

  /** Copied into the container rather than mounted, as the engine may run on another machine. */
  async #copyFiles(folder: string, { config, plugins }: ContainerNodeOptions): Promise<void> {
    await writeNodeFiles(folder, { config, plugins });
    const copy = (from: string, to: string) =>
      succeed(this.runtime, ['cp', join(folder, from), `${this.#container}:/etc/rabbitmq/${to}`]);
    await copy('rabbitmq.conf', 'conf.d/90-mcp-taskq.conf');
    await copy('enabled_plugins', 'enabled_plugins');
  }

  #run(...args: string[]): Promise<CommandResult> {
    return runCommand(this.runtime, args);
  }
}

async function succeed(engine: string, args: readonly string[], options: CommandOptions = {}): Promise<void> {
  const result = await runCommand(engine, args, options);
  options.signal?.throwIfAborted();
  if (result.ok) return;
  throw startFailed(`${engine} ${args[0]} failed (${result.ending})`, { log: result.tail });
}
