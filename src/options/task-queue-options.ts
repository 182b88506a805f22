import type { StatusEvent } from '../diagnostics/status-event.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { DEFAULT_PREFIX } from '../messages/queue-names.ts';
import { type BrokerAddress, parseBrokerUrl } from './broker-url.ts';
import { guarded } from './guarded-callback.ts';
import { unusedUrlParameters } from './url-parameters.ts';

/** For `amqps://` and `https://`. */
export interface TlsOptions {
  /** Certificates to trust, PEM. Default: those Node trusts. */
  ca?: string | Buffer;
  /** Client certificate, PEM; it needs `key`. Default: none. */
  cert?: string | Buffer;
  /** The key of `cert`, PEM. */
  key?: string | Buffer;
  /** Of `key`, where it is encrypted. */
  passphrase?: string;
  /** The name expected in the broker's certificate. Default: the host of the URL. */
  serverName?: string;
  /** False takes any certificate, and so anybody in between. Default true. */
  verify?: boolean;
}

/** For {@link TaskQueueOptions}`.queueType`. */
export type QueueType = 'default' | 'quorum';

/** Where the broker is, what the queues are called, and how long anything may take. */
export interface TaskQueueOptions {
  /**
   * AMQP URI, or several of them: the nodes of a cluster, tried in turn. Default `amqp://localhost:5672`. Of RabbitMQ's
   * URI parameters `verify`, `server_name_indication`, `password` (of the client's key), `auth_mechanism`, `heartbeat`,
   * `connection_timeout` (milliseconds), `channel_max` and `frame_max` count where the option that goes with it is not
   * given. Parameters that name files, and unknown ones, are refused.
   */
  url?: string | readonly string[];
  /** What stands before the task id in a queue's name. Default `mcp:queue:`, the Python package's. */
  prefix?: string;
  /** How to check and to be checked where the URL is `amqps://`. Default: as Node does. */
  tls?: TlsOptions;
  /**
   * The type of the queues that are created. `default`: declared without arguments, as the Python package does, and so
   * classic unless the vhost has another default. `quorum`: replicated in a cluster, and not to be shared with the
   * Python package, which would be refused (406). Reading works on queues of either type. RabbitMQ deletes no quorum
   * queue on condition that it is empty: it stays when its task is cleared, and is left to a policy with `expires`.
   */
  queueType?: QueueType;
  /** Shown in RabbitMQ's connection list. Default `mcp-taskq`. */
  connectionName?: string;
  /** For one attempt to open a connection, handshake included. Milliseconds, default 10,000. */
  connectTimeoutMs?: number;
  /**
   * How long an operation waits for a connection that was lost to come back. The very first connection is
   * not waited for: it fails after one attempt at each URL. Milliseconds, default 30,000.
   */
  reconnectTimeoutMs?: number;
  /** For one request to the broker. Milliseconds, default 30,000. */
  operationTimeoutMs?: number;
  /** For the broker's confirm of a published message. Milliseconds, default 30,000. */
  confirmTimeoutMs?: number;
  /**
   * How long a message whose confirm did not come is sent again, counted from the call, each time with the same
   * `message_id`: it may then be in the queue more than once, where a reader can tell by that id, and may come
   * behind later ones. A message without `message_id` is never sent again. Milliseconds; default 0: such a message
   * is not sent again, and the caller gets a PublishUnconfirmedError.
   */
  retryUnconfirmedMs?: number;
  /**
   * How many publishes, and how many reads, may wait for the broker, those sent and not confirmed included: each keeps its
   * message in memory. More are refused at once with `TOO_MANY_WAITING`, and so are publishes beyond 128 MiB. Default 20,000.
   */
  maxWaitingOperations?: number;
  /** For `close()`, whatever state the broker is in. Milliseconds, default 5,000. */
  closeTimeoutMs?: number;
  /** AMQP heartbeat; a dead peer is noticed after two of them. 0 switches it off. Default 30. */
  heartbeatSeconds?: number;
  /**
   * The largest body that is published. Default 16 MiB (16,777,216), the limit of RabbitMQ 4 out of the box:
   * a broker closes the channel on anything over its own limit.
   */
  maxMessageBytes?: number;
  /**
   * A queue that was declared longer ago than this is declared again with the next publish, and looked for after the
   * confirm, which takes two more round trips. The one is for policies with `expires`: RabbitMQ takes a queue for unused
   * that is only published to, and deletes it with all that is in it. Such a policy must be longer than this. The other
   * is for whoever deletes idle queues, like `pruneTaskQueues`: a message that is on its way meanwhile is published again.
   * Milliseconds, default 300,000 (five minutes).
   */
  redeclareAfterMs?: number;
  /**
   * Live events on the topic exchange `mcp:events`, for watchers and waiters: with a copy of each message up
   * to 64 KiB (`full`, the default), without (`headers`), or none (`off`). Never waited for, never confirmed;
   * an operation neither fails nor slows down because of them.
   */
  events?: 'full' | 'headers' | 'off';
  /**
   * Called when something happens to a connection (`connecting`, `connected`, `connect-failed`, `lost`, `blocked`,
   * `unblocked`, `closed`), and with a `warning` when something limits the service without failing an operation, such as
   * missing permission for live events. Called synchronously, in the order of the events; a promise is not waited for, and
   * errors of the callback are ignored. Default: nobody is notified.
   */
  onStatus?: (event: StatusEvent) => unknown;
  /**
   * What `RabbitMQTaskMessageQueue` does with a message that is not a queued MCP message, which anybody may
   * publish. `set-aside`, the default: it is moved, byte for byte, to the queue of task `{task_id}:malformed`, with a
   * header that says why; a `warning` of `onStatus` names it, and the messages after it are delivered. `throw`: it stays at the head
   * of its queue, and reading rejects with a MalformedMessageError until somebody removes it; only a quorum queue's
   * message that RabbitMQ would soon drop, for being returned too often, is set aside all the same.
   */
  onMalformed?: MalformedPolicy;
}

/** For {@link TaskQueueOptions}`.onMalformed`. */
export type MalformedPolicy = 'set-aside' | 'throw';

/** {@link TaskQueueOptions}, checked, with the defaults put in. */
export interface ResolvedOptions {
  addresses: readonly [BrokerAddress, ...BrokerAddress[]];
  prefix: string;
  queueType: QueueType;
  tls: TlsOptions;
  connectionName: string;
  connectTimeoutMs: number;
  reconnectTimeoutMs: number;
  operationTimeoutMs: number;
  confirmTimeoutMs: number;
  retryUnconfirmedMs: number;
  maxWaitingOperations: number;
  closeTimeoutMs: number;
  heartbeatSeconds: number;
  maxMessageBytes: number;
  redeclareAfterMs: number;
  events: 'full' | 'headers' | 'off';
  onStatus: (event: StatusEvent) => void;
  /** {@link onStatus} with a warning. */
  warn: (warning: TaskQueueError) => void;
  onMalformed: MalformedPolicy;
}

/** Where a broker is looked for without a URL. */
export const DEFAULT_URL = 'amqp://localhost:5672';

/** @throws TaskQueueError `INVALID_ARGUMENT` naming the option. */
export function resolveOptions(given: string | TaskQueueOptions = {}): ResolvedOptions {
  const options: TaskQueueOptions = typeof given === 'string' ? { url: given } : given;
  const urls = typeof options.url === 'string' ? [options.url] : (options.url ?? [DEFAULT_URL]);
  const [first, ...rest] = urls.map(parseBrokerUrl);
  if (!first) throw invalidOption('url', 'an empty list');
  if (!rest.every((other) => isSameBroker(first, other))) {
    throw invalidOption('url', 'a list of URLs that differ in more than host and credentials');
  }
  const { verify, serverName, passphrase, heartbeatSeconds, connectTimeoutMs } = first.parameters;
  const ofUrl = {
    ...(verify !== undefined && { verify }),
    ...(serverName !== undefined && { serverName }),
    ...(passphrase !== undefined && { passphrase }),
  };
  const onStatus = guarded(options.onStatus ?? (() => {}));
  return {
    addresses: [first, ...rest],
    prefix: prefixOption(options.prefix ?? DEFAULT_PREFIX),
    queueType: oneOf('queueType', ['default', 'quorum'], options.queueType ?? 'default'),
    tls: tlsOption({ ...ofUrl, ...options.tls }),
    connectionName: options.connectionName ?? 'mcp-taskq',
    connectTimeoutMs: positive('connectTimeoutMs', options.connectTimeoutMs ?? connectTimeoutMs ?? 10_000),
    reconnectTimeoutMs: positive('reconnectTimeoutMs', options.reconnectTimeoutMs ?? 30_000),
    operationTimeoutMs: positive('operationTimeoutMs', options.operationTimeoutMs ?? 30_000),
    confirmTimeoutMs: positive('confirmTimeoutMs', options.confirmTimeoutMs ?? 30_000),
    retryUnconfirmedMs: options.retryUnconfirmedMs
      ? positive('retryUnconfirmedMs', options.retryUnconfirmedMs)
      : 0,
    maxWaitingOperations: positive('maxWaitingOperations', options.maxWaitingOperations ?? 20_000),
    closeTimeoutMs: positive('closeTimeoutMs', options.closeTimeoutMs ?? 5_000),
    heartbeatSeconds: heartbeatOption(options.heartbeatSeconds ?? heartbeatSeconds ?? 30),
    maxMessageBytes: positive('maxMessageBytes', options.maxMessageBytes ?? 16 * 1024 * 1024),
    redeclareAfterMs: positive('redeclareAfterMs', options.redeclareAfterMs ?? 300_000),
    events: oneOf('events', ['full', 'headers', 'off'], options.events ?? 'full'),
    onStatus,
    warn: (error) => onStatus({ type: 'warning', error }),
    onMalformed: oneOf('onMalformed', ['set-aside', 'throw'], options.onMalformed ?? 'set-aside'),
  };
}

function prefixOption(prefix: string): string {
  if (typeof prefix !== 'string' || /\p{Cc}/u.test(prefix) || Buffer.byteLength(prefix) > 200) {
    throw invalidOption('prefix', 'longer than 200 bytes or with control characters');
  }
  return prefix;
}

/** What Node would pass over in silence, to fail later for another reason. */
function tlsOption(tls: TlsOptions): TlsOptions {
  const { ca, cert, key } = tls;
  if (cert !== undefined && key === undefined) throw invalidOption('tls.cert', 'given without tls.key');
  if (key !== undefined && cert === undefined) throw invalidOption('tls.key', 'given without tls.cert');
  if (ca !== undefined && !ca.includes('-----BEGIN')) throw invalidOption('tls.ca', 'not PEM');
  return tls;
}

/** Parameters of the URL that nothing is done with are told, and not passed over in silence. */
export function warnOfUnusedParameters({ addresses: [{ query }], warn }: ResolvedOptions): void {
  const names = unusedUrlParameters(query);
  if (names.length === 0) return;
  const message = `The broker URL has parameters that are for other clients, and not used here: ${names.join(', ')}`;
  warn(new TaskQueueError(ErrorCode.invalidArgument, message));
}

/** Nodes of one cluster have one list of vhosts, and what holds for the one holds for the others. */
function isSameBroker(first: BrokerAddress, other: BrokerAddress): boolean {
  const query = (address: BrokerAddress) => JSON.stringify([...address.query].sort());
  return first.vhost === other.vhost && query(first) === query(other);
}

function heartbeatOption(seconds: number): number {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > 65_535) {
    throw invalidOption('heartbeatSeconds', 'no whole number of seconds from 0 to 65535');
  }
  return seconds;
}

function oneOf<T extends string>(name: string, choices: readonly T[], given: string): T {
  const choice = choices.find((each) => each === given);
  if (choice === undefined) throw invalidOption(name, `none of ${choices.join(', ')}`);
  return choice;
}

/** Also keeps clear of setTimeout's limit: a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function positive(name: string, value: number): number {
  if (!Number.isFinite(value) || value <= 0 || value > MAX_TIMER_MS) {
    throw invalidOption(name, `no number from 1 to ${MAX_TIMER_MS}`);
  }
  return value;
}

function invalidOption(name: string, reason: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.invalidArgument, `Option ${name} is ${reason}`);
}
