import type { TlsOptions } from '../../index.ts';
import { readSettingFile } from './setting-files.ts';

/** Of a list with commas in between; a comma may also stand in a password. */
export function splitUrls(list: string): string[] {
  return list.split(/,(?=\s*[a-z][a-z0-9+.-]*:\/\/)/i).map((url) => url.trim());
}

/** Puts a password into a URL, for the user it names or else guest. The library says what is wrong with a URL. */
export function withPassword(password: string | undefined): (url: string) => string {
  return (text) => {
    if (password === undefined || !URL.canParse(text)) return text;
    const url = new URL(text);
    if (url.password !== '') return text;
    if (url.username === '') url.username = 'guest';
    // Not the setter alone: it leaves % as it is, and a password may well contain one.
    url.password = encodeURIComponent(password);
    return url.href;
  };
}

const FILE_PARAMETERS = { cacertfile: 'ca', certfile: 'cert', keyfile: 'key' } as const;

/**
 * RabbitMQ's URI parameters that name files, https://www.rabbitmq.com/docs/uri-query-parameters: the library reads none.
 * @returns the URLs without them, and what is in the files
 * @throws CommandFailure (usage) when one cannot be read
 */
export function readUrlFiles(urls: readonly string[]): { urls: string[]; tls: TlsOptions } {
  const tls: TlsOptions = {};
  const rest = urls.map((text) => {
    if (!/[?&](?:ca)?(?:cert|key)file=/i.test(text) || !URL.canParse(text)) return text;
    const url = new URL(text);
    for (const name of [...url.searchParams.keys()]) {
      const key = FILE_PARAMETERS[name.toLowerCase() as keyof typeof FILE_PARAMETERS];
      if (key === undefined) continue;
      tls[key] = readSettingFile(url.searchParams.get(name) ?? '', `${name} in the broker URL`);
      url.searchParams.delete(name);
    }
    return url.href;
  });
  return { urls: rest, tls };
}

/** The places that URLs lead to, as `host:port`, without what cannot be understood. */
export function hostsOf(list: string): string[] {
  return splitUrls(list).flatMap((text) => {
    if (!URL.canParse(text)) return [];
    const { protocol, hostname, port } = new URL(text);
    return [`${hostname || 'localhost'}:${port || (protocol === 'amqps:' ? 5671 : 5672)}`];
  });
}
