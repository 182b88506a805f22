import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerIdentity } from '../client-options.ts';
import { ErrorCode, hasCode, TaskQueueError } from '../errors.ts';
import { TaskQueueClient } from '../task-queue-client.ts';
import type { ManagementApi, ManagementApiOptions } from './management-api.ts';

/** The statistics of connections, with the names that clients give them, come every five seconds. */
const STATISTICS_MS = 12_000;
const POLL_MS = 500;

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
    const identity = await client.identify();
    const { cluster_name: name } = await api.get<{ cluster_name?: string }>('overview', {
      columns: 'cluster_name',
    });
    if ((name ?? '') !== (identity.clusterName ?? '')) {
      throw mismatch(
        api,
        `belongs to the cluster ${shown(name)}, and the broker to ${shown(identity.clusterName)}`,
      );
    }
    if (options.apiUrl === undefined) return;
    if ((await knowsConnection(api, identity, connectionName, options.signal)) === false) {
      throw mismatch(
        api,
        `and the broker are both of the cluster ${shown(name)}, but it knows nothing of a connection to this one`,
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

/** Undefined where the API does not say. */
async function knowsConnection(
  api: ManagementApi,
  { user, localPort }: BrokerIdentity,
  connectionName: string,
  signal: AbortSignal | undefined,
): Promise<boolean | undefined> {
  const { name, tags } = await api.get<{ name: string; tags: string | string[] }>('whoami');
  const seesAll = /administrator|monitoring/.test(String(tags));
  if (!seesAll && name !== user) return undefined;
  // As the broker sees it: `host:port -> host:port`, known at once, and another port behind a translation of addresses.
  const mine = `:${localPort} -> `;
  const tracked = await ask<{ name?: string }>(api, `connections/username/${encodeURIComponent(user)}`);
  if (tracked?.some((each) => each.name?.includes(mine))) return true;
  const giveUpAt = Date.now() + STATISTICS_MS;
  let hasNames = false;
  do {
    const path = `vhosts/${encodeURIComponent(api.vhost)}/connections`;
    const columns = 'name,user_provided_name';
    const listed = await ask<{ name?: string; user_provided_name?: string }>(api, path, columns);
    if (listed === undefined) return undefined;
    // The broker shows the purpose behind the name.
    if (listed.some((each) => each.user_provided_name?.startsWith(connectionName))) return true;
    hasNames ||= listed.some((each) => each.user_provided_name !== undefined);
    await sleep(POLL_MS, undefined, { signal });
  } while (Date.now() < giveUpAt);
  // Where its statistics are switched off no connection has a name. That nobody at all is connected is an answer.
  return hasNames || tracked?.length === 0 ? false : undefined;
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
    hint: 'Nothing was listed and nothing deleted. Set apiUrl to the API of the broker that url names.',
  });
}
