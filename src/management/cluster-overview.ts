import { ErrorCode, hasCode } from '../errors/task-queue-error.ts';
import { EVENT_EXCHANGE } from '../events/task-events.ts';
import type { ManagementApi, ManagementApiOptions } from './management-api.ts';
import { notList } from './management-api-errors.ts';
import { withManagementApi } from './with-management-api.ts';

/** The cluster that a management API speaks for. */
export interface ClusterOverview {
  clusterName: string | undefined;
  /** The tags of the user that the API sees. */
  tags: readonly string[];
  /**
   * Problems of the nodes, a line each: resource alarms, partitions, nodes that are down. Undefined if this user may
   * not ask.
   */
  alarms: readonly string[] | undefined;
  /** Live events in the vhost: undefined if unknown, null if they were never published or watched. */
  events: EventCounts | null | undefined;
  /** The type of queues that are declared without one in the vhost; undefined if it is classic, or unknown. */
  defaultQueueType: string | undefined;
}

/** How many live events have arrived in a vhost, from any publisher. One message may carry several events. */
interface EventCounts {
  /** Why nobody can publish or watch them: somebody else has created their exchange, as another one. */
  obstacle: string | undefined;
  /** Messages since the broker started, up to 10 s old. */
  published: number;
  /** Currently, per second. */
  perSecond: number;
}

interface Exchange {
  type?: string;
  durable?: boolean;
  internal?: boolean;
  auto_delete?: boolean;
  arguments?: { [name: string]: unknown };
  message_stats?: { publish_in?: number; publish_in_details?: { rate?: number } };
}

interface Overview {
  cluster_name?: string;
}

interface NodeHealth {
  name: string;
  running?: boolean;
  mem_alarm?: boolean;
  disk_free_alarm?: boolean;
  partitions?: string[];
}

/**
 * Asks the management API about its cluster.
 * @throws TaskQueueError `API_UNAVAILABLE`, `AUTHENTICATION_FAILED`, `ACCESS_REFUSED`, `NO_ANSWER`, …
 */
export function readClusterOverview(options?: ManagementApiOptions): Promise<ClusterOverview> {
  return withManagementApi(options, async (api) => {
    const others = Promise.all([
      api.whoAmI(),
      readAlarms(api),
      // Unknown on a broker without statistics.
      readEventCounts(api).catch(() => undefined),
      readDefaultQueueType(api).catch(() => undefined),
    ]);
    // What is wrong with the API, the overview says soonest.
    others.catch(() => {});
    const { cluster_name: clusterName } = await api.get<Overview>('overview', { columns: 'cluster_name' });
    const [{ tags }, alarms, events, defaultQueueType] = await others;
    return { clusterName, tags, alarms, events, defaultQueueType };
  });
}

/** Null where their exchange does not exist. */
async function readEventCounts(api: ManagementApi): Promise<EventCounts | null> {
  const path = `exchanges/${encodeURIComponent(api.vhost)}/${EVENT_EXCHANGE}`;
  const exchange = await api.find<Exchange>(path, {
    columns: 'type,durable,internal,auto_delete,arguments,message_stats',
  });
  if (exchange === undefined) return null;
  const { type = 'topic', durable = true, internal, auto_delete, message_stats } = exchange;
  const { publish_in = 0, publish_in_details } = message_stats ?? {};
  // What RabbitMQ compares with a declaration.
  const others = [
    internal && 'internal',
    auto_delete && 'auto-delete',
    exchange.arguments?.['alternate-exchange'] !== undefined && 'with the argument alternate-exchange',
  ].filter((each) => typeof each === 'string');
  const isOurs = type === 'topic' && durable && others.length === 0;
  const kind = [`a ${durable ? '' : 'transient '}${type} exchange`, ...others].join(', ');
  const obstacle = isOurs
    ? undefined
    : `The exchange ${EVENT_EXCHANGE} is ${kind}, and not a plain durable topic exchange`;
  return { obstacle, published: publish_in, perSecond: publish_in_details?.rate ?? 0 };
}

async function readDefaultQueueType(api: ManagementApi): Promise<string | undefined> {
  const path = `vhosts/${encodeURIComponent(api.vhost)}`;
  const vhost = await api.get<{ default_queue_type?: unknown }>(path, { columns: 'default_queue_type' });
  const { default_queue_type: type } = vhost;
  // What Erlang calls an unset value.
  return typeof type === 'string' && type !== 'undefined' ? type : undefined;
}

/** From the nodes, which requires the tag "monitoring", else from the health check, which does not say which node. */
async function readAlarms(api: ManagementApi): Promise<string[] | undefined> {
  try {
    const columns = 'name,running,mem_alarm,disk_free_alarm,partitions';
    const nodes = await api.get<NodeHealth[]>('nodes', { columns });
    if (!Array.isArray(nodes)) throw notList(api.base);
    return nodes.flatMap(troubleOf);
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  try {
    await api.get('health/checks/alarms');
    return [];
  } catch (error) {
    // A failed check answers 503; an API without this check answers 404.
    const isUnavailable = hasCode(error, ErrorCode.apiUnavailable);
    if (isUnavailable && /answered 503/.test(error.message)) return ['a resource alarm is in effect'];
    if (isRefusal(error) || isUnavailable) return undefined;
    throw error;
  }
}

function troubleOf({ name, running, mem_alarm, disk_free_alarm, partitions = [] }: NodeHealth): string[] {
  return [
    ...(running === false ? [`${name} is down`] : []),
    ...(mem_alarm === true ? [`${name} is low on memory: publishing is blocked`] : []),
    ...(disk_free_alarm === true ? [`${name} is low on disk space: publishing is blocked`] : []),
    ...(partitions.length > 0 ? [`${name} is partitioned from ${partitions.join(', ')}`] : []),
  ];
}

function isRefusal(error: unknown): boolean {
  return hasCode(error, ErrorCode.accessRefused, ErrorCode.authenticationFailed);
}
