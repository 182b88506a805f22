import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { DEFAULT_PREFIX, DEFAULT_URL } from '../../cli-shared.ts';
import { durationOption } from '../text/durations.ts';

const OUTPUT_FORMATS = ['auto', 'table', 'wide', 'json', 'jsonl', 'raw'] as const;

export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** The options of every command, by commander's names; absent if not on the command line. */
export interface GlobalOptions {
  url?: string;
  context?: string;
  prefix?: string;
  queueType?: 'default' | 'quorum';
  apiUrl?: string;
  passwordFile?: string;
  tlsCaFile?: string;
  tlsCertFile?: string;
  tlsKeyFile?: string;
  tlsPassFile?: string;
  tlsServerName?: string;
  insecure?: boolean;
  connectTimeout?: number;
  timeout?: number;
  output?: OutputFormat;
  json?: boolean;
  color?: boolean;
  pager?: boolean;
  verbose?: boolean;
}

export interface GlobalDeclaration {
  /** As commander derives it from the flags. */
  name: keyof GlobalOptions;
  flags: string;
  description: string;
  /** The first variable that is set and not empty is used. */
  environment?: readonly string[];
  /** The default for the help text; the value itself is in the library. */
  byDefault?: string;
  parse?: (text: string) => unknown;
  choices?: readonly string[];
}

export const CONNECTION_OPTIONS = named([
  {
    flags: '-u, --url <url>',
    description: 'broker URL; comma-separated list for a cluster',
    environment: ['MCP_TASKQ_URL', 'RABBITMQ_URL', 'AMQP_URL'],
    byDefault: DEFAULT_URL,
  },
  {
    flags: '--context <name>',
    description: 'broker named with "mcp-taskq context set"',
    environment: ['MCP_TASKQ_CONTEXT'],
  },
  {
    flags: '--prefix <text>',
    description: 'queue-name prefix',
    environment: ['MCP_TASKQ_PREFIX'],
    byDefault: DEFAULT_PREFIX,
  },
  {
    flags: '--queue-type <type>',
    description: 'type of queues to create, default or quorum; the Python package cannot use quorum queues',
    environment: ['MCP_TASKQ_QUEUE_TYPE'],
    byDefault: 'default',
    choices: ['default', 'quorum'],
  },
  {
    flags: '--api-url <url>',
    description: 'management API',
    environment: ['MCP_TASKQ_API_URL'],
    byDefault: "the broker's host, port 15672, or 15671 with TLS",
  },
  {
    flags: '--password-file <file>',
    description: 'file with the password on its first line',
    environment: ['MCP_TASKQ_PASSWORD_FILE'],
  },
  {
    flags: '--tls-ca-file <file>',
    description: 'CA certificates to trust, PEM',
    environment: ['MCP_TASKQ_TLS_CA_FILE'],
    byDefault: "Node's",
  },
  {
    flags: '--tls-cert-file <file>',
    description: 'client certificate, PEM',
    environment: ['MCP_TASKQ_TLS_CERT_FILE'],
  },
  {
    flags: '--tls-key-file <file>',
    description: 'key of the client certificate, PEM',
    environment: ['MCP_TASKQ_TLS_KEY_FILE'],
  },
  {
    flags: '--tls-pass-file <file>',
    description: 'file with the passphrase of that key on its first line',
    environment: ['MCP_TASKQ_TLS_PASS_FILE'],
  },
  {
    flags: '--tls-server-name <name>',
    description: "name expected in the broker's certificate",
    environment: ['MCP_TASKQ_TLS_SERVER_NAME'],
    byDefault: 'the host of the URL',
  },
  { flags: '--insecure', description: 'skip certificate verification (insecure)' },
  {
    flags: '--connect-timeout <dur>',
    description: 'time limit for one attempt to connect',
    environment: ['MCP_TASKQ_CONNECT_TIMEOUT'],
    byDefault: '10s',
    parse: durationOption,
  },
  {
    flags: '--timeout <dur>',
    description: 'time limit for the whole command, which then exits with 124',
    environment: ['MCP_TASKQ_TIMEOUT'],
    byDefault: 'none',
    parse: durationOption,
  },
]);

export const OUTPUT_OPTIONS = named([
  {
    flags: '-o, --output <format>',
    description: 'output format: table, wide, json, jsonl or raw; auto is table on a terminal, else jsonl',
    byDefault: 'auto',
    choices: OUTPUT_FORMATS,
  },
  { flags: '--json', description: 'same as -o json' },
  {
    flags: '--no-color',
    description: 'no colors; also NO_COLOR and TERM=dumb',
  },
  {
    flags: '--no-pager',
    description: 'no pager for long output on a terminal (PAGER; default: less -FRX)',
  },
  { flags: '--verbose', description: 'on failure, print the full cause chain' },
]);

export const GLOBAL_DECLARATIONS: readonly GlobalDeclaration[] = [...CONNECTION_OPTIONS, ...OUTPUT_OPTIONS];

function named(declarations: readonly Omit<GlobalDeclaration, 'name'>[]): readonly GlobalDeclaration[] {
  return declarations.map((each) => {
    const name = new Option(each.flags).attributeName() as keyof GlobalOptions;
    return { name, ...each };
  });
}

/** The environment variables that set an option, in order of precedence. */
export function variablesOf(option: keyof GlobalOptions | undefined): readonly string[] {
  return GLOBAL_DECLARATIONS.find(({ name }) => name === option)?.environment ?? [];
}

/** The long name of an option. */
export function flagOf(option: keyof GlobalOptions): string {
  const { flags = '' } = GLOBAL_DECLARATIONS.find(({ name }) => name === option) ?? {};
  return /--[a-z-]+/.exec(flags)?.[0] ?? '';
}

/** Their long names: the help of a command leaves them to a topic. */
export const GLOBAL_OPTIONS: ReadonlySet<string> = new Set(
  GLOBAL_DECLARATIONS.map(({ name }) => flagOf(name)),
);

/** Adds the options that every command takes, below its own. They may come before or after its name. */
export function addGlobalOptions(command: CommandUnknownOpts): void {
  for (const [heading, declarations] of [
    ['Connection:', CONNECTION_OPTIONS],
    ['Output:', OUTPUT_OPTIONS],
  ] as const) {
    for (const declaration of declarations) command.addOption(toOption(declaration).helpGroup(heading));
  }
}

function toOption({ flags, description, environment, byDefault, parse, choices }: GlobalDeclaration): Option {
  const notes = [
    byDefault && `default: ${byDefault}`,
    environment && `env: ${environment.join(', ')}`,
  ].filter(Boolean);
  const option = new Option(flags, notes.length === 0 ? description : `${description} (${notes.join('; ')})`);
  if (parse) option.argParser(parse);
  return choices ? option.choices([...choices]) : option;
}
