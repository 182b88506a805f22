import { spawn } from 'node:child_process';
import { findServer } from '../../src/local-broker/find-server.ts';
import { findFreePort } from '../../src/local-broker/free-ports.ts';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { startPrivateBroker, stopAfterFile } from './broker.ts';
import { installation } from './installation.ts';

/** Undefined where RabbitMQ only runs in containers, out of which no cluster is made here. */
const installed = installation.installation ?? (await findServer());

export const canCluster = installed !== undefined;

/** Nodes of one cluster, on this machine, for the tests of a file. */
export async function startCluster(size: number): Promise<RunningBroker[]> {
  if (!installed) throw new Error('No rabbitmq-server is installed');
  const { runWith = [], epmd } = installed;
  // Nodes find each other through a port mapper that they share, under different names, and trust the same cookie.
  const epmdPort = await findFreePort();
  const [command = epmd, ...rest] = [...runWith, epmd, '-port', String(epmdPort)];
  const mapper = spawn(command, rest, { stdio: 'ignore', env: { PATH: process.env.PATH, HOME: '/tmp' } });
  stopAfterFile(async () => void mapper.kill('SIGKILL'));
  const nodeName = (index: number) => `taskq-${index}@localhost`;
  const start = (index: number) => {
    const environment = [
      `RABBITMQ_NODENAME=${nodeName(index)}`,
      `ERL_EPMD_PORT=${epmdPort}`,
      'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-setcookie test-cluster',
      'RABBITMQ_CTL_ERL_ARGS=-setcookie test-cluster',
    ];
    const members = Array.from({ length: size }, (_, member) => member + 1);
    return startPrivateBroker({
      installation: { ...installed, runWith: [...runWith, 'env', ...environment] },
      // They join at their first start, which is cheaper than to stop the application, join, and start it again.
      config: [
        'cluster_formation.peer_discovery_backend = classic_config',
        ...members.map(
          (member) => `cluster_formation.classic_config.nodes.${member} = ${nodeName(member - 1)}`,
        ),
      ],
    });
  };
  const nodes = await Promise.all(Array.from({ length: size }, (_, index) => start(index)));
  await nodes[0]?.ctl('await_online_nodes', String(size));
  return nodes;
}
