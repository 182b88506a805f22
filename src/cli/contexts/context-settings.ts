import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';

/** What `context set` takes beside the connection options of every command. */
export interface ContextSettingOptions {
  passwordCommand?: string;
  storePassword?: true;
  protected?: true;
  unprotected?: true;
  description?: string;
  unset?: string[];
  /** Of `context use`. */
  none?: true;
}

export function settingOptions(command: CommandUnknownOpts): void {
  const group = (option: Option) => command.addOption(option.helpGroup('For "context set":'));
  command.option('--none', 'for "context use": select none');
  group(new Option('--password-command <command>', 'a shell command that prints the password'));
  group(
    new Option('--store-password', 'keep the password in the file, in clear text; asks for it').conflicts(
      'passwordCommand',
    ),
  );
  group(new Option('--protected', 'removing messages there has to be confirmed').conflicts('unprotected'));
  group(new Option('--unprotected', 'it need not'));
  group(new Option('--description <text>', 'shown in the list'));
  group(new Option('--unset <setting...>', 'remove settings, such as api-url'));
}
