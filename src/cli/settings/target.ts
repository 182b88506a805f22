import { DEFAULT_URL } from '../../cli-shared.ts';
import type { Context } from '../context.ts';
import { safeLine } from '../text/terminal-text.ts';
import { hostsOf } from './broker-urls.ts';

/**
 * The broker and vhost a command works on, for questions and summaries: `localhost:5672, vhost /`, followed by what
 * named it, unless that was the command line: `(from RABBITMQ_URL)`. Never includes credentials.
 */
export function describeTarget({ settings }: Pick<Context, 'settings'>): string {
  const { url = DEFAULT_URL } = settings.connection;
  const urls = typeof url === 'string' ? [url] : url;
  const hosts = urls.flatMap(hostsOf);
  if (hosts.length === 0) return 'the broker';
  const { urlSource } = settings;
  const source =
    urlSource === '--url' ? '' : ` (${urlSource === 'default' ? 'the default' : `from ${urlSource}`})`;
  return `${hosts.join(', ')}, vhost ${vhostOf(urls)}${source}`;
}

/** Quoted if the sentence around it could be misread. */
function vhostOf([url = '']: readonly string[]): string {
  const path = URL.canParse(url) ? new URL(url).pathname.slice(1) : '';
  const vhost = safeLine(decode(path)) || '/';
  return /[\s,()"?]/.test(vhost) ? JSON.stringify(vhost) : vhost;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
