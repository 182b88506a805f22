import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';

/** Options of `context set`, in addition to the connection options of every command. */
export interface ContextSettingOptions {
  passwordCommand?: string;
  storePassword?: true;
  protected?: true;
  unprotected?: true;
  description?: string;
  unset?: string[];
  /** An option of `context use`. */
  none?: true;
}

export function settingOptions(command: CommandUnknownOpts): void {
  const group = (option: Option) => command.addOption(option.helpGroup('With "set":'));
  command.option('--none', 'with "use": select no context');
  group(new Option('--password-command <command>', 'shell command that prints the password'));
  group(
    new Option('--store-password', 'store the password as clear text; prompts for it').conflicts(
      'passwordCommand',
    ),
  );
  group(new Option('--protected', 'require its name before messages are removed').conflicts('unprotected'));
  group(new Option('--unprotected', 'undo --protected'));
  group(new Option('--description <text>', 'shown in the list'));
  group(new Option('--unset <setting...>', 'remove settings, such as api-url'));
}
