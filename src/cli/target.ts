import type { Context } from './context.ts';

/**
 * Which broker and vhost a command works on, for questions and summaries: `localhost:5672, vhost /`. Never credentials.
 */
export function describeTarget({ settings }: Pick<Context, 'settings'>): string {
  const { url } = settings.connection;
  const urls = url === undefined ? ['amqp://localhost'] : typeof url === 'string' ? [url] : url;
  const targets = urls.filter((each) => URL.canParse(each)).map((each) => new URL(each));
  const [first] = targets;
  if (first === undefined) return 'the broker';
  const hosts = targets.map(({ protocol, hostname, port }) => {
    return `${hostname || 'localhost'}:${port || (protocol === 'amqps:' ? 5671 : 5672)}`;
  });
  return `${hosts.join(', ')}, vhost ${vhostOf(first)}`;
}

function vhostOf({ pathname }: URL): string {
  try {
    return decodeURIComponent(pathname.slice(1)) || '/';
  } catch {
    return pathname.slice(1);
  }
}
