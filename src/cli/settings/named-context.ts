import { durationOption } from '../text/durations.ts';
import type { GlobalOptions } from './global-options.ts';

interface Setting {
  /** The global option that it stands for, if any. */
  option?: keyof GlobalOptions;
  kind: 'text' | 'flag' | 'file' | 'duration' | readonly string[];
}

/** In display and file order. */
const ALL_SETTINGS = {
  /** A broker URL, or a comma-separated list for a cluster, without a password. */
  url: { option: 'url', kind: 'text' },
  description: { kind: 'text' },
  api_url: { option: 'apiUrl', kind: 'text' },
  prefix: { option: 'prefix', kind: 'text' },
  queue_type: { option: 'queueType', kind: ['default', 'quorum'] },
  password_file: { option: 'passwordFile', kind: 'file' },
  /** A shell command whose first output line is the password. */
  password_command: { kind: 'text' },
  /** Only with `--store-password`. */
  password: { kind: 'text' },
  tls_ca_file: { option: 'tlsCaFile', kind: 'file' },
  tls_cert_file: { option: 'tlsCertFile', kind: 'file' },
  tls_key_file: { option: 'tlsKeyFile', kind: 'file' },
  tls_pass_file: { option: 'tlsPassFile', kind: 'file' },
  tls_server_name: { option: 'tlsServerName', kind: 'text' },
  insecure: { option: 'insecure', kind: 'flag' },
  connect_timeout: { option: 'connectTimeout', kind: 'duration' },
  /** Commands that remove messages require the context name to be typed first. */
  protected: { kind: 'flag' },
} as const satisfies { [name: string]: Setting };

type SettingName = keyof typeof ALL_SETTINGS;

/** A named broker from the configuration file, validated. */
export type NamedContext = { url: string } & {
  [name in SettingName]?: (typeof ALL_SETTINGS)[name]['kind'] extends 'flag' ? boolean : string;
};

export const SETTINGS: Readonly<Record<SettingName, Setting>> = ALL_SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** Limited in length so that a list of contexts fits the screen. */
const NAME = /^[A-Za-z0-9_][\w.-]{0,31}$/;

export function isContextName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Validates a context from the file. Rejects unknown settings, so that a misspelt `protected` does not go unnoticed.
 * @returns why it is unusable; undefined when it is usable
 */
export function findFault(context: unknown): string | undefined {
  if (typeof context !== 'object' || context === null || Array.isArray(context)) return 'it is not an object';
  for (const [name, value] of Object.entries(context)) {
    if (!Object.hasOwn(SETTINGS, name)) return `unknown setting ${JSON.stringify(name)}`;
    const fault = faultOf(SETTINGS[name as keyof NamedContext], value);
    if (fault !== undefined) return `${name} must be ${fault}`;
  }
  return 'url' in context ? undefined : 'it has no url';
}

function faultOf({ kind }: Setting, value: unknown): string | undefined {
  if (kind === 'flag') return typeof value === 'boolean' ? undefined : 'true or false';
  if (typeof value !== 'string' || value === '') return 'a non-empty string';
  if (kind === 'duration') return isDuration(value) ? undefined : 'a duration such as 500ms, 10s or 5m';
  if (typeof kind === 'string' || kind.includes(value)) return undefined;
  return `one of ${kind.join(', ')}`;
}

function isDuration(text: string): boolean {
  try {
    return durationOption(text) > 0;
  } catch {
    return false;
  }
}
