import { isTaskQueueError } from '../errors/task-queue-error.ts';
import { queueName } from '../messages/queue-names.ts';
import { timestampToMs } from '../messages/timestamps.ts';
import { toCount } from './counts.ts';
import { historyQuery, idleSince, type MessageStats, MOST_HISTORY_MS } from './idle-time.ts';
import type { ManagementApi, ManagementApiOptions } from './management-api.ts';
import { otherVhosts } from './management-api-errors.ts';
import { findPolicies } from './queue-policies.ts';
import { type ReportedState, stateOf } from './queue-state.ts';
import { withManagementApi } from './with-management-api.ts';

/** The queue of one task, as the management API describes it. Numbers are up to 10 seconds old. */
export interface TaskQueueDescription {
  taskId: string;
  /** The name of the queue. */
  queue: string;
  /** `classic`, `quorum` or `stream`. */
  type: string;
  state: string;
  /** The node that holds it, or leads it. */
  node: string | undefined;
  /** For a replicated queue: its members, and those that are running. */
  members: readonly string[];
  online: readonly string[];
  /**
   * False for a queue that is some seconds old, and where the broker's statistics are switched off: then nothing is known of
   * consumers, sizes and times.
   */
  hasStatistics: boolean;
  /** False if its policies are as old as its statistics, or unknown without these. */
  arePoliciesCurrent: boolean;
  /** The arguments it was declared with. */
  arguments: { readonly [name: string]: unknown };
  policy: string | undefined;
  operatorPolicy: string | undefined;
  /** The effective policy definition. */
  effectivePolicy: { readonly [name: string]: unknown };
  ready: number | undefined;
  unacked: number | undefined;
  /** The total size of all messages. */
  bodyBytes: number | undefined;
  /** False where it may be older than the numbers. */
  isBodyBytesCurrent: boolean;
  /** Idle since, in milliseconds since the epoch. Reading the queue, or counting it over AMQP, resets this. */
  idleSince: number | undefined;
  /** The AMQP timestamp of the oldest message, in milliseconds since the epoch, if its publisher set one. */
  oldestAt: number | undefined;
  consumers: readonly TaskConsumer[];
}

/** A consumer of a queue. */
export interface TaskConsumer {
  tag: string;
  user: string | undefined;
  /** `host:port`. */
  peer: string | undefined;
  /** The name that the client gave its connection. */
  connectionName: string | undefined;
  /** The client library, such as `pika 1.2.0`. */
  client: string | undefined;
  /** How many messages it may hold; 0 for any number. */
  prefetch: number;
  /** False for one that waits to become the single active consumer. */
  isActive: boolean;
}

interface Queue extends ReportedState {
  name?: string;
  vhost?: string;
  type?: string;
  node?: string;
  leader?: string;
  arguments?: { [name: string]: unknown };
  policy?: string | null;
  operator_policy?: string | null;
  effective_policy_definition?: { [name: string]: unknown } | null;
  messages_ready?: unknown;
  messages_unacknowledged?: unknown;
  message_bytes?: unknown;
  /** Collected together with `message_bytes`, as is `len`, the messages ready, which classic queues have before RabbitMQ 4.3. */
  messages_persistent?: unknown;
  backing_queue_status?: { len?: unknown };
  idle_since?: string | null;
  message_stats?: MessageStats;
  head_message_timestamp?: number | string | null;
  consumer_details?: Consumer[];
}

interface Consumer {
  consumer_tag: string;
  prefetch_count?: number;
  active?: boolean;
  channel_details?: { connection_name?: string; peer_host?: string; peer_port?: number; user?: string };
}

interface Connection {
  user_provided_name?: string;
  client_properties?: { connection_name?: unknown; product?: unknown; version?: unknown };
}

/** The most consumers whose connections are looked up, as each takes a request. */
const MAX_NAMED = 20;

/**
 * Describes a task's queue from its statistics, without resetting its idle time.
 * @returns undefined if the API does not know the queue
 * @throws TaskQueueError as `listTaskQueues` does
 */
export function describeTaskQueue(
  taskId: string,
  options?: ManagementApiOptions,
): Promise<TaskQueueDescription | undefined> {
  return withManagementApi(options, async (api) => {
    const queue = queueName(taskId, api.prefix);
    const path = `queues/${encodeURIComponent(api.vhost)}/${encodeURIComponent(queue)}`;
    const [found, past] = await Promise.all([
      api.find<Queue>(path),
      api.find<Queue>(path, historyQuery(MOST_HISTORY_MS)),
    ]);
    // A proxy that decodes %2F in paths makes another path of it.
    if (found && (found.name !== queue || found.vhost !== api.vhost)) throw otherVhosts(api.base, api.vhost);
    if (found === undefined) return undefined;
    const [policies, consumers] = await Promise.all([
      findPolicies(api, queue, found.type ?? 'classic'),
      consumersOf(api, found),
    ]);
    const { idle_since, head_message_timestamp } = found;
    const ready = toCount(found.messages_ready);
    const unacked = toCount(found.messages_unacknowledged);
    const { len } = found.backing_queue_status ?? {};
    const isOfAll = found.messages_persistent === (ready ?? 0) + (unacked ?? 0);
    // Numbers, sizes and policies are collected separately.
    const hasStatistics =
      ready !== undefined && (found.policy !== undefined || found.effective_policy_definition !== undefined);
    return {
      taskId,
      queue,
      type: found.type ?? 'classic',
      state: stateOf(found),
      node: found.leader ?? found.node,
      members: found.members ?? [],
      online: found.online ?? [],
      hasStatistics,
      arguments: found.arguments ?? {},
      policy: found.policy || undefined,
      operatorPolicy: found.operator_policy || undefined,
      effectivePolicy: found.effective_policy_definition ?? {},
      ...policies,
      arePoliciesCurrent: policies !== undefined,
      ready,
      unacked,
      bodyBytes: toCount(found.message_bytes),
      isBodyBytesCurrent: len === undefined ? isOfAll : len === ready,
      idleSince: idleSince(idle_since, found.message_stats, past?.message_stats, api.clockAheadMs),
      oldestAt: timestampToMs(toCount(head_message_timestamp)),
      consumers,
    };
  });
}

function consumersOf(api: ManagementApi, { consumer_details = [] }: Queue): Promise<TaskConsumer[]> {
  const connections = new Map<string, Promise<Connection | undefined>>();
  const connectionOf = (name: string | undefined) => {
    if (name === undefined || (!connections.has(name) && connections.size >= MAX_NAMED)) return undefined;
    if (!connections.has(name)) connections.set(name, lookUp(api, name));
    return connections.get(name);
  };
  return Promise.all(
    consumer_details.map(
      async ({ consumer_tag, prefetch_count = 0, active = true, channel_details = {} }) => {
        const { connection_name, peer_host, peer_port, user } = channel_details;
        const connection = await connectionOf(connection_name);
        const { connection_name: named, product, version } = connection?.client_properties ?? {};
        return {
          tag: consumer_tag,
          user,
          peer: peer_host === undefined ? undefined : `${peer_host}:${peer_port}`,
          connectionName: connection?.user_provided_name ?? textOf(named),
          client: [product, version].map(textOf).filter(Boolean).join(' ') || undefined,
          prefetch: prefetch_count,
          isActive: active,
        };
      },
    ),
  );
}

/** Other users' connections require the tag "monitoring", and a connection may just have ended (404). */
async function lookUp(api: ManagementApi, name: string): Promise<Connection | undefined> {
  try {
    return await api.get<Connection>(`connections/${encodeURIComponent(name)}`);
  } catch (error) {
    // Show the consumer even without its client's name.
    if (isTaskQueueError(error)) return undefined;
    throw error;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
