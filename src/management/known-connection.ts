import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, hasCode } from '../errors/task-queue-error.ts';
import type { BrokerIdentity } from '../options/client-options.ts';
import type { ManagementApi } from './management-api.ts';

/*
 * Whether a management API knows a connection. RabbitMQ tracks the connections of each user as they are opened, and
 * answers for one user at once; their statistics, with the names that clients give them, come every five seconds.
 */

const STATISTICS_MS = 12_000;
/** A connection is tracked some milliseconds after it was opened. */
const TRACKING_MS = 2_000;
const POLL_MS = 200;
/** Mostly it is there by then. */
const FIRST_POLL_MS = 10;

/** Where the API shows connections to us, and which there were. */
export interface KnownConnections {
  /** The user of the API. */
  user: string;
  seesAll: boolean;
  /** Those of one user, as the broker sees them: `host:port -> host:port`. Undefined where it does not say. */
  names: ReadonlySet<string> | undefined;
}

/** @param user whose connections; undefined where nobody knows who it is on the AMQP side */
export async function connectionsOf(api: ManagementApi, user: string | undefined): Promise<KnownConnections> {
  const { name, tags } = await api.whoAmI();
  const seesAll = tags.includes('administrator') || tags.includes('monitoring');
  const names = user !== undefined && (seesAll || name === user) ? await trackedNames(api, user) : undefined;
  return { user: name, seesAll, names };
}

export interface Search {
  api: ManagementApi;
  /** From before the connection was opened. */
  before: KnownConnections;
  identity: BrokerIdentity;
  /** Its own. */
  connectionName: string;
  /** Do without the statistics. */
  isQuick: boolean;
  signal: AbortSignal | undefined;
}

/** Undefined where the API does not say. */
export async function findConnection(search: Search): Promise<boolean | undefined> {
  const { before, identity, isQuick } = search;
  const isTracked = await findTracked(search);
  if (typeof isTracked === 'boolean') return isTracked;
  // One more connection of this user, from another port: it takes the statistics to be sure.
  if (isQuick) return isTracked === 'another' ? true : undefined;
  return before.seesAll || before.user === identity.user ? findListed(search) : undefined;
}

/** By its port on this side, which may have been translated on the way: then there is another one. */
async function findTracked({
  api,
  before,
  identity,
  signal,
}: Search): Promise<boolean | 'another' | undefined> {
  const { user, localPort } = identity;
  // Who logs in with a token needs no name, and the broker has another one.
  if (before.names === undefined || !user) return undefined;
  const giveUpAt = performance.now() + TRACKING_MS;
  for (let pollMs = FIRST_POLL_MS; performance.now() < giveUpAt; pollMs = POLL_MS) {
    const names = await trackedNames(api, user);
    if (names === undefined) return undefined;
    const since = [...names].filter((name) => !before.names?.has(name));
    if (since.some((name) => name.includes(`:${localPort} -> `))) return true;
    if (since.length > 0) return 'another';
    await sleep(pollMs, undefined, { signal });
  }
  return false;
}

async function trackedNames(api: ManagementApi, user: string): Promise<Set<string> | undefined> {
  const path = `connections/username/${encodeURIComponent(user)}`;
  const found = await ask<{ name?: string }>(api, path, 'name');
  return found && new Set(found.map(({ name }) => String(name)));
}

/** Matches by the connection's name. */
async function findListed({ api, connectionName, signal }: Search): Promise<boolean | undefined> {
  const giveUpAt = performance.now() + STATISTICS_MS;
  let hasNames = false;
  do {
    const path = `vhosts/${encodeURIComponent(api.vhost)}/connections`;
    const listed = await ask<{ user_provided_name?: string }>(api, path, 'user_provided_name');
    if (listed === undefined) return undefined;
    // The broker shows the purpose after the name.
    if (listed.some((each) => each.user_provided_name?.startsWith(connectionName))) return true;
    hasNames ||= listed.some((each) => each.user_provided_name !== undefined);
    await sleep(POLL_MS, undefined, { signal });
  } while (performance.now() < giveUpAt);
  // With statistics switched off, connections have no names.
  return hasNames ? false : undefined;
}

/** RabbitMQ answers 401, 403 or, in some versions, 500. */
const CANNOT_ASK = [
  ErrorCode.accessRefused,
  ErrorCode.authenticationFailed,
  ErrorCode.apiUnavailable,
  ErrorCode.vhostNotFound,
] as const;

/** Undefined if this user may not ask. */
async function ask<T>(api: ManagementApi, path: string, columns: string): Promise<T[] | undefined> {
  try {
    const answer = await api.get<T[]>(path, { columns });
    return Array.isArray(answer) ? answer : undefined;
  } catch (error) {
    if (!hasCode(error, ...CANNOT_ASK)) throw error;
    return undefined;
  }
}
