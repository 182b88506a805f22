import { randomUUID } from 'node:crypto';
import type { ChannelModel } from 'amqplib';
import { ErrorCode, hasCode } from '../errors/task-queue-error.ts';
import { EVENT_EXCHANGE } from '../events/task-events.ts';
import type { BrokerInspection, BrokerPermissions } from '../options/broker-inspection.ts';
import { userOf } from '../options/broker-url.ts';
import {
  type ResolvedOptions,
  resolveOptions,
  type TaskQueueOptions,
} from '../options/task-queue-options.ts';
import type { ChannelLease } from './connection/channel-lease.ts';
import { ChannelPool } from './connection/channel-pool.ts';
import { BrokerConnection } from './connection/connection.ts';
import { ConnectionHistory } from './connection/connection-history.ts';
import { during } from './errors/amqp-failure.ts';

/** Each on a channel of its own, which a refusal closes. */
const PROBES_AT_ONCE = 6;

/** AMQP's reply code: the permission was checked before it, and is there. */
const NOT_FOUND = 404;

/** As RabbitMQ calls it in refusals. */
const DEFAULT_EXCHANGE = 'amq.default';

/** In a refusal by a backend for users that failed: an OAuth 2 token has expired, or an HTTP server does not answer. */
const BACKEND_FAILED = 'returned an error';

/** An exchange that every vhost has: asking for it needs no permission, before RabbitMQ 4.3. */
const ANY_EXCHANGE = 'amq.direct';

/**
 * Connects, and finds out which broker it is and what this user may do, by operations on queues and exchanges that do
 * not exist: RabbitMQ checks the permission first (rabbit_channel.erl), and then finds nothing to do. Creates, stores
 * and reads nothing.
 *
 * @throws TaskQueueError when there is no connection: `CONNECTION_FAILED`, `AUTHENTICATION_FAILED`, `VHOST_NOT_FOUND`, …
 */
export async function inspectBroker(given?: string | TaskQueueOptions): Promise<BrokerInspection> {
  const options = resolveOptions(given);
  const connection = new BrokerConnection(options, 'inspect', new ConnectionHistory());
  const channels = new ChannelPool(connection, options, PROBES_AT_ONCE);
  try {
    const { product, version, clusterName, remotePort } = await connection.introduction();
    const probe = new PermissionProbe(channels, await connection.open(), options);
    const permissions = await probe.permissions();
    // Which node of a cluster has answered: by its port where they differ, else the first.
    const { addresses } = options;
    const address = addresses.find(({ port }) => port === remotePort) ?? addresses[0];
    return {
      host: address.host,
      port: address.port,
      isTls: address.protocol === 'amqps',
      vhost: address.vhost,
      user: userOf(address),
      product,
      version,
      clusterName,
      permissions,
      blockedReason: connection.blocked?.reason,
    };
  } finally {
    // A blocked connection is not read by the broker, so it would answer no closing handshake either.
    if (connection.blocked) connection.abandon();
    await channels.close();
    await connection.close();
  }
}

class PermissionProbe {
  readonly #channels: ChannelPool;
  readonly #model: ChannelModel;
  /** A name that exists nowhere. */
  readonly #unique = randomUUID();
  readonly #queue: string;

  constructor(channels: ChannelPool, model: ChannelModel, { prefix }: ResolvedOptions) {
    this.#channels = channels;
    this.#model = model;
    this.#queue = `${prefix}status-${this.#unique}`;
  }

  async permissions(): Promise<BrokerPermissions> {
    const queue = this.#queue;
    const watchQueue = `mcp:watch:${this.#unique}`;
    const nowhere = `mcp-taskq:status:${this.#unique}`;
    const get = (from: string) => this.#isPermitted((lease) => lease.request((channel) => channel.get(from)));
    const [configure, read, publishEvents, ...watch] = await Promise.all([
      this.#mayDelete(queue),
      get(queue),
      // Binding an exchange writes to the one that gets the messages, and reads the other one, which is not there. Its
      // name may be refused too, so a refusal is only one of the first.
      this.#isPermitted(
        (lease) => lease.request((channel) => channel.bindExchange(EVENT_EXCHANGE, nowhere, '')),
        EVENT_EXCHANGE,
      ),
      this.#mayDelete(watchQueue),
      get(watchQueue),
      // As a watch of all tasks binds it, for the permissions on topics.
      this.#isPermitted((lease) =>
        lease.request((channel) => channel.bindQueue(watchQueue, EVENT_EXCHANGE, 'enqueued.#')),
      ),
    ]);
    // The last one, as an alarm blocks the connection that publishes. RabbitMQ 4.3 may also refuse the question about an
    // exchange that follows, to a user without any permission on that.
    const write = await this.#unlessBlocked(
      this.#isPermitted(async (lease) => {
        // Routed nowhere, and so sent back.
        lease.channel.publish('', queue, Buffer.alloc(0), { mandatory: true });
        await lease.request((channel) => channel.checkExchange(ANY_EXCHANGE));
      }, DEFAULT_EXCHANGE),
    );
    return { configure, read, publishEvents, watch: watch.every(Boolean), write };
  }

  #mayDelete(queue: string): Promise<boolean> {
    return this.#isPermitted((lease) =>
      lease.request((channel) => channel.deleteQueue(queue, { ifUnused: true, ifEmpty: true })),
    );
  }

  /** @param refused only a refusal whose text names this counts */
  async #isPermitted(step: (lease: ChannelLease) => Promise<unknown>, refused?: string): Promise<boolean> {
    try {
      await during('Cannot find out the permissions', this.#channels.use(step));
      return true;
    } catch (error) {
      if (replyOf(error) === NOT_FOUND) return true;
      if (!hasCode(error, ErrorCode.accessRefused)) throw error;
      const { message, cause } = error;
      const said = `${message} ${(cause as Error | undefined)?.message}`;
      // It could not find out either.
      if (said.includes(BACKEND_FAILED)) throw error;
      return refused !== undefined && !said.includes(`'${refused}'`);
    }
  }

  /** Resolves to undefined as soon as the broker blocks the connection, as no answer comes while it does. */
  #unlessBlocked(step: Promise<boolean>): Promise<boolean | undefined> {
    const blocked = new Promise<undefined>((resolve) =>
      this.#model.once('blocked', () => resolve(undefined)),
    );
    return Promise.race([step, blocked]);
  }
}

/** The reply code, whether a queue or an exchange is missing. */
function replyOf(error: unknown): unknown {
  return ((error as Error).cause as { code?: unknown } | undefined)?.code;
}
