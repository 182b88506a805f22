import { ErrorCode, TaskQueueError } from './errors.ts';

/** Where a RabbitMQ node listens and who is asking, taken out of an AMQP URI. */
export interface BrokerAddress {
  protocol: 'amqp' | 'amqps';
  host: string;
  port: number;
  /** Undefined when the URL names nobody: then it is guest, as for every AMQP client. */
  username: string | undefined;
  password: string | undefined;
  vhost: string;
  /** URI query parameters: `heartbeat`, `auth_mechanism`, … */
  query: ReadonlyMap<string, string>;
}

const DEFAULT_PORT = { amqp: 5672, amqps: 5671 } as const;

/**
 * Reads an AMQP URI, https://www.rabbitmq.com/docs/uri-spec. Credentials and vhost are percent-decoded as
 * UTF-8 here, since amqplib takes the bytes for Latin-1. An empty vhost path means `/`.
 *
 * @throws TaskQueueError `INVALID_ARGUMENT`, with no part of the credentials in it.
 */
export function parseBrokerUrl(url: string): BrokerAddress {
  const invalid = (reason: string) =>
    new TaskQueueError(
      ErrorCode.invalidArgument,
      `The broker URL ${withoutCredentials(url) || '""'} is unusable: ${reason}`,
      {
        // No example of credentials: where credentials are taken out of texts, it would go as well.
        hint: 'It reads amqp://host:5672/vhost (amqps:// for TLS), with user name, colon, password and @ before the host; percent-encode special characters.',
      },
    );
  let parts: URL;
  try {
    parts = new URL(url);
  } catch {
    // The cause is left out: Node's error carries the whole input, password included.
    throw invalid('it is not a URL');
  }
  const protocol = parts.protocol.slice(0, -1);
  if (protocol !== 'amqp' && protocol !== 'amqps')
    throw invalid(`its scheme is ${protocol}, not amqp or amqps`);
  const decode = (text: string, what: string) => {
    try {
      return decodeURIComponent(text);
    } catch {
      throw invalid(`its ${what} has a % that encodes no UTF-8`);
    }
  };
  if (parts.pathname.lastIndexOf('/') > 0)
    throw invalid('its path has more than one part (write / in a vhost as %2F)');
  const named = parts.username !== '' || parts.password !== '';
  return {
    protocol,
    host: decode(parts.hostname, 'host').replace(/^\[|\]$/g, '') || 'localhost',
    port: parts.port === '' ? DEFAULT_PORT[protocol] : Number(parts.port),
    username: named ? decode(parts.username, 'user name') : undefined,
    password: named ? decode(parts.password, 'password') : undefined,
    vhost: decode(parts.pathname.slice(1), 'vhost') || '/',
    query: new Map(parts.searchParams),
  };
}

/** As {@link redactUrl}, of what is one URL to the end: a space in it may well be in the password. */
function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@');
}

/** `host:port`, fit for messages: no credentials. */
export function describeAddress({ protocol, host, port, vhost }: BrokerAddress): string {
  const at = `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return vhost === '/' ? at : `${at}/${encodeURIComponent(vhost)}`;
}

/**
 * Any text with the credentials of the URLs in it taken out, also where a URL is broken or has lost its
 * scheme. Everything up to the last `@` before a space goes, so that a password with an unencoded `@` or `/`
 * does not slip by.
 */
export function redactUrl(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)\S*@/gi, '$1***@')
    .replace(/(^|[\s"'(])(?![a-z][a-z0-9+.-]*:\/\/)[^\s"'(:]*:\S*@/gi, '$1***@');
}
