import { randomUUID } from 'node:crypto';
import { onAbort } from '../concurrency/on-abort.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { type BrokerAddress, userOf } from '../options/broker-url.ts';
import { resolveOptions } from '../options/task-queue-options.ts';
import { TaskQueueClient } from '../task-queue-client.ts';
import { connectionsOf, findConnection } from './known-connection.ts';
import type { ManagementApi, ManagementApiOptions } from './management-api.ts';
import { withManagementApi } from './with-management-api.ts';

/** For {@link verifySameBroker}. */
export interface SameBrokerOptions extends ManagementApiOptions {
  /**
   * Skip the AMQP connection if the API runs on a host of the broker's URL and reports listeners on both URLs' ports. That
   * is enough to list, not to delete. Otherwise skip only the slow checks. Default false.
   */
  isQuick?: boolean;
}

/**
 * Makes sure that the management API and the broker's URL lead to the same broker, before one of them decides what is
 * deleted on the other. The names of the clusters must be the same. As many clusters have the same name, the API must
 * also know a connection that is opened for this, if it shows connections to this user: that takes the user's tag
 * "monitoring" or "administrator", or the same user on both sides. It takes some milliseconds, or up to ten seconds where
 * something between translates ports.
 *
 * @returns false where only the names could be compared
 * @throws TaskQueueError `TARGET_MISMATCH`; the error if either side cannot be asked; the reason of the signal
 */
export function verifySameBroker(options: SameBrokerOptions = {}): Promise<boolean> {
  return withManagementApi(options, async (api) => {
    const overview = await api.get<Overview>('overview', { columns: 'cluster_name,listeners' });
    const { addresses } = resolveOptions(options);
    if (options.isQuick && addresses.some((address) => listensOn(overview, address, api.base))) return true;
    return compare(api, overview, options);
  });
}

/** `/api/overview`. Only monitors see the listeners. */
interface Overview {
  cluster_name?: string;
  listeners?: { protocol: string; port: number }[];
}

async function compare(
  api: ManagementApi,
  { cluster_name: name }: Overview,
  { isQuick = false, ...options }: SameBrokerOptions,
): Promise<boolean> {
  const { signal } = options;
  // A unique name to recognise the connection.
  const connectionName = `${options.connectionName ?? 'mcp-taskq'} ${randomUUID()}`;
  const client = new TaskQueueClient({ ...options, connectionName });
  const stopListening = onAbort(signal, () => void client.close({ timeoutMs: 0 }));
  try {
    const before = await connectionsOf(api, userOf(resolveOptions(options).addresses[0]));
    const identity = await client.identify();
    if ((name ?? '') !== (identity.clusterName ?? '')) {
      throw mismatch(
        api,
        `belongs to the cluster ${shown(name)}, and the broker to ${shown(identity.clusterName)}`,
      );
    }
    const isKnown = await findConnection({ api, before, identity, connectionName, isQuick, signal });
    if (isKnown === false) {
      throw mismatch(
        api,
        `does not know a connection to the broker, though both are of a cluster ${shown(name)}`,
      );
    }
    return isKnown === true;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    stopListening();
    await client.close();
  }
}

/**
 * Whether the broker behind the API listens where the broker's URL leads, on the same host. Both ports count: where a
 * container has others inside than outside, one of them may be that of another broker's container.
 */
function listensOn({ listeners }: Overview, { host, port, protocol }: BrokerAddress, base: URL): boolean {
  const apiPort = Number(base.port || (base.protocol === 'https:' ? 443 : 80));
  const has = (name: string, at: number) =>
    Array.isArray(listeners) && listeners.some((each) => each.protocol === name && each.port === at);
  return (
    canonical(host) === canonical(base.hostname) &&
    has(protocol === 'amqps' ? 'amqp/ssl' : 'amqp', port) &&
    has(base.protocol.slice(0, -1), apiPort)
  );
}

/** This machine has several names. */
function canonical(host: string): string {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  return name === '127.0.0.1' || name === '::1' ? 'localhost' : name;
}

function shown(name: string | undefined): string {
  return name === undefined ? 'without a name' : JSON.stringify(name);
}

function mismatch({ base }: ManagementApi, what: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.targetMismatch, `The management API at ${base.origin} ${what}`, {
    hint: 'Nothing was listed and nothing deleted. Set apiUrl to the API of the broker that the URL names.',
  });
}
