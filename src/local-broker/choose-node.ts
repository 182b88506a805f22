import type { BrokerNode, NodePorts } from './broker-node.ts';
import type { BrokerOptions } from './broker-options.ts';
import { ContainerNode } from './container-node.ts';
import { openDataFolder } from './data-folder.ts';
import { findContainerEngine } from './find-container-engine.ts';
import { findServer, type ServerInstallation } from './find-server.ts';
import { installServer } from './install-server.ts';
import { NativeNode } from './native-node.ts';
import { startFailed } from './start-failed.ts';
import type { Watchdog } from './watchdog.ts';

/** An installed RabbitMQ, else a container, else an installation if the caller agrees. */
export async function chooseNode(
  options: BrokerOptions,
  ports: NodePorts,
  watchdog: Watchdog,
): Promise<BrokerNode> {
  const { dataDir, config = [], plugins: more = [], onProgress, signal } = options;
  const plugins = ports.api === undefined ? more : ['rabbitmq_management', ...more];
  const nativeNode = async (installation: ServerInstallation) => {
    const folder = await openDataFolder(dataDir, watchdog);
    return NativeNode.prepare({ installation, folder, ports, config, plugins, watchdog });
  };
  const installation = options.installation ?? (await findServer());
  if (installation !== undefined) return nativeNode(installation);
  const engine = await findContainerEngine();
  if (engine !== undefined) {
    return ContainerNode.prepare({ engine, ports, dataDir, config, plugins, watchdog, onProgress, signal });
  }
  await installServer({
    confirm: options.install ? async () => true : (options.confirmInstall ?? (async () => false)),
    onProgress,
    signal,
  });
  const installed = await findServer();
  if (installed === undefined) throw startFailed('RabbitMQ was installed, but its programs were not found');
  return nativeNode(installed);
}
