import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { CommandFailure } from '../command-failure.ts';
import { type ContextSettingOptions, settingOptions } from '../contexts/context-settings.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeWithExamples } from '../help/help-text.ts';

const ACTIONS = ['ls', 'show', 'use', 'set', 'rm'] as const;

const DESCRIPTION = describeWithExamples(
  `Give brokers names. "set" stores the connection options that are given with it under a name; --context NAME or
  MCP_TASKQ_CONTEXT uses them, and "use" selects one for all commands. A setting is looked for on the command line, in
  the environment, in the context, in this order. "ls" lists the contexts, "show" prints one, or the one in effect, and
  "rm" deletes one. They are kept in a file that only you can read, without passwords.`,
  [
    ['mcp-taskq context set prod -u amqps://ops@mq/prod --protected', 'removing there is confirmed'],
    ["mcp-taskq context set prod --password-command 'pass show mq'", 'one more setting of it'],
    ['mcp-taskq ls --context prod', 'use it once'],
    ['mcp-taskq context use prod', 'use it until "context use --none"'],
  ],
);

export function contextCommand() {
  const command = new Command('context')
    .description(DESCRIPTION)
    .addArgument(new Argument('[action]', '(default: ls)').choices(ACTIONS))
    .argument('[name]');
  settingOptions(command);
  return command.action((action = 'ls', name, options, self) =>
    run(action, name, options as ContextSettingOptions, self as CommandUnknownOpts),
  );
}

async function run(
  action: (typeof ACTIONS)[number],
  name: string | undefined,
  options: ContextSettingOptions,
  command: CommandUnknownOpts,
): Promise<void> {
  if (action === 'set') {
    const { setContext } = await import('../contexts/set-context.ts');
    return setContext(required(action, name), options, command);
  }
  const misplaced = Object.keys(options).find((option) => OF_SET.includes(option));
  if (misplaced !== undefined) {
    throw new CommandFailure(
      ExitCode.usage,
      `"context ${action}" takes none of the settings of "context set"`,
    );
  }
  const { listContexts } = await import('../contexts/list-contexts.ts');
  const { showContext } = await import('../contexts/show-context.ts');
  const { selectContext, deleteContext } = await import('../contexts/select-context.ts');
  switch (action) {
    case 'ls':
      if (name !== undefined) {
        throw new CommandFailure(ExitCode.usage, '"context ls" takes no name', {
          hint: `Print one with: mcp-taskq context show ${name}`,
        });
      }
      return listContexts(command);
    case 'show':
      return showContext(name, command);
    case 'use':
      if (options.none !== undefined && name !== undefined) {
        throw new CommandFailure(ExitCode.usage, '"context use" takes a name or --none, not both');
      }
      return selectContext(options.none ? undefined : required(action, name));
    case 'rm':
      return deleteContext(required(action, name));
  }
}

/** Options of `set` alone. */
const OF_SET: readonly string[] = [
  'passwordCommand',
  'storePassword',
  'protected',
  'unprotected',
  'description',
  'unset',
];

function required(action: string, name: string | undefined): string {
  if (name !== undefined) return name;
  throw new CommandFailure(ExitCode.usage, `"context ${action}" needs the name of a context`, {
    hint: 'Names: mcp-taskq context ls',
  });
}
