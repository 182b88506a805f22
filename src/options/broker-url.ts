import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { leftOutOfUrl } from './url-as-written.ts';
import { readUrlParameters, type UrlParameters } from './url-parameters.ts';

/** The address of a RabbitMQ node and the credentials for it, from an AMQP URI. */
export interface BrokerAddress {
  protocol: 'amqp' | 'amqps';
  host: string;
  port: number;
  /** Undefined if the URL has no user: then it is guest, as for every AMQP client. */
  username: string | undefined;
  password: string | undefined;
  vhost: string;
  /** The query of the URI. */
  query: ReadonlyMap<string, string>;
  /** What it sets. */
  parameters: UrlParameters;
}

const DEFAULT_PORT = { amqp: 5672, amqps: 5671 } as const;

/**
 * Reads an AMQP URI, https://www.rabbitmq.com/docs/uri-spec. Credentials and vhost are percent-decoded as
 * UTF-8 here, as amqplib decodes them as Latin-1. An empty vhost path means `/`.
 *
 * @throws TaskQueueError `INVALID_ARGUMENT`, with no part of the credentials in it.
 */
export function parseBrokerUrl(url: string): BrokerAddress {
  const scheme = schemeOf(url);
  if (scheme !== 'amqp' && scheme !== 'amqps') {
    throw unusable(
      scheme === undefined ? '' : `${scheme}://…`,
      // As in a file for docker --env-file, which keeps quotes.
      `it ${/^\s*["']/.test(url) ? 'is in quotes' : 'does not begin with amqp:// or amqps://'}`,
      FORM,
    );
  }
  const invalid = (reason: string) => unusable(`${scheme}://…`, reason);
  if (hasLateAt(url)) throw invalid(LATE_AT);
  const leftOut = leftOutOfUrl(url);
  if (leftOut !== undefined) throw invalid(leftOut);
  let parts: URL;
  try {
    parts = new URL(url);
  } catch {
    // The cause is left out: Node's error carries the whole input, password included.
    throw invalid(`${scheme}:// must be followed by a host, with a port from 1 to 65535 if any`);
  }
  const decode = (text: string, what: string) => {
    try {
      return decodeURIComponent(text);
    } catch {
      throw invalid(`its ${what} has an invalid percent-encoding (not UTF-8)`);
    }
  };
  if (parts.hash !== '') throw invalid('it has a # (write %23)');
  if (parts.pathname.lastIndexOf('/') > 0)
    throw invalid('its path has more than one part (write / in a vhost as %2F)');
  const named = parts.username !== '' || parts.password !== '';
  const query = new Map(parts.searchParams);
  return {
    protocol: scheme,
    host: decode(parts.hostname, 'host').replace(/^\[|\]$/g, '') || 'localhost',
    port: parts.port === '' ? DEFAULT_PORT[scheme] : Number(parts.port),
    username: named ? decode(parts.username, 'user name') : undefined,
    password: named ? decode(parts.password, 'password') : undefined,
    vhost: decode(parts.pathname.slice(1), 'vhost') || '/',
    query,
    parameters: readUrlParameters(query),
  };
}

/** All that is printed of a URL that cannot be parsed: anything else in it may be a password. */
function schemeOf(url: string): string | undefined {
  return /^\s*([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
}

const FORM = 'Use amqp://host:5672/vhost (amqps:// for TLS).';

// No example credentials: redaction would remove them too.
const FORM_WITH_CREDENTIALS =
  'Use amqp://host:5672/vhost (amqps:// for TLS), with user name, colon, password and @ before the host. Percent-encode special characters in the password: %2F for a slash, %23 for #, %3F for ?, %40 for @.';

function unusable(shown: string, reason: string, hint = FORM_WITH_CREDENTIALS): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.invalidArgument,
    `The broker URL ${shown}${shown && ' '}is unusable: ${reason}`,
    { hint },
  );
}

/**
 * Whether an @ follows the slash, ? or # that ends the host: then a password contains an unencoded one, and its
 * beginning would be taken for the host.
 */
export function hasLateAt(url: string): boolean {
  const [, rest = ''] = /:\/\/[^/?#\\]*([\s\S]*)$/.exec(url) ?? [];
  return rest.includes('@');
}

export const LATE_AT =
  'it has an @ after a slash, ? or #: percent-encode these in a password, and the @ in a vhost (%40)';

/** The user amqplib logs in as; undefined if the broker takes the name from a certificate. */
export function userOf({ username = 'guest', parameters }: BrokerAddress): string | undefined {
  return parameters.isExternal ? undefined : username;
}

/** `host:port` */
export function nodeOf({ host, port }: Pick<BrokerAddress, 'host' | 'port'>): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A URL without credentials, fit for messages. */
export function describeAddress(address: BrokerAddress): string {
  const { protocol, vhost } = address;
  const at = `${protocol}://${nodeOf(address)}`;
  return vhost === '/' ? at : `${at}/${encodeURIComponent(vhost)}`;
}

/**
 * Removes the credentials of all URLs in a text, even if a URL is malformed or has no scheme. Removes everything up
 * to the last `@` before a space, so that a password with an unencoded `@` or `/` does not slip through.
 */
export function redactUrl(text: string): string {
  // A message may also be about a URL object, or about a variable that is not set.
  return String(text)
    .replace(/([a-z][a-z0-9+.-]*:\/\/)\S*@/gi, '$1***@')
    .replace(/([?&]password=)[^&\s"']*/gi, '$1***')
    .replace(/(^|[\s"'(])(?![a-z][a-z0-9+.-]*:\/\/)[^\s"'(:]*:\S*@/gi, '$1***@');
}
