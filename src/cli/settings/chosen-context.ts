import { dirname, resolve } from 'node:path';
import { durationOption } from '../text/durations.ts';
import { shellWords } from '../text/shell-words.ts';
import { UsageFailure } from '../usage-failure.ts';
import { type ContextFile, readContextFile } from './context-file.ts';
import { GLOBAL_DECLARATIONS, type GlobalOptions, variablesOf } from './global-options.ts';
import { type NamedContext, SETTING_NAMES, SETTINGS } from './named-context.ts';
import { runPasswordCommand } from './password-command.ts';
import { isInPrivateBroker } from './private-broker.ts';

/** What selected the context. */
export type ContextSource = '--context' | 'MCP_TASKQ_CONTEXT' | 'context use';

/** The context in effect for a command line. */
export interface ChosenContext {
  name: string;
  source: ContextSource;
  isProtected: boolean;
}

/** The settings below the command-line options, and the part of the environment that still applies. */
export interface ContextLayer {
  /** Undefined if none is selected, or if another broker was named. */
  context: ChosenContext | undefined;
  /** The context's settings, keyed by option name. */
  options: Partial<GlobalOptions>;
  /** The context's password, if its source is not a password file. May run a command, within this time. */
  password: (timeoutMs?: number) => string | undefined;
  /** The environment, without variables about another broker. */
  environment: NodeJS.ProcessEnv;
  warnings: readonly string[];
}

/** Time limits, which do not depend on the broker. */
const ABOUT_ANY_BROKER: readonly string[] = ['connectTimeout', 'timeout'];

/** For a command line without a context. */
export function noContext(environment: NodeJS.ProcessEnv): ContextLayer {
  return { context: undefined, options: {}, password: () => undefined, environment, warnings: [] };
}

/**
 * Finds the context of a command line. Settings of different brokers are never mixed: a context from `--context`
 * ignores environment variables about another broker, and the context selected by `context use` is ignored if the
 * command line or the environment names a broker.
 * @throws UsageFailure for an unknown name or an unusable file
 */
export function chooseContext(given: GlobalOptions, environment: NodeJS.ProcessEnv): ContextLayer {
  const none = noContext(environment);
  const asked = given.context;
  // The command line names a broker, so the file, which may be broken, is not read.
  if (asked === undefined && given.url !== undefined) return none;
  const fromEnvironment = environment.MCP_TASKQ_CONTEXT || undefined;
  const file = readContextFile(environment);
  const name = asked ?? fromEnvironment ?? file.current;
  if (name === undefined) return none;
  const source =
    asked !== undefined ? '--context' : fromEnvironment !== undefined ? 'MCP_TASKQ_CONTEXT' : 'context use';
  const settings = requireContext(file, name, source);
  const chosen = { name, source, isProtected: settings.protected ?? false } as const;
  const warnings = exposure(file);
  const layer = {
    options: optionsOf(settings, file.path),
    password: (timeoutMs?: number) => passwordOf(settings, name, file, timeoutMs),
  };
  if (asked !== undefined) {
    return { ...layer, context: chosen, environment: aboutAnyBroker(environment), warnings };
  }
  const urlVariable = variablesOf('url').find((variable) => environment[variable]);
  if (urlVariable !== undefined) {
    // Inside a private broker's shell, the broker is known.
    if (isInPrivateBroker(environment)) return { ...none, warnings };
    warnings.push(`${urlVariable} is set, so context ${name} is not used. Use --context ${name} to use it.`);
    return { ...none, warnings };
  }
  const overriding = SETTING_NAMES.flatMap((setting) => variablesOf(SETTINGS[setting].option)).filter(
    (variable) => environment[variable] && !variablesOf('connectTimeout').includes(variable),
  );
  if (overriding.length > 0) {
    warnings.push(`${overriding.join(', ')} in the environment overrides context ${name}.`);
  }
  return { ...layer, context: chosen, environment, warnings };
}

/** @throws UsageFailure that lists the existing contexts */
export function requireContext(file: ContextFile, name: string, source?: ContextSource): NamedContext {
  const context = file.contexts.get(name);
  if (context !== undefined) return context;
  const names = [...file.contexts.keys()].sort();
  const from = source === 'MCP_TASKQ_CONTEXT' ? ' (MCP_TASKQ_CONTEXT)' : '';
  throw new UsageFailure(
    `Unknown context ${JSON.stringify(name)}${from}`,
    names.length === 0
      ? `Create one: mcp-taskq context set ${name} --url amqps://HOST/VHOST`
      : `Existing contexts: ${names.join(', ')}.`,
  );
}

function optionsOf(context: NamedContext, path: string): Partial<GlobalOptions> {
  const options: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    const { option, kind } = SETTINGS[name];
    const value = context[name];
    if (option === undefined || value === undefined) continue;
    if (kind === 'duration') options[option] = durationOption(String(value));
    else options[option] = kind === 'file' ? resolveFile(String(value), path) : value;
  }
  return options;
}

/** Expands `~/` as a shell would, and resolves relative names from the configuration file's folder. */
function resolveFile(file: string, path: string): string {
  const home = process.env.HOME;
  if (file.startsWith('~/') && home) return resolve(home, file.slice(2));
  return resolve(dirname(path), file);
}

function passwordOf(
  { password, password_command: command }: NamedContext,
  name: string,
  { path, isWritableByOthers }: ContextFile,
  timeoutMs: number | undefined,
): string | undefined {
  if (command === undefined) return password;
  if (!isWritableByOthers) return runPasswordCommand(command, name, timeoutMs);
  throw new UsageFailure(
    `The password command of context ${name} was not run: other users may write to ${path}`,
    `Check the file, then: ${shellWords(['chmod', '600', path])}`,
  );
}

function exposure({ path, isExposed, contexts }: ContextFile): string[] {
  const hasPassword = [...contexts.values()].some(({ password }) => password !== undefined);
  if (!isExposed || !hasPassword) return [];
  return [
    `${path} contains a password and is readable by other users: ${shellWords(['chmod', '600', path])}`,
  ];
}

function aboutAnyBroker(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const dropped = GLOBAL_DECLARATIONS.filter(({ name }) => !ABOUT_ANY_BROKER.includes(name)).flatMap(
    ({ environment: names = [] }) => names,
  );
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !dropped.includes(name)));
}
