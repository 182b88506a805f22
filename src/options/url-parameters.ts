import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';

/**
 * The query parameters of an AMQP URI, https://www.rabbitmq.com/docs/uri-query-parameters. Explicit options take
 * precedence.
 */
export interface UrlParameters {
  /** `verify=verify_peer` or `verify_none`. */
  verify?: boolean;
  /** `server_name_indication` */
  serverName?: string;
  /** `password`: the passphrase of the client's key. */
  passphrase?: string;
  /** `auth_mechanism`: `plain` (the default) or `external`. */
  isExternal?: boolean;
  heartbeatSeconds?: number;
  /** `connection_timeout`, in milliseconds. */
  connectTimeoutMs?: number;
  channelMax?: number;
  frameMax?: number;
}

const FILES: Readonly<Record<string, string>> = {
  cacertfile: 'tls.ca',
  certfile: 'tls.cert',
  keyfile: 'tls.key',
};

/**
 * Parameters of other clients, and those of RabbitMQ's list that are for servers: ignoring them is harmless. Anything
 * else may be a misspelt `verify`, and is refused.
 */
const WITHOUT_USE: ReadonlySet<string> = new Set([
  'fail_if_no_peer_cert',
  'connection_attempts',
  'retry_delay',
  'socket_timeout',
  'stack_timeout',
  'blocked_connection_timeout',
  'backpressure_detection',
  'tcp_options',
  'client_properties',
  'locale',
  'name',
  'maxframesize',
]);

type Setter = (value: string, invalid: (expected: string) => TaskQueueError) => UrlParameters;

const SETTERS: Readonly<Record<string, Setter>> = {
  verify: (value, invalid) => {
    if (value !== 'verify_peer' && value !== 'verify_none') throw invalid('verify_peer or verify_none');
    return { verify: value === 'verify_peer' };
  },
  server_name_indication: (value, invalid) => {
    if (value === '' || value === 'disable') throw invalid('the name in the certificate');
    return { serverName: value };
  },
  password: (value) => ({ passphrase: value }),
  auth_mechanism: (value, invalid) => {
    const mechanism = value.toLowerCase();
    if (mechanism !== 'plain' && mechanism !== 'external') throw invalid('plain or external');
    return { isExternal: mechanism === 'external' };
  },
  heartbeat: (value, invalid) => ({ heartbeatSeconds: integer(value, 65_535, invalid) }),
  connection_timeout: (value, invalid) => ({ connectTimeoutMs: integer(value, 2 ** 31 - 1, invalid, 1) }),
  channel_max: (value, invalid) => ({ channelMax: integer(value, 65_535, invalid) }),
  frame_max: (value, invalid) => ({ frameMax: integer(value, 2 ** 32 - 1, invalid) }),
};

/** amqplib's spelling. */
const ALIASES: Readonly<Record<string, string>> = { channelmax: 'channel_max', framemax: 'frame_max' };

/**
 * @throws TaskQueueError `INVALID_ARGUMENT` naming the parameter, if it is unknown, has an invalid value, or names a
 * file, which this library does not read
 */
export function readUrlParameters(query: ReadonlyMap<string, string>): UrlParameters {
  let parameters: UrlParameters = {};
  for (const [name, value] of query) {
    const key = ALIASES[name.toLowerCase()] ?? name.toLowerCase();
    if (WITHOUT_USE.has(key)) continue;
    const option = Object.hasOwn(FILES, key) ? FILES[key] : undefined;
    if (option)
      throw refused(`names a file in its parameter ${key}`, `Pass its contents as option ${option}.`);
    const set = Object.hasOwn(SETTERS, key) ? SETTERS[key] : undefined;
    if (!set) throw refused(`has an unknown parameter: ${shown(name)}`, KNOWN_HINT);
    const invalid = (expected: string) =>
      refused(
        `has an unusable parameter ${key}`,
        `Expected ${expected}; see rabbitmq.com/docs/uri-query-parameters.`,
      );
    parameters = { ...parameters, ...set(value, invalid) };
  }
  return parameters;
}

/** The ignored parameters, for a warning. */
export function unusedUrlParameters(query: ReadonlyMap<string, string>): string[] {
  return [...query.keys()].filter((name) => WITHOUT_USE.has(name.toLowerCase()));
}

const KNOWN_HINT = `Known parameters: ${[...Object.keys(SETTERS), ...Object.keys(FILES)].join(', ')}.`;

/** Only what can be a parameter name: a password with an unencoded & may have been split into names. */
function shown(name: string): string {
  return /^[a-z][a-z_]{1,39}$/i.test(name) ? name : '(not a name)';
}

function refused(what: string, hint: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.invalidArgument, `The broker URL ${what}`, { hint });
}

function integer(value: string, max: number, invalid: (expected: string) => TaskQueueError, min = 0): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max)
    throw invalid(`a whole number from ${min} to ${max}`);
  return number;
}
