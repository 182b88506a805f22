import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { COMMANDS, type CommandEntry } from './command-list.ts';
import { formatCommandHelp } from './help/command-help.ts';
import { commandLineError } from './help/command-line-error.ts';
import { OTHER_NAMES } from './help/other-names.ts';
import { requireUtf8Arguments } from './input/utf8-text.ts';
import { packageVersion } from './package-version.ts';
import { formatProgramHelp } from './program-help.ts';
import { refuseUrlArguments } from './settings/broker-urls.ts';
import { addGlobalOptions } from './settings/global-options.ts';
import { UsageFailure } from './usage-failure.ts';

/** Commands about the others. */
const ABOUT_ALL = ['help', 'completion'];

/**
 * Builds the command tree. Contains only declarations: an action loads what it needs when it runs.
 * @param argv only the commands named here are loaded; the others can merely be listed. Reading files takes half the
 * time of a `--help`. If it begins with a command, only that one is declared, as the others and the options before a
 * command cannot occur. Default: loads all commands.
 */
export async function buildProgram(argv?: readonly string[]): Promise<CommandUnknownOpts> {
  const program = new Command('mcp-taskq')
    .description('Inspect, drain and replay the message queues of MCP tasks on RabbitMQ.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .usage('<command> [options]')
    // Options after a command belong to it, so "broker -- program --url x" works.
    .enablePositionalOptions()
    .configureHelp({
      optionDescription: (option) => option.description,
      formatHelp: (command, help) =>
        command.parent === null ? formatProgramHelp(command, help) : formatCommandHelp(command, help),
    })
    .exitOverride((error) => {
      throw commandLineError(error, program);
    })
    .helpCommand(false)
    .showSuggestionAfterError(false)
    // main() prints the error, with passwords from a mistyped command line removed.
    .configureOutput({ outputError: () => {} });
  const first = COMMANDS.find((entry) => argv?.[2] !== undefined && namesOf(entry).includes(argv[2]));
  const isAlone = first !== undefined && !ABOUT_ALL.includes(first.name);
  if (!isAlone) addGlobalOptions(program);
  // The completion script needs all declarations.
  const isWanted = (entry: CommandEntry) =>
    argv === undefined || [...namesOf(entry), 'completion'].some((word) => argv.includes(word));
  for (const entry of isAlone ? [first] : COMMANDS) {
    const { name, aliases = [], summary, isHidden = false, declare } = entry;
    const command = isWanted(entry) ? await declare() : new Command(name);
    command
      .summary(summary)
      .aliases(aliases)
      .copyInheritedSettings(program)
      .exitOverride((error) => {
        throw commandLineError(error, command);
      });
    if (isWanted(entry)) {
      addGlobalOptions(command);
      command.hook('preAction', () => {
        requireUtf8Arguments();
        if (name !== 'broker') refuseUrlArguments(command.args);
      });
    }
    program.addCommand(command, { hidden: isHidden });
  }
  for (const name of isAlone ? [] : new Set(argv)) {
    const meant = Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined;
    if (meant !== undefined) program.addCommand(otherName(name, meant), { hidden: true });
  }
  return program;
}

function namesOf({ name, aliases = [] }: CommandEntry): readonly string[] {
  return [name, ...aliases];
}

/** The error that ended the program, as its command reports it. */
export async function reported(error: unknown, argv: readonly string[]): Promise<unknown> {
  if (!(error instanceof UsageFailure)) return error;
  const isName = (word: string) =>
    COMMANDS.some(({ name }) => name === word) || Object.hasOwn(OTHER_NAMES, word);
  // Options before it may be what is wrong.
  const command = argv.slice(2).find(isName);
  const entry = COMMANDS.find(({ name }) => name === command);
  return entry?.usageFailure?.(error) ?? error;
}

/** Only names the right command and does nothing, as "get" does not mean the same in every tool. */
function otherName(name: string, meant: string): CommandUnknownOpts {
  const fail = () => {
    throw new UsageFailure(
      `Unknown command ${JSON.stringify(name)}; mcp-taskq calls it ${meant}`,
      `"mcp-taskq help ${meant}" explains it.`,
    );
  };
  return new Command(name).helpOption(false).allowUnknownOption().allowExcessArguments().action(fail);
}
