import type { CommandUnknownOpts } from '@commander-js/extra-typings';

/** What a shell needs to know of an option. */
export interface OptionWords {
  short: string | undefined;
  long: string;
  description: string;
  /** What comes after it: nothing, one of some words, a file, the name of a context, or anything. */
  value: 'none' | 'file' | 'context' | 'any' | readonly string[];
}

export interface CommandWords {
  name: string;
  description: string;
  options: readonly OptionWords[];
  /** Its arguments are task ids, any of these words, or nothing that can be guessed. */
  argument: 'task' | 'command' | 'none' | readonly string[];
  /** The second argument is the name of a context. */
  hasContextName: boolean;
}

/** What MCP servers queue for a client, requests first. */
const METHODS = [
  'elicitation/create',
  'sampling/createMessage',
  'roots/list',
  'ping',
  'notifications/progress',
  'notifications/message',
  'notifications/cancelled',
  'notifications/tasks/status',
];

/** Names of arguments that are task ids. */
const TASK_ARGUMENTS = ['task_id', 'from', 'to', 'pattern'];

/** The commands as the program declares them; completions have no list of their own. */
export function commandWords(program: CommandUnknownOpts): CommandWords[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((command) => ({
      name: command.name(),
      description: command.summary() || command.description(),
      options: optionWords(command),
      argument: argumentWords(command),
      hasContextName: command.name() === 'context',
    }));
}

export function optionWords(command: CommandUnknownOpts): OptionWords[] {
  const help = command.createHelp();
  return help
    .visibleOptions(command)
    .map(({ short, long = '', description, argChoices, flags, required }) => ({
      short,
      long,
      // The defaults and variables in brackets would make the lines of a menu too long.
      description: description.replace(/(: auto)? \(.*$/s, ''),
      value: argChoices ?? (long === '--method' ? METHODS : valueKind(flags, required)),
    }));
}

function valueKind(flags: string, required: boolean): OptionWords['value'] {
  if (/<(file|dir)>/.test(flags)) return 'file';
  if (flags === '--context <name>') return 'context';
  return required ? 'any' : 'none';
}

function argumentWords(command: CommandUnknownOpts): CommandWords['argument'] {
  const [first] = command.registeredArguments;
  if (!first) return 'none';
  if (first.argChoices) return first.argChoices;
  if (command.name() === 'help') return 'command';
  return TASK_ARGUMENTS.includes(first.name()) ? 'task' : 'none';
}
