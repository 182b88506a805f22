import { isTaskQueueError } from '../cli-shared.ts';
import type { ErrorCode } from '../index.ts';
import { brokerWords, whereUrlComesFrom } from './settings/broker-words.ts';
import { privateBrokerHint } from './settings/private-broker.ts';
import { formatDuration } from './text/durations.ts';
import { shellWords } from './text/shell-words.ts';

/*
 * Hints for errors of the library, in terms of the command line. The library's hints name its own options. Here those
 * are replaced by flag names, or the whole hint by a better one. All hints that depend on an error code are in this
 * module.
 */

/** Library options and the flags that set them. */
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

/** Appended to the library's hint, or used alone if it has none. */
const MORE: Partial<Record<ErrorCode, string>> = {
  CONNECTION_FAILED: '"mcp-taskq broker" starts a private one.',
  API_UNAVAILABLE: '"mcp-taskq ls --ids FILE" works without the API.',
  NO_ANSWER: '"mcp-taskq status" shows what works.',
  CONNECTION_LOST: 'Run the command again.',
  INVALID_MESSAGE: '"mcp-taskq help enqueue" says what a message is.',
};

/** Reasons to doubt the URL of the broker, which may come from a forgotten variable or context. */
const ABOUT_URL = /^(?:Cannot connect to RabbitMQ|Cannot reach the management API|The broker URL) /;

const PASSWORD_HINT = 'Or keep the password out of the URL: --password-file.';

/** Commands in quotes that a hint may suggest, and that work on a broker. */
const SUGGESTED = /"mcp-taskq (?:clear|dequeue|describe|ls|peek|status|watch)\b[^"]*(?=")/g;

/** The text with commands for the broker of this command. */
export function forThisBroker(text: string): string {
  return text.replace(SUGGESTED, (command) => {
    const all = brokerWords();
    const api = command.includes(' --ids ') ? all.indexOf('--api-url') : -1;
    const words = api === -1 ? all : all.filter((_, index) => index !== api && index !== api + 1);
    const more = words.length === 0 ? '' : ` ${shellWords(words)}`;
    return command.endsWith(more) ? command : command + more;
  });
}

/** @returns undefined if there is no advice */
export function hintFor(error: { code?: unknown; message?: string; hint?: unknown }): string | undefined {
  const hint = adviceFor(error);
  return hint && forThisBroker(hint);
}

function adviceFor(error: { code?: unknown; message?: string; hint?: unknown }): string | undefined {
  const said = typeof error.hint === 'string' ? inFlags(error.hint) : undefined;
  if (!isTaskQueueError(error)) return said;
  const { code, message } = error;
  const instead = privateBrokerHint(error);
  if (instead) return instead;
  const isUrl =
    code === 'INVALID_ARGUMENT' && / URL .*is unusable/.test(message) && /Percent-encode/.test(said ?? '');
  const isApi = message.includes('management API');
  const source = ABOUT_URL.test(message) ? whereUrlComesFrom({ isApi }) : undefined;
  const more = isUrl ? PASSWORD_HINT : MORE[code];
  const parts = [said && withoutOptions(said), source, more];
  return parts.filter((each) => each !== undefined).join(' ') || undefined;
}

/**
 * A message of the library, with durations as the command line writes them. Only one names options as well: `Option
 * tls.cert is given without tls.key`.
 */
export function inFlagsOf(message: string): string {
  return message
    .replace(/^Option \S+ .*$/s, inFlags)
    .replace(/(?<=\b(?:after|within) )(\d+000) ms\b/g, (_, ms) => formatDuration(Number(ms)));
}

/** Without the sentences about options that have no flag; undefined where nothing is left. */
function withoutOptions(hint: string): string | undefined {
  const sentences = hint.split(/(?<=[.?]) /).filter((sentence) => !OPTION.test(sentence));
  return sentences.join(' ') || undefined;
}

const OPTION = /\b[a-z][A-Za-z]*(?:Ms|Bytes|Operations|Size|Seconds)\b/;

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
