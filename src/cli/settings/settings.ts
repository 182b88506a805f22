import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { InvalidArgumentError } from '@commander-js/extra-typings';
import { DEFAULT_URL } from '../../cli-shared.ts';
import type { TaskQueueOptions, TlsOptions } from '../../index.ts';
import { UsageFailure } from '../usage-failure.ts';
import { readUrlFiles, splitUrls, withPassword } from './broker-urls.ts';
import { keepBrokerWords, keepUrlSource } from './broker-words.ts';
import { type ChosenContext, chooseContext, noContext } from './chosen-context.ts';
import { flagOf, GLOBAL_DECLARATIONS, type GlobalOptions, type OutputFormat } from './global-options.ts';
import { sourceOfUrl, withoutOtherBroker } from './one-target.ts';
import { readSecret, readSettingFile } from './setting-files.ts';

/** The most that RabbitMQ can be configured to accept: the broker decides. */
const LARGEST_MESSAGE_BYTES = 512 * 1024 * 1024;

/** The normalised options and environment variables that all commands share. */
export interface Settings {
  /** Passed unchanged to the library's clients. */
  connection: TaskQueueOptions;
  /** URL of the management API, if given; one that names a user contains the password from the password file. */
  apiUrl: string | undefined;
  /** Time limit for the whole command. */
  timeoutMs: number | undefined;
  /** As requested; `auto` depends on where the output goes. */
  output: Exclude<OutputFormat, 'wide'>;
  /** Show tables with all columns, however narrow the terminal is. */
  isWide: boolean;
  /** False when `--no-pager` was given. */
  pager: boolean;
  /** False when `--no-color` was given. */
  color: boolean;
  /** The context these settings come from, if any. */
  context: ChosenContext | undefined;
  /** What named the broker: `--url`, `context prod`, `MCP_TASKQ_URL`, … or `default`. */
  urlSource: string;
  /** Warnings about these settings, one sentence each. */
  warnings: readonly string[];
  /** Further warnings, for commands that use the management API. */
  apiWarnings: readonly string[];
}

/**
 * The purpose of the settings: a command; completion, which never runs a password command, as that may prompt; or a
 * command that starts its own broker and ignores contexts.
 */
export type SettingsPurpose = 'command' | 'completion' | 'private-broker';

/** @throws UsageFailure for an unusable value or an unreadable file. */
export function resolveSettings(
  command: CommandUnknownOpts,
  environment: NodeJS.ProcessEnv = process.env,
  purpose: SettingsPurpose = 'command',
): Settings {
  const given = givenSettings(command);
  keepBrokerWords(given);
  // Most likely an unset variable of a shell: without a value, another broker would be meant, or other certificates, or the
  // queues of every application.
  for (const { name } of GLOBAL_DECLARATIONS) {
    const value = given[name];
    if (typeof value === 'string' && value.trim() === '') throw new UsageFailure(`${flagOf(name)} is empty`);
  }
  const layer = purpose === 'private-broker' ? noContext(environment) : chooseContext(given, environment);
  const known = withoutOtherBroker(given, layer.environment);
  const options = { ...layer.options, ...withEnvironment(given, known.environment) };
  const password = options.passwordFile
    ? readSecret(options.passwordFile, '--password-file', options.timeout)
    : purpose === 'command'
      ? layer.password(options.timeout)
      : undefined;
  const urlSource = sourceOfUrl(given, layer.context?.name, environment);
  keepUrlSource(urlSource, options.apiUrl !== undefined);
  const { urls, tls } = readUrlFiles(splitUrls(options.url ?? DEFAULT_URL), options.timeout);
  return {
    connection: {
      ...((options.url || password) && { url: urls.map(withPassword(password, 'guest')) }),
      prefix: options.prefix,
      queueType: options.queueType,
      connectTimeoutMs: options.connectTimeout,
      maxMessageBytes: LARGEST_MESSAGE_BYTES,
      tls: { ...tls, ...tlsOptions(options) },
    },
    // Without a user, it gets those credentials of the broker's URL.
    apiUrl: options.apiUrl && withPassword(password)(options.apiUrl),
    timeoutMs: options.timeout,
    ...formatAsked(options),
    pager: options.pager ?? true,
    color: options.color ?? true,
    context: layer.context,
    urlSource,
    apiWarnings: known.apiWarnings,
    warnings: [...layer.warnings, ...known.warnings, ...warningsAbout(given, options)],
  };
}

/** The options on the command line, before and after the command's name. */
export function givenSettings(command: CommandUnknownOpts): GlobalOptions {
  return { ...givenOptions(command.parent), ...givenOptions(command) };
}

function formatAsked({ json, output = 'auto' }: GlobalOptions): Pick<Settings, 'output' | 'isWide'> {
  if (json) return { output: 'json', isWide: false };
  return output === 'wide' ? { output: 'table', isWide: true } : { output, isWide: false };
}

/** The output settings, for commands that do not use a broker and so do not need the others. */
export function outputSettings(command: CommandUnknownOpts): {
  asked: Settings['output'];
  format: ReturnType<typeof formatFor>;
  color: boolean;
} {
  const given = givenSettings(command);
  const { color = true } = given;
  const { output: asked } = formatAsked(given);
  return { asked, format: formatFor(asked), color };
}

/** For `auto`: a table on a terminal, and JSON Lines elsewhere. */
export function formatFor(asked: Settings['output']): Exclude<Settings['output'], 'auto'> {
  if (asked !== 'auto') return asked;
  return process.stdout.isTTY === true ? 'table' : 'jsonl';
}

/** Without defaults: `--no-color` before the command's name must not be overridden by the default after it. */
function givenOptions(command: CommandUnknownOpts | null): Record<string, unknown> {
  const options = command?.opts() ?? {};
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => command?.getOptionValueSource(name) !== 'default'),
  );
}

/** As in most programs, an empty variable counts as unset. */
function withEnvironment(given: GlobalOptions, environment: NodeJS.ProcessEnv): GlobalOptions {
  const options: Record<string, unknown> = { ...given };
  for (const { name, environment: names = [], parse } of GLOBAL_DECLARATIONS) {
    if (options[name] !== undefined) continue;
    const variable = names.find((candidate) => environment[candidate]);
    const value = variable && environment[variable];
    if (!variable || !value) continue;
    try {
      options[name] = parse ? parse(value) : value;
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new UsageFailure(`Environment variable ${variable} is invalid. ${error.message}`);
    }
  }
  return options;
}

function tlsOptions(options: GlobalOptions): TlsOptions {
  const { tlsCaFile, tlsCertFile, tlsKeyFile, tlsPassFile, tlsServerName, insecure, timeout } = options;
  return {
    ...(tlsCaFile && { ca: readSettingFile(tlsCaFile, '--tls-ca-file', timeout) }),
    ...(tlsCertFile && { cert: readSettingFile(tlsCertFile, '--tls-cert-file', timeout) }),
    ...(tlsKeyFile && { key: readSettingFile(tlsKeyFile, '--tls-key-file', timeout) }),
    ...(tlsPassFile && { passphrase: readSecret(tlsPassFile, '--tls-pass-file', timeout) }),
    ...(tlsServerName && { serverName: tlsServerName }),
    ...(insecure && { verify: false }),
  };
}

function warningsAbout(given: GlobalOptions, options: GlobalOptions): string[] {
  const warnings = [];
  const password = /:\/\/[^:@\s]*:([^@\s]+)@/.exec(given.url ?? given.apiUrl ?? '')?.[1];
  // The password of guest is public, and works only on the broker's own machine.
  if (password !== undefined && password !== 'guest') {
    warnings.push(
      'A password on the command line is visible in the process list; use --password-file or MCP_TASKQ_URL.',
    );
  }
  if (options.insecure) {
    warnings.push(
      'With --insecure, anyone on the network path to the broker can read and change everything.',
    );
  }
  return warnings;
}
