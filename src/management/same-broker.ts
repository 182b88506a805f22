import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, hasCode, TaskQueueError } from '../errors/task-queue-error.ts';
import type { BrokerIdentity } from '../options/client-options.ts';
import { TaskQueueClient } from '../task-queue-client.ts';
import type { ManagementApi, ManagementApiOptions } from './management-api.ts';

/** The statistics of connections, with the names that clients give them, come every five seconds. */
const STATISTICS_MS = 12_000;
/** A connection is tracked as it is opened, some milliseconds behind. */
const TRACKING_MS = 2_000;
const POLL_MS = 200;

/**
 * Makes sure that the management API and the broker's URL lead to the same broker, before one of them decides what is
 * deleted on the other. The names of the clusters must be the same. As many clusters have the same name, an API that was
 * given a URL of its own must also know a connection that is opened for this, if it shows connections to this user: that
 * takes the user's tag "monitoring" or "administrator", or the same user on both sides, and up to ten seconds.
 *
 * @throws TaskQueueError `TARGET_MISMATCH`; whatever keeps it from asking either side; the reason of the signal
 */
export async function verifySameBroker(options: ManagementApiOptions = {}): Promise<void> {
  const { ManagementApi } = await import('./management-api.ts');
  const api = new ManagementApi(options);
  // A name to know it by.
  const connectionName = `${options.connectionName ?? 'mcp-taskq'} ${randomUUID()}`;
  const client = new TaskQueueClient({ ...options, connectionName });
  const onAbort = () => void client.close({ timeoutMs: 0 });
  options.signal?.addEventListener('abort', onAbort);
  try {
    const before = options.apiUrl === undefined ? undefined : await trackedConnections(api);
    const identity = await client.identify();
    const columns = 'cluster_name';
    const { cluster_name: name } = await api.get<{ cluster_name?: string }>('overview', { columns });
    if ((name ?? '') !== (identity.clusterName ?? '')) {
      throw mismatch(
        api,
        `belongs to the cluster ${shown(name)}, and the broker to ${shown(identity.clusterName)}`,
      );
    }
    if (options.apiUrl === undefined) return;
    const isKnown = await knowsConnection({ api, before, identity, connectionName, signal: options.signal });
    if (isKnown === false) {
      throw mismatch(
        api,
        `does not know a connection to the broker, though both are of a cluster ${shown(name)}`,
      );
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    api.close();
    await client.close();
  }
}

interface Tracked {
  user: string;
  seesAll: boolean;
  /** `host:port -> host:port` as the broker sees them, at once; undefined where it does not say. */
  connections: ReadonlySet<string> | undefined;
}

/** The connections of the user that the API knows us by. */
async function trackedConnections(api: ManagementApi): Promise<Tracked> {
  const { name, tags } = await api.get<{ name: string; tags: string | string[] }>('whoami');
  const seesAll = /administrator|monitoring/.test(String(tags));
  const found = await ask<{ name?: string }>(api, `connections/username/${encodeURIComponent(name)}`);
  return { user: name, seesAll, connections: found && new Set(found.map((each) => String(each.name))) };
}

interface Search {
  api: ManagementApi;
  before: Tracked | undefined;
  identity: BrokerIdentity;
  connectionName: string;
  signal: AbortSignal | undefined;
}

/** Undefined where the API does not say. */
async function knowsConnection(search: Search): Promise<boolean | undefined> {
  const { before, identity } = search;
  if (before === undefined || (!before.seesAll && before.user !== identity.user)) return undefined;
  const quick = before.user === identity.user ? await isTracked(search, before) : undefined;
  return quick ?? isListed(search);
}

/** By its port on this side; undefined where that may have been translated on the way. */
async function isTracked(
  { api, identity: { localPort }, signal }: Search,
  before: Tracked,
): Promise<boolean | undefined> {
  const giveUpAt = Date.now() + TRACKING_MS;
  do {
    const { connections } = await trackedConnections(api);
    if (connections === undefined || before.connections === undefined) return undefined;
    const since = [...connections].filter((name) => !before.connections?.has(name));
    if (since.some((name) => name.includes(`:${localPort} -> `))) return true;
    if (since.length > 0) return undefined;
    await sleep(POLL_MS, undefined, { signal });
  } while (Date.now() < giveUpAt);
  return false;
}

/** By the name that it was given. */
async function isListed({ api, connectionName, signal }: Search): Promise<boolean | undefined> {
  const giveUpAt = Date.now() + STATISTICS_MS;
  let hasNames = false;
  do {
    const path = `vhosts/${encodeURIComponent(api.vhost)}/connections`;
    const listed = await ask<{ user_provided_name?: string }>(api, path, 'user_provided_name');
    if (listed === undefined) return undefined;
    // The broker shows the purpose behind the name.
    if (listed.some((each) => each.user_provided_name?.startsWith(connectionName))) return true;
    hasNames ||= listed.some((each) => each.user_provided_name !== undefined);
    await sleep(POLL_MS, undefined, { signal });
  } while (Date.now() < giveUpAt);
  // Where its statistics are switched off no connection has a name.
  return hasNames ? false : undefined;
}

/** Undefined where this user may not ask: RabbitMQ answers 401, 403, or in some versions 500. */
async function ask<T>(api: ManagementApi, path: string, columns = 'name'): Promise<T[] | undefined> {
  try {
    const answer = await api.get<T[]>(path, { columns });
    return Array.isArray(answer) ? answer : undefined;
  } catch (error) {
    const codes = [
      ErrorCode.accessRefused,
      ErrorCode.authenticationFailed,
      ErrorCode.apiUnavailable,
      ErrorCode.vhostNotFound,
    ];
    if (codes.some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
}

function shown(name: string | undefined): string {
  return name === undefined ? 'without a name' : JSON.stringify(name);
}

function mismatch({ base }: ManagementApi, what: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.targetMismatch, `The management API at ${base.origin} ${what}`, {
    hint: 'Nothing was listed and nothing deleted. Set apiUrl to the API of the broker that the URL names.',
  });
}
