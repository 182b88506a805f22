import type * as https from 'node:https';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { type BrokerAddress, hasLateAt, LATE_AT, nodeOf } from '../options/broker-url.ts';
import { nodeTlsOptions, type ResolvedOptions } from '../options/task-queue-options.ts';

/** The addresses of a management API, and the credentials for it. */
export interface ManagementApiAddress {
  /** One URL per node, without credentials. */
  bases: readonly URL[];
  /** The header. */
  authorization: string;
  tls: https.AgentOptions;
}

/**
 * @param given the URL of the API; default: the hosts of the broker's URLs, and RabbitMQ's ports
 * @throws TaskQueueError `INVALID_ARGUMENT`
 */
export function managementApiAddress(
  { addresses, tls }: ResolvedOptions,
  given: string | undefined,
): ManagementApiAddress {
  const [address] = addresses;
  const bases = (given === undefined ? addresses : [address]).map((each) => baseUrl(given, each));
  const [{ username, password }] = bases as [URL];
  const [user, secret] = username
    ? [decode(username), decode(password)]
    : [address.username ?? 'guest', address.password ?? 'guest'];
  for (const base of bases) {
    base.username = '';
    base.password = '';
  }
  const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
  return { bases, authorization, tls: nodeTlsOptions(tls) };
}

/** Where RabbitMQ has the API unless its configuration says otherwise. */
export function defaultApiUrl(host: string, isTls: boolean): string {
  return isTls ? `https://${nodeOf({ host, port: 15671 })}` : `http://${nodeOf({ host, port: 15672 })}`;
}

function baseUrl(given: string | undefined, { protocol, host }: BrokerAddress): URL {
  const text = (given ?? defaultApiUrl(host, protocol === 'amqps')).trim();
  // Any part of a URL that cannot be parsed may be a password.
  const invalid = (reason: string) =>
    new TaskQueueError(ErrorCode.invalidArgument, `The management API URL is unusable: ${reason}`, {
      hint: 'Use http://host:15672 or https://host:15671; the credentials of the broker URL are used. Percent-encode special characters: %2F for a slash, %23 for #, %3F for ?, %40 for @.',
    });
  if (/^["']/.test(text)) throw invalid('it is in quotes');
  if (!/^https?:\/\//i.test(text)) throw invalid('it does not begin with http:// or https://');
  if (hasLateAt(text)) throw invalid(LATE_AT);
  if (!URL.canParse(text))
    throw invalid('http:// must be followed by a host, with a port from 1 to 65535 if any');
  const url = new URL(text);
  if (url.search !== '' || url.hash !== '') throw invalid('it has a ? or #');
  // RabbitMQ's documentation writes addresses with it.
  url.pathname = `${url.pathname.replace(/\/+$/, '').replace(/\/api$/, '')}/`;
  return url;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TaskQueueError(
      ErrorCode.invalidArgument,
      'The credentials in the management API URL have an invalid percent-encoding (not UTF-8)',
      { hint: 'Percent-encode special characters: %25 for the % itself.' },
    );
  }
}
