import type { ConnectionOptions } from 'node:tls';
import type { StatusEvent } from '../diagnostics/status-event.ts';
import { guarded } from '../errors/guarded-callback.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { DEFAULT_PREFIX } from '../messages/queue-names.ts';
import { type BrokerAddress, parseBrokerUrl } from './broker-url.ts';
import {
  aBoolean,
  aFunction,
  anObject,
  aString,
  type Checks,
  checkOptions,
  integer,
  isOptions,
  oneOf,
  positive,
  positiveOrZero,
  strings,
  text,
} from './check-options.ts';
import { DEFAULT_URL } from './default-url.ts';
import { unusedUrlParameters } from './url-parameters.ts';

/** For `amqps://` and `https://`. */
export interface TlsOptions {
  /** CA certificates to trust, PEM. Default: Node's. */
  ca?: string | Buffer | undefined;
  /** Client certificate, PEM; requires `key`. Default: none. */
  cert?: string | Buffer | undefined;
  /** The key of `cert`, PEM. */
  key?: string | Buffer | undefined;
  /** The passphrase of `key`, if encrypted. */
  passphrase?: string | undefined;
  /** The name expected in the broker's certificate. Default: the host of the URL. */
  serverName?: string | undefined;
  /** False skips certificate verification, which is insecure. Default true. */
  verify?: boolean | undefined;
}

/** The same under the names that Node has for them. */
export function nodeTlsOptions({
  ca,
  cert,
  key,
  passphrase,
  serverName,
  verify,
}: TlsOptions): ConnectionOptions {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
    ...(serverName !== undefined && { servername: serverName }),
    ...(verify !== undefined && { rejectUnauthorized: verify }),
  };
}

/** For {@link TaskQueueOptions}`.queueType`. */
export type QueueType = 'default' | 'quorum';

/** The broker, the names of the queues, and all timeouts. */
export interface TaskQueueOptions {
  /**
   * AMQP URI, or those of the nodes of a cluster, which are tried in turn. Default `amqp://localhost:5672`. These of
   * RabbitMQ's URI parameters apply unless the corresponding option is given: `verify`, `server_name_indication`, `password`
   * (of the client's key), `auth_mechanism`, `heartbeat`, `connection_timeout` (milliseconds), `channel_max` and
   * `frame_max`. Parameters that name files, and unknown ones, are refused.
   */
  url?: string | readonly string[] | undefined;
  /** Queue-name prefix. Default `mcp:queue:`, like the Python package. */
  prefix?: string | undefined;
  /** TLS settings for `amqps://`. Default: Node's. */
  tls?: TlsOptions | undefined;
  /**
   * The type of queues to create. `default`: declared without arguments, like the Python package, and so classic
   * unless the vhost has another default. `quorum`: replicated in a cluster; the Python package cannot use such
   * queues (406). Reading works on both types. RabbitMQ has no conditional delete for quorum queues: they stay when
   * their task is cleared, and are left to a policy with `expires`.
   */
  queueType?: QueueType | undefined;
  /** Shown in RabbitMQ's connection list. Default `mcp-taskq`. */
  connectionName?: string | undefined;
  /** Deadline for one attempt to connect, including the handshake. Milliseconds, default 10,000. */
  connectTimeoutMs?: number | undefined;
  /**
   * How long an operation waits for a lost connection to return. The very first connection fails after one attempt at
   * each URL. Milliseconds, default 30,000.
   */
  reconnectTimeoutMs?: number | undefined;
  /** Deadline for one request to the broker. Milliseconds, default 30,000. */
  operationTimeoutMs?: number | undefined;
  /** Deadline for the confirm of a published message. Milliseconds, default 30,000. */
  confirmTimeoutMs?: number | undefined;
  /**
   * How long to keep retrying a message that is not confirmed, counted from the call, each time with the same
   * `message_id`. It may then be in the queue more than once, recognisable by that id. Messages of a task stay in
   * order: those that follow it are sent again after it, or wait for it. Only what the broker rejects, as a quorum queue
   * without a leader does, may end up after later messages. A message without `message_id` is never sent again.
   * Milliseconds; default 0: no retry, and the call rejects with a PublishUnconfirmedError.
   */
  retryUnconfirmedMs?: number | undefined;
  /**
   * How many publishes, and how many reads, may wait for the broker, including unconfirmed ones, as each keeps its
   * message in memory. Further ones, and publishes beyond 128 MiB, are refused at once with `TOO_MANY_WAITING`. The same
   * limits apply separately to calls that wait for earlier calls on their task. Default 20,000.
   */
  maxWaitingOperations?: number | undefined;
  /**
   * How long `close()` lets operations finish, and how long it then waits for the broker to close the connections.
   * Milliseconds, default 5,000.
   */
  closeTimeoutMs?: number | undefined;
  /** AMQP heartbeat; a dead peer is noticed after two intervals. 0 disables it. Seconds, default 30. */
  heartbeatSeconds?: number | undefined;
  /**
   * The largest body to publish, in bytes. Default 16 MiB (16,777,216), the default limit of RabbitMQ 4: a broker
   * closes the channel on anything above its own limit.
   */
  maxMessageBytes?: number | undefined;
  /**
   * A queue declared longer ago than this is declared again at the next publish, and checked after the confirm, which
   * costs two more round trips. The declaration is for policies with `expires`: RabbitMQ does not count publishing as
   * use, and deletes the queue with its messages, so `expires` must be longer than this. The check is for tools that
   * delete idle queues, like `pruneTaskQueues`: a message in flight meanwhile is published again. Milliseconds,
   * default 300,000 (five minutes).
   */
  redeclareAfterMs?: number | undefined;
  /**
   * Live events on the topic exchange `mcp:events`, for watchers and waiters: with a copy of each body up to 64 KiB
   * (`full`, the default), without bodies (`headers`), or none (`off`). Unconfirmed and never waited for: no
   * operation fails or slows down because of them.
   */
  events?: 'full' | 'headers' | 'off' | undefined;
  /**
   * Called when something happens to a connection (`connecting`, `connected`, `connect-failed`, `lost`, `blocked`,
   * `unblocked`, `closed`), and with a `warning` when something limits the service without failing an operation, such as
   * missing permission for live events. Called synchronously, in the order of the events; a promise is not waited for, and
   * errors of the callback are ignored. Default: nobody is notified.
   */
  onStatus?: ((event: StatusEvent) => unknown) | undefined;
  /**
   * What `RabbitMQTaskMessageQueue` and `Replicas` do with a message that is not a queued MCP message; anyone may publish
   * one. `set-aside`, the default: it is moved, byte for byte, to the queue of task `{task_id}:malformed`, with a
   * header that says why; a `warning` of `onStatus` names it, and the messages after it are delivered. One that cannot be
   * moved stays in its queue, with a `warning` for each task and reason, and those after it are delivered as well: it is
   * held unacknowledged until this object is closed, and tried again every 25 minutes. At most 128 are held; when there
   * are more, or the broker cannot be reached, reading rejects with a MalformedMessageError. `throw`: it stays at the head
   * of its queue, and reading rejects with a MalformedMessageError until somebody removes it. Each time, a quorum queue
   * counts a return, and by default RabbitMQ drops a message that was returned more than 20 times: one that was returned
   * 10 times is set aside anyway. A `delivery-limit` below 10 drops it before that.
   */
  onMalformed?: MalformedPolicy | undefined;
}

/** For {@link TaskQueueOptions}`.onMalformed`. */
export type MalformedPolicy = 'set-aside' | 'throw';

type Defined<Options> = { [Name in keyof Options]-?: NonNullable<Options[Name]> };

/** {@link TaskQueueOptions}, validated, with defaults. */
export interface ResolvedOptions extends Defined<Omit<TaskQueueOptions, 'url' | 'onStatus'>> {
  addresses: readonly [BrokerAddress, ...BrokerAddress[]];
  onStatus: (event: StatusEvent) => void;
  /** {@link onStatus} with a warning. */
  warn: (warning: TaskQueueError) => void;
}

const prefix = (value: unknown) =>
  typeof value === 'string' && !/\p{Cc}/u.test(value) && Buffer.byteLength(value) <= 200
    ? undefined
    : 'must be at most 200 bytes, without control characters';

const CHECKS: Checks<TaskQueueOptions> = {
  url: strings,
  prefix,
  tls: anObject,
  queueType: oneOf('default', 'quorum'),
  connectionName: aString,
  connectTimeoutMs: positive,
  reconnectTimeoutMs: positive,
  operationTimeoutMs: positive,
  confirmTimeoutMs: positive,
  retryUnconfirmedMs: positiveOrZero,
  maxWaitingOperations: positive,
  closeTimeoutMs: positive,
  heartbeatSeconds: integer(0, 65_535),
  maxMessageBytes: positive,
  redeclareAfterMs: positive,
  events: oneOf('full', 'headers', 'off'),
  onStatus: aFunction,
  onMalformed: oneOf('set-aside', 'throw'),
};

const TLS_CHECKS: Checks<TlsOptions> = {
  ca: text,
  cert: text,
  key: text,
  passphrase: aString,
  serverName: aString,
  verify: aBoolean,
};

/** @throws TaskQueueError `INVALID_ARGUMENT` naming the option. */
export function resolveOptions(given?: string | TaskQueueOptions | null): ResolvedOptions {
  // What cannot have options is meant as the URL, also where it is not a string.
  const options = checkOptions(
    isOptions(given) ? (given as TaskQueueOptions) : { url: given as string },
    CHECKS,
  );
  const urls = typeof options.url === 'string' ? [options.url] : (options.url ?? [DEFAULT_URL]);
  const [first, ...rest] = urls.map(parseBrokerUrl);
  if (!first) throw invalidOption('url', 'is an empty list');
  if (!rest.every((other) => isSameBroker(first, other))) {
    throw invalidOption('url', 'is a list of URLs that differ in more than host and credentials');
  }
  const { verify, serverName, passphrase, heartbeatSeconds, connectTimeoutMs } = first.parameters;
  const tls = checkOptions(options.tls, TLS_CHECKS, 'tls');
  const onStatus = guarded(options.onStatus ?? (() => {}));
  return {
    addresses: [first, ...rest],
    prefix: options.prefix ?? DEFAULT_PREFIX,
    queueType: options.queueType ?? 'default',
    tls: tlsOption({
      ...tls,
      passphrase: tls.passphrase ?? passphrase,
      serverName: tls.serverName ?? serverName,
      verify: tls.verify ?? verify,
    }),
    connectionName: options.connectionName ?? 'mcp-taskq',
    connectTimeoutMs: options.connectTimeoutMs ?? connectTimeoutMs ?? 10_000,
    reconnectTimeoutMs: options.reconnectTimeoutMs ?? 30_000,
    operationTimeoutMs: options.operationTimeoutMs ?? 30_000,
    confirmTimeoutMs: options.confirmTimeoutMs ?? 30_000,
    retryUnconfirmedMs: options.retryUnconfirmedMs ?? 0,
    maxWaitingOperations: options.maxWaitingOperations ?? 20_000,
    closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
    heartbeatSeconds: options.heartbeatSeconds ?? heartbeatSeconds ?? 30,
    maxMessageBytes: options.maxMessageBytes ?? 16 * 1024 * 1024,
    redeclareAfterMs: options.redeclareAfterMs ?? 300_000,
    events: options.events ?? 'full',
    onStatus,
    warn: (error) => onStatus({ type: 'warning', error }),
    onMalformed: options.onMalformed ?? 'set-aside',
  };
}

/** How long a call waits for those before it: as long as one of them may wait for the broker. */
export function turnTimeoutMs(options: ResolvedOptions): number {
  const { reconnectTimeoutMs, operationTimeoutMs, confirmTimeoutMs, retryUnconfirmedMs } = options;
  return Math.max(reconnectTimeoutMs, operationTimeoutMs, confirmTimeoutMs, retryUnconfirmedMs);
}

/** Mistakes that Node would ignore, to fail later for another reason. */
function tlsOption(tls: TlsOptions): TlsOptions {
  const { ca, cert, key } = tls;
  if (cert !== undefined && key === undefined) throw invalidOption('tls.cert', 'is given without tls.key');
  if (key !== undefined && cert === undefined) throw invalidOption('tls.key', 'is given without tls.cert');
  if (ca !== undefined && !ca.includes('-----BEGIN')) throw invalidOption('tls.ca', 'is not PEM');
  return tls;
}

/** Warns of URL parameters that have no effect here. */
export function warnOfUnusedParameters({ addresses: [{ query }], warn }: ResolvedOptions): void {
  const names = unusedUrlParameters(query);
  if (names.length === 0) return;
  const message = `The broker URL has parameters for other clients, which are ignored: ${names.join(', ')}`;
  warn(new TaskQueueError(ErrorCode.invalidArgument, message));
}

/** Nodes of one cluster share their vhosts and settings. */
function isSameBroker(first: BrokerAddress, other: BrokerAddress): boolean {
  const query = (address: BrokerAddress) => JSON.stringify([...address.query].sort());
  return first.vhost === other.vhost && query(first) === query(other);
}

function invalidOption(name: string, problem: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.invalidArgument, `Option ${name} ${problem}`);
}
