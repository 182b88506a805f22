import { readFileSync } from 'node:fs';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { TaskQueueOptions, TlsOptions } from '../index.ts';
import { CommandFailure } from './command-failure.ts';
import { type ChosenContext, chooseContext, noContext } from './contexts/chosen-context.ts';
import { ExitCode } from './exit-codes.ts';
import { DEFAULT_URL, GLOBAL_DECLARATIONS, type GlobalOptions, type OutputFormat } from './global-options.ts';

/** The options and environment variables that every command shares, normalised. */
export interface Settings {
  /** For the library's clients, as it is. */
  connection: TaskQueueOptions;
  /** Of the management API, if given; with the password file's password in it where that applies. */
  apiUrl: string | undefined;
  /** For the whole command. */
  timeoutMs: number | undefined;
  /** As asked for: `auto` is decided by where the output goes. */
  output: OutputFormat;
  /** False when `--no-color` was given. */
  color: boolean;
  verbose: boolean;
  /** The named broker that these settings are of, if they are of one. */
  context: ChosenContext | undefined;
  /** What the user ought to know about these settings, one sentence each. */
  warnings: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the settings are for: a command; completion, for which no password command is run, as it may ask something; or a
 * command that brings a broker of its own and has no use for a named one.
 */
export type SettingsPurpose = 'command' | 'completion' | 'private-broker';

/** @throws CommandFailure (usage) for an unusable value or an unreadable file. */
export function resolveSettings(
  command: CommandUnknownOpts,
  environment: Environment = process.env,
  purpose: SettingsPurpose = 'command',
): Settings {
  const given = givenSettings(command);
  const layer = purpose === 'private-broker' ? noContext(environment) : chooseContext(given, environment);
  const options = { ...layer.options, ...withEnvironment(given, layer.environment) };
  const password = options.passwordFile
    ? readSecret(options.passwordFile, '--password-file')
    : purpose === 'command'
      ? layer.password()
      : undefined;
  const urls = options.url?.split(/,(?=\s*[a-z][a-z0-9+.-]*:\/\/)/i).map((url) => url.trim());
  return {
    connection: {
      ...((urls || password) && { url: (urls ?? [DEFAULT_URL]).map(withPassword(password)) }),
      ...(options.prefix !== undefined && { prefix: options.prefix }),
      ...(options.queueType !== undefined && { queueType: options.queueType }),
      ...(options.connectTimeout !== undefined && { connectTimeoutMs: options.connectTimeout }),
      tls: tlsOptions(options),
    },
    apiUrl: options.apiUrl && withPassword(password)(options.apiUrl),
    timeoutMs: options.timeout,
    output: options.json ? 'json' : (options.output ?? 'auto'),
    color: options.color ?? true,
    verbose: options.verbose ?? false,
    context: layer.context,
    warnings: [...layer.warnings, ...warningsAbout(given, options)],
  };
}

/** What the command line says, before and behind the name of the command. */
export function givenSettings(command: CommandUnknownOpts): GlobalOptions {
  return { ...givenOptions(command.parent), ...givenOptions(command) };
}

/** How to print, for commands that work with no broker and so need none of the other settings. */
export function outputSettings(command: CommandUnknownOpts): {
  asked: OutputFormat;
  format: Exclude<OutputFormat, 'auto'>;
  color: boolean;
} {
  const { json, output = 'auto', color = true } = givenSettings(command);
  const asked = json ? 'json' : output;
  const automatic = process.stdout.isTTY === true ? 'table' : 'jsonl';
  return { asked, format: asked === 'auto' ? automatic : asked, color };
}

/** Without defaults: `--no-color` before the command's name must survive the default behind it. */
function givenOptions(command: CommandUnknownOpts | null): Record<string, unknown> {
  const options = command?.opts() ?? {};
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => command?.getOptionValueSource(name) !== 'default'),
  );
}

/** An empty variable counts as unset, as it does for most programs. */
function withEnvironment(given: GlobalOptions, environment: Environment): GlobalOptions {
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
      throw new CommandFailure(
        ExitCode.usage,
        `Environment variable ${variable} is invalid. ${error.message}`,
      );
    }
  }
  return options;
}

function tlsOptions(options: GlobalOptions): TlsOptions {
  const { tlsCaFile, tlsCertFile, tlsKeyFile, tlsPassFile, tlsServerName, insecure } = options;
  return {
    ...(tlsCaFile && { ca: readSettingFile(tlsCaFile, '--tls-ca-file') }),
    ...(tlsCertFile && { cert: readSettingFile(tlsCertFile, '--tls-cert-file') }),
    ...(tlsKeyFile && { key: readSettingFile(tlsKeyFile, '--tls-key-file') }),
    ...(tlsPassFile && { passphrase: readSecret(tlsPassFile, '--tls-pass-file') }),
    ...(tlsServerName && { serverName: tlsServerName }),
    ...(insecure && { verify: false }),
  };
}

/** The first line of a file. */
function readSecret(file: string, option: string): string {
  const [secret = ''] = readSettingFile(file, option).toString().split(/\r?\n/, 1);
  if (secret === '') throw new CommandFailure(ExitCode.usage, `The file ${file} of ${option} is empty`);
  return secret;
}

function readSettingFile(file: string, option: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CommandFailure(
      ExitCode.usage,
      `Cannot read ${file} of ${option}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

/** Puts a password into a URL, for the user it names or else guest. The library says what is wrong with a URL. */
function withPassword(password: string | undefined): (url: string) => string {
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

function warningsAbout(given: GlobalOptions, options: GlobalOptions): string[] {
  const warnings = [];
  const password = /:\/\/[^:@\s]*:([^@\s]+)@/.exec(given.url ?? given.apiUrl ?? '')?.[1];
  // Everybody knows the password of guest, which only works on the broker's own machine.
  if (password !== undefined && password !== 'guest') {
    warnings.push(
      'A password on the command line shows in the process list; use --password-file or MCP_TASKQ_URL.',
    );
  }
  if (options.insecure) {
    warnings.push('With --insecure anybody between here and the broker can read and change everything.');
  }
  return warnings;
}
