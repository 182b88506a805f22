import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandFailure } from '../command-failure.ts';
import { thisCommand } from '../output/this-command.ts';
import { readUrlFiles, splitUrls, toUrl } from '../settings/broker-urls.ts';
import { changeContextFile, readContextFile, shownPath } from '../settings/context-file.ts';
import { flagOf } from '../settings/global-options.ts';
import {
  findFault,
  isContextName,
  type NamedContext,
  SETTING_NAMES,
  SETTINGS,
} from '../settings/named-context.ts';
import { givenSettings } from '../settings/settings.ts';
import { ask, hasTerminal } from '../terminal/prompts.ts';
import { note } from '../terminal/standard-error.ts';
import { exactDuration } from '../text/durations.ts';
import { shellWords } from '../text/shell-words.ts';
import { UsageFailure } from '../usage-failure.ts';

/** Options of `context set`, in addition to the connection options of every command. */
export interface ContextSettingOptions {
  passwordCommand?: string;
  storePassword?: true;
  protected?: true;
  unprotected?: true;
  description?: string;
  unset?: string[];
}

/** `context set`: creates a context, or changes the given settings of an existing one. */
export async function setContext(
  name: string,
  options: ContextSettingOptions,
  command: CommandUnknownOpts,
): Promise<void> {
  if (!isContextName(name)) {
    throw new UsageFailure(
      `${JSON.stringify(name)} is not a valid context name`,
      'A name is 1 to 32 letters, digits, dots, dashes and underscores.',
    );
  }
  refuseForeignOptions(command);
  const file = readContextFile();
  const before = file.contexts.get(name);
  // Refused before anything is asked or written.
  const tried = changed(name, before, options, command);
  await requireUsable(tried);
  const password = tried.password === TO_BE_ASKED ? await askForPassword(name) : undefined;
  await changeContextFile(({ current, contexts }) => {
    // Another process may have changed the same context meanwhile.
    const context = changed(name, contexts.get(name), options, command);
    if (password !== undefined) context.password = password;
    const ordered = SETTING_NAMES.flatMap((setting) =>
      context[setting] === undefined ? [] : [[setting, context[setting]] as const],
    );
    const stored = Object.fromEntries(ordered) as unknown as NamedContext;
    return { current, contexts: new Map(contexts).set(name, stored) };
  });
  if (options.storePassword) {
    note(`warning: The password is in ${shownPath(file.path)}, in clear text; --password-command is safer.`);
  }
  note(`${before === undefined ? 'Stored' : 'Changed'} context ${name} in ${shownPath(file.path)}.`);
  if (file.current !== name && before === undefined) {
    note(`Use it with --context ${name}, or for all commands: mcp-taskq context use ${name}`);
  }
}

/** Before the name of the command they may come from an alias, and mean this command. */
function refuseForeignOptions(command: CommandUnknownOpts): void {
  const given = command.opts();
  for (const [name, hint] of [
    ['timeout', 'Set MCP_TASKQ_TIMEOUT in the environment instead.'],
    ['context', 'Name the context to store after "set".'],
  ] as const) {
    if (given[name] === undefined) continue;
    throw new UsageFailure(`A context does not store ${flagOf(name)}`, hint);
  }
}

/** Not a password, as passwords are one line. */
const TO_BE_ASKED = '\n';

/**
 * A context with the given settings, and the others as before.
 * @throws UsageFailure if it is not usable
 */
function changed(
  name: string,
  before: NamedContext | undefined,
  options: ContextSettingOptions,
  command: CommandUnknownOpts,
): Record<string, unknown> {
  const context: Record<string, unknown> = { ...before, ...connectionSettings(command) };
  if (options.description !== undefined) context.description = options.description;
  if (options.protected) context.protected = true;
  if (options.unprotected) delete context.protected;
  const password = takePassword(context);
  applyPasswordSource(context, options, command);
  for (const setting of options.unset ?? []) delete context[settingNamed(setting)];
  if (options.storePassword) context.password = password ?? TO_BE_ASKED;
  else if (password !== undefined) throw passwordInUrl();
  const fault = findFault(context);
  if (fault === undefined) return context;
  throw new UsageFailure(
    `Context ${name} was not stored: ${fault}`,
    context.url === undefined
      ? `mcp-taskq context set ${name} --url amqps://HOST/VHOST`
      : 'mcp-taskq context --help',
  );
}

/**
 * Refuses URLs that no command could use: the mistake is noticed here, not in the next incident.
 * @throws TaskQueueError `INVALID_ARGUMENT`
 */
async function requireUsable({ url = '', api_url: apiUrl }: Partial<NamedContext>): Promise<void> {
  const { withManagementApi } = await import('../../cli-support.ts');
  const { urls } = readUrlFiles(splitUrls(url));
  // Does not connect.
  await withManagementApi({ url: urls, apiUrl }, async () => {});
}

/** The settings from the command line, without those from the environment. */
function connectionSettings(command: CommandUnknownOpts): Record<string, unknown> {
  const given = givenSettings(command);
  const settings: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    const { option, kind } = SETTINGS[name];
    const value = option === undefined ? undefined : given[option];
    if (value === undefined) continue;
    if (kind === 'file') settings[name] = resolve(String(value));
    else settings[name] = kind === 'duration' ? exactDuration(Number(value)) : value;
  }
  return settings;
}

/** A new password source replaces the previous one. */
function applyPasswordSource(
  context: Record<string, unknown>,
  { passwordCommand, storePassword }: ContextSettingOptions,
  command: CommandUnknownOpts,
): void {
  const { passwordFile } = givenSettings(command);
  const sources = [passwordFile, passwordCommand, storePassword].filter((source) => source !== undefined);
  if (sources.length > 1) {
    throw new UsageFailure('Use one of --password-file, --password-command and --store-password');
  }
  if (sources.length === 0) return;
  if (passwordFile === undefined) delete context.password_file;
  delete context.password_command;
  delete context.password;
  if (passwordCommand !== undefined) context.password_command = passwordCommand;
}

/** Removes the password from the URLs, except that of guest, which is not a secret. */
function takePassword(context: Record<string, unknown>): string | undefined {
  let password: string | undefined;
  for (const setting of ['url', 'api_url']) {
    const text = context[setting];
    if (typeof text !== 'string') continue;
    context[setting] = splitUrls(text)
      .map((part) => {
        const url = toUrl(part);
        if (url === undefined) {
          if (!part.includes('@')) return part;
          throw new UsageFailure(
            `The ${setting.replace('_', '-')} is not a URL`,
            'Percent-encode special characters in the user name; leave the password out.',
          );
        }
        if (url.password === '' || url.password === 'guest') return part;
        password ??= decodePassword(url.password);
        url.password = '';
        return url.href;
      })
      .join(',');
  }
  return password;
}

function decodePassword(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageFailure(
      'The password in the URL has an invalid percent-encoding',
      'Write a % as %25; or leave the password out.',
    );
  }
}

function passwordInUrl(): CommandFailure {
  const without = thisCommand({ '--password-command': 'pass show mq' }).replaceAll(':***@', '@');
  return new UsageFailure(
    'The URL contains a password, which is not stored',
    `Leave it out, and say where it is (--password-file FILE works too; --store-password puts it into the file): ${without}`,
  );
}

function settingNamed(text: string): keyof NamedContext {
  const name = text.replace(/^--/, '').replaceAll('-', '_');
  if (Object.hasOwn(SETTINGS, name)) return name as keyof NamedContext;
  throw new UsageFailure(
    `Unknown setting ${JSON.stringify(text)}`,
    `Settings are ${SETTING_NAMES.map((each) => each.replaceAll('_', '-')).join(', ')}.`,
  );
}

/** Prompts on a terminal without echo; otherwise reads the first line of stdin. */
async function askForPassword(name: string): Promise<string> {
  let answer: string;
  if (hasTerminal()) {
    const message = `Password for context ${name}:`;
    answer = await ask({}, message, ({ password }, where) => password({ message }, where));
  } else {
    [answer = ''] = (await text(process.stdin)).split(/\r?\n/, 1);
  }
  if (answer !== '') return answer;
  throw new UsageFailure(
    'No password was given',
    `${shellWords(['printf', '%s', 'PASSWORD'])} | ${thisCommand({})}`,
  );
}
