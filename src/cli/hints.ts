import type { ErrorCode } from '../index.ts';

/*
 * What to do about an error of the library, in the words of the command line. The library speaks of its options, as it
 * knows of no flags; its hint is taken with the flags' names put in, or another one where the command line has more to
 * offer. Everything the command line says by an error's code is here.
 */

/** The library's options that are settings of the command line. */
const FLAGS: Readonly<Record<string, string>> = {
  'tls.ca': '--tls-ca-file',
  'tls.cert': '--tls-cert-file',
  'tls.key': '--tls-key-file',
  'tls.passphrase': '--tls-pass-file',
  'tls.serverName': '--tls-server-name',
  queueType: '--queue-type',
  apiUrl: '--api-url',
  connectTimeoutMs: '--connect-timeout',
  'create: false': '--no-create',
  keepExpiration: '--keep-expiration',
};

/** Behind the library's hint, or in its place where it has none. */
const MORE: Partial<Record<ErrorCode, string>> = {
  CONNECTION_FAILED: '"mcp-taskq broker" starts a private one.',
  API_UNAVAILABLE: '"mcp-taskq ls --ids FILE" works without the API.',
  WAIT_TIMEOUT: '--wait sets how long to wait.',
  NO_ANSWER: '"mcp-taskq status" says what works.',
  CONNECTION_LOST: 'Run the command again: what was not removed is still in the queue.',
};

/** In place of the library's. */
const INSTEAD: Partial<Record<ErrorCode, string>> = {
  MESSAGE_TOO_LARGE:
    'mcp-taskq publishes at most 16 MiB, which is the default max_message_size of RabbitMQ 4.',
  MALFORMED_MESSAGE: 'peek and dequeue show any body; "dequeue --out FILE" keeps it byte for byte.',
};

const PASSWORD_HINT = 'Or keep the password out of the URL: --password-file.';

/** @returns undefined where there is nothing to advise */
export function hintFor(error: { code?: unknown; message?: string; hint?: unknown }): string | undefined {
  const code = error.code as ErrorCode;
  const said = typeof error.hint === 'string' ? inFlags(error.hint) : undefined;
  if (!isOfLibrary(error)) return said;
  const instead = Object.hasOwn(INSTEAD, String(code)) ? INSTEAD[code] : undefined;
  if (instead) return instead;
  const isUrl =
    code === 'INVALID_ARGUMENT' && /^The (broker|management API) URL .*is unusable/.test(error.message ?? '');
  const more = isUrl ? PASSWORD_HINT : Object.hasOwn(MORE, String(code)) ? MORE[code] : undefined;
  return [said && withoutOptions(said), more].filter((each) => each !== undefined).join(' ') || undefined;
}

/** `Option tls.cert is given without tls.key` names options too; no other message does. */
export function inFlagsOf(message: string): string {
  return message.replace(/^Option \S+ .*$/s, inFlags);
}

/** Without the sentences about options that have no flag; undefined where nothing is left. */
function withoutOptions(hint: string): string | undefined {
  const sentences = hint.split(/(?<=[.?]) /).filter((sentence) => !OPTION.test(sentence));
  return sentences.join(' ') || undefined;
}

const OPTION = /\b[a-z]+(?:Ms|Bytes|Operations|Size|Seconds)\b/;

/** What the library says, with flags in place of the options. */
export function inFlags(text: string): string {
  return text.replace(NAMES, (name) => FLAGS[name] as string);
}

const NAMES = new RegExp(
  Object.keys(FLAGS)
    .sort((a, b) => b.length - a.length)
    .map((name) => `(?<![\\w.-])${name.replaceAll('.', '\\.')}(?![\\w-])`)
    .join('|'),
  'g',
);

function isOfLibrary(error: unknown): boolean {
  const { name } = error as { name?: unknown };
  return ['TaskQueueError', 'MalformedMessageError', 'PublishUnconfirmedError'].includes(String(name));
}
