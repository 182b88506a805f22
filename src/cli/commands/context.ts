import { Argument, Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { type CommandHelp, explain } from '../help/command-help.ts';
import type { OptionsOf } from '../input/option-values.ts';
import { UsageFailure } from '../usage-failure.ts';

const ACTIONS = ['ls', 'show', 'use', 'set', 'rm'] as const;

const HELP: CommandHelp = {
  description: `Name brokers and select one. "set" stores connection options under a name, "use" selects a context for all
    commands, --context NAME uses one once, "ls" and "show" print them, "rm" deletes one. The file is readable only by you
    and holds no password unless you use --store-password.`,
  examples: [
    ['mcp-taskq context set prod -u amqps://ops@mq/prod --protected', 'add'],
    ['mcp-taskq ls --context prod', 'use once'],
    ['mcp-taskq context use prod', 'select'],
  ],
  instead: 'Options to store: mcp-taskq help connection. More: mcp-taskq help contexts',
};

/** The group of the options that only `set` takes. */
const OF_SET = 'With "set":';

function declare() {
  const storePassword = new Option('--store-password', 'store the password as clear text; prompts for it');
  const isProtected = new Option('--protected', 'require its name before messages are removed');
  return explain(new Command('context'), HELP)
    .addArgument(new Argument('[action]').choices(ACTIONS))
    .argument('[name]')
    .option('--none', 'with "use": select no context')
    .optionsGroup(OF_SET)
    .option('--password-command <command>', 'shell command that prints the password')
    .addOption(storePassword.conflicts('passwordCommand'))
    .addOption(isProtected.conflicts('unprotected'))
    .option('--unprotected', 'undo --protected')
    .option('--description <text>', 'shown in the list')
    .option('--unset <setting...>', 'remove settings, such as api-url');
}

export function contextCommand() {
  return declare().action((action = 'ls', name, options, self) => run(action, name, options, self));
}

async function run(
  action: (typeof ACTIONS)[number],
  name: string | undefined,
  options: OptionsOf<typeof declare>,
  command: CommandUnknownOpts,
): Promise<void> {
  if (action === 'set') {
    const { setContext } = await import('../contexts/set-context.ts');
    return setContext(required(action, name), options, command);
  }
  const isMisplaced = command.options.some(
    (each) => each.helpGroupHeading === OF_SET && command.getOptionValue(each.attributeName()) !== undefined,
  );
  if (isMisplaced) {
    throw new UsageFailure(`"context ${action}" takes none of the settings of "context set"`);
  }
  if (options.none !== undefined && action !== 'use') {
    throw new UsageFailure(
      `"context ${action}" does not take --none`,
      'To select no context: mcp-taskq context use --none',
    );
  }
  const { listContexts } = await import('../contexts/list-contexts.ts');
  const { showContext } = await import('../contexts/show-context.ts');
  const { selectContext, deleteContext } = await import('../contexts/select-context.ts');
  switch (action) {
    case 'ls':
      if (name !== undefined) {
        throw new UsageFailure(
          '"context ls" takes no name',
          `Print one with: mcp-taskq context show ${name}`,
        );
      }
      return listContexts(command);
    case 'show':
      return showContext(name, command);
    case 'use':
      if (options.none !== undefined && name !== undefined) {
        throw new UsageFailure('"context use" takes a name or --none, not both');
      }
      return selectContext(options.none ? undefined : required(action, name));
    case 'rm':
      return deleteContext(required(action, name));
  }
}

function required(action: string, name: string | undefined): string {
  if (name !== undefined) return name;
  throw new UsageFailure(`"context ${action}" needs the name of a context`, 'Names: mcp-taskq context ls');
}
