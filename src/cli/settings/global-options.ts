import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { durationOption } from '../input/durations.ts';

const OUTPUT_FORMATS = ['auto', 'table', 'wide', 'json', 'jsonl', 'raw'] as const;

export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** The library's, whose modules are not loaded just to show a help text. */
export const DEFAULT_URL = 'amqp://localhost:5672';

/** The library's, of queue names. */
export const DEFAULT_PREFIX = 'mcp:queue:';

/** What every command takes, by commander's names; absent where it was not on the command line. */
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

interface Declaration {
  name: keyof GlobalOptions;
  flags: string;
  description: string;
  /** The first that is set and not empty is taken. */
  environment?: readonly string[];
  /** For the help text; the value itself is the library's. */
  byDefault?: string;
  parse?: (text: string) => unknown;
  choices?: readonly string[];
}

const CONNECTION: readonly Declaration[] = [
  {
    name: 'url',
    flags: '-u, --url <url>',
    description: 'broker, or several of a cluster with commas between',
    environment: ['MCP_TASKQ_URL', 'RABBITMQ_URL', 'AMQP_URL'],
    byDefault: DEFAULT_URL,
  },
  {
    name: 'context',
    flags: '--context <name>',
    description: 'use the named broker of "mcp-taskq context"',
    environment: ['MCP_TASKQ_CONTEXT'],
  },
  {
    name: 'prefix',
    flags: '--prefix <text>',
    description: 'what stands before the task id in a queue name',
    environment: ['MCP_TASKQ_PREFIX'],
    byDefault: DEFAULT_PREFIX,
  },
  {
    name: 'queueType',
    flags: '--queue-type <type>',
    description: 'of the queues it creates: default or quorum, which the Python package does not take',
    environment: ['MCP_TASKQ_QUEUE_TYPE'],
    byDefault: 'default',
    choices: ['default', 'quorum'],
  },
  {
    name: 'apiUrl',
    flags: '--api-url <url>',
    description: 'RabbitMQ management API',
    environment: ['MCP_TASKQ_API_URL'],
    byDefault: "the broker's host, port 15672 (TLS: 15671)",
  },
  {
    name: 'passwordFile',
    flags: '--password-file <file>',
    description: 'take the password from the first line of a file',
    environment: ['MCP_TASKQ_PASSWORD_FILE'],
  },
  {
    name: 'tlsCaFile',
    flags: '--tls-ca-file <file>',
    description: 'certificates to trust, PEM',
    environment: ['MCP_TASKQ_TLS_CA_FILE'],
    byDefault: 'those Node trusts',
  },
  {
    name: 'tlsCertFile',
    flags: '--tls-cert-file <file>',
    description: 'client certificate, PEM',
    environment: ['MCP_TASKQ_TLS_CERT_FILE'],
  },
  {
    name: 'tlsKeyFile',
    flags: '--tls-key-file <file>',
    description: 'key of the client certificate, PEM',
    environment: ['MCP_TASKQ_TLS_KEY_FILE'],
  },
  {
    name: 'tlsPassFile',
    flags: '--tls-pass-file <file>',
    description: 'take the passphrase of that key from the first line of a file',
    environment: ['MCP_TASKQ_TLS_PASS_FILE'],
  },
  {
    name: 'tlsServerName',
    flags: '--tls-server-name <name>',
    description: "name in the broker's certificate",
    environment: ['MCP_TASKQ_TLS_SERVER_NAME'],
    byDefault: 'the host of the URL',
  },
  { name: 'insecure', flags: '--insecure', description: "take any broker's certificate" },
  {
    name: 'connectTimeout',
    flags: '--connect-timeout <dur>',
    description: 'for one attempt to connect',
    environment: ['MCP_TASKQ_CONNECT_TIMEOUT'],
    byDefault: '10s',
    parse: durationOption,
  },
  {
    name: 'timeout',
    flags: '--timeout <dur>',
    description: 'end the command after this time, with status 124',
    environment: ['MCP_TASKQ_TIMEOUT'],
    byDefault: 'none',
    parse: durationOption,
  },
];

const OUTPUT: readonly Declaration[] = [
  {
    name: 'output',
    flags: '-o, --output <format>',
    description: 'form: auto (readable on a terminal, else JSON Lines), table, wide, json, jsonl, raw',
    byDefault: 'auto',
    choices: OUTPUT_FORMATS,
  },
  { name: 'json', flags: '--json', description: 'the same as -o json' },
  {
    name: 'color',
    flags: '--no-color',
    description: 'plain text; so do NO_COLOR and TERM=dumb',
  },
  {
    name: 'pager',
    flags: '--no-pager',
    description: 'print long output on a terminal without a pager (PAGER; default: less -FRX)',
  },
  { name: 'verbose', flags: '--verbose', description: 'on failure tell everything beneath it' },
];

export const GLOBAL_DECLARATIONS: readonly Declaration[] = [...CONNECTION, ...OUTPUT];

/** Adds the options that every command takes, below its own. They work before and after its name. */
export function addGlobalOptions(command: CommandUnknownOpts): void {
  for (const [heading, declarations] of [
    ['Connection:', CONNECTION],
    ['Output:', OUTPUT],
  ] as const) {
    for (const declaration of declarations) command.addOption(toOption(declaration).helpGroup(heading));
  }
}

function toOption({ flags, description, environment, byDefault, parse, choices }: Declaration): Option {
  const notes = [
    byDefault && `default: ${byDefault}`,
    environment && `env: ${environment.join(', ')}`,
  ].filter(Boolean);
  const option = new Option(flags, notes.length === 0 ? description : `${description} (${notes.join('; ')})`);
  if (parse) option.argParser(parse);
  return choices ? option.choices([...choices]) : option;
}
