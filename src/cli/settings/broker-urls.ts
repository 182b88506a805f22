import { leftOutOfUrl } from '../../cli-shared.ts';
import type { TlsOptions } from '../../index.ts';
import { UsageFailure } from '../usage-failure.ts';
import { readSettingFile } from './setting-files.ts';

/** Splits a comma-separated list; a password may contain a comma too. */
export function splitUrls(list: string): string[] {
  return list.split(/,(?=\s*[a-z][a-z0-9+.-]*:\/\/)/i).map((url) => url.trim());
}

/** A URL to be changed; undefined for what is no URL, or would become another one by being parsed. */
export function toUrl(text: string): URL | undefined {
  return URL.canParse(text) && leftOutOfUrl(text) === undefined ? new URL(text) : undefined;
}

/**
 * Puts a password into a URL, for its user, or for the given one if it has none; without either, the URL stays as it is.
 * Invalid URLs are left for the library to report.
 */
export function withPassword(password: string | undefined, defaultUser = ''): (url: string) => string {
  return (text) => {
    const url = toUrl(text);
    if (password === undefined || url === undefined) return text;
    if (url.password !== '') return text;
    if (url.username === '') url.username = defaultUser;
    if (url.username === '') return text;
    // The setter alone would not encode %, which a password may contain.
    url.password = encodeURIComponent(password);
    return url.href;
  };
}

const FILE_PARAMETERS = { cacertfile: 'ca', certfile: 'cert', keyfile: 'key' } as const;

/**
 * Reads the files named by RabbitMQ's URI parameters, https://www.rabbitmq.com/docs/uri-query-parameters, as the
 * library does not.
 * @returns the URLs without these parameters, and the contents of the files
 * @throws UsageFailure if a file cannot be read
 */
export function readUrlFiles(
  urls: readonly string[],
  timeoutMs?: number,
): { urls: string[]; tls: TlsOptions } {
  const tls: TlsOptions = {};
  const rest = urls.map((text) => {
    const url = toUrl(text);
    if (!/[?&](?:ca)?(?:cert|key)file=/i.test(text) || url === undefined) return text;
    for (const name of [...url.searchParams.keys()]) {
      const key = FILE_PARAMETERS[name.toLowerCase() as keyof typeof FILE_PARAMETERS];
      if (key === undefined) continue;
      tls[key] = readSettingFile(url.searchParams.get(name) ?? '', `${name} in the broker URL`, timeoutMs);
      url.searchParams.delete(name);
    }
    return url.href;
  });
  return { urls: rest, tls };
}

/**
 * A URL with a user in place of a task id or a pattern: output shows those, and here perhaps a password.
 * @throws CommandFailure
 */
export function refuseUrlArguments(operands: readonly string[]): void {
  if (operands.some((operand) => /^amqps?:\/\/.*@/is.test(operand)))
    throw new UsageFailure(
      'A broker URL was given in place of a task id',
      'Give it with --url, or in MCP_TASKQ_URL.',
    );
}

/** The hosts of URLs, as `host:port`; invalid URLs are left out. */
export function hostsOf(list: string): string[] {
  return splitUrls(list).flatMap((text) => {
    if (!URL.canParse(text)) return [];
    const { protocol, hostname, port } = new URL(text);
    return [`${hostname || 'localhost'}:${port || (protocol === 'amqps:' ? 5671 : 5672)}`];
  });
}

/** URLs without their passwords. Keeps the user names, which are useful to see. */
export function withoutPasswords(urls: string): string {
  return splitUrls(urls.replace(/([?&]password=)[^&\s"']*/gi, '$1***'))
    .map((text) => {
      if (!URL.canParse(text)) return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@');
      // That of guest is known to all.
      if (['', 'guest'].includes(new URL(text).password)) return text;
      return text.replace(/(:\/\/[^:@/]*):.*@/s, '$1:***@');
    })
    .join(',');
}

const WITH_A_USER = String.raw`[a-z][a-z0-9+.-]*:\/\/(?:[\w.-]+|guest:guest)@[^\s@,?]*`;

/** URLs with a user name, and no password but the public one of guest. */
const HARMLESS = new RegExp(`(${WITH_A_USER}(?:,${WITH_A_USER})*(?!\\S*@))`, 'gi');

/** The text of an error without credentials. User names alone stay, so that a command in it can be pasted. */
export function withoutCredentials(text: string, redact: (text: string) => string): string {
  return text
    .split(HARMLESS)
    .map((part, index) => (index % 2 === 1 ? part : redact(part)))
    .join('');
}
