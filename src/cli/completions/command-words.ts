import type { CommandUnknownOpts } from '@commander-js/extra-typings';

/** What a shell needs to know about an option. */
export interface OptionWords {
  short: string | undefined;
  long: string;
  description: string;
  /** Its value: none, one of several words, a file, a context name, or anything. */
  value: 'none' | 'file' | 'context' | 'any' | readonly string[];
}

export interface CommandWords {
  name: string;
  description: string;
  options: readonly OptionWords[];
  /** Its arguments: task ids, commands, one of these words, or nothing that can be completed. */
  argument: 'task' | 'command' | 'none' | readonly string[];
  /** Whether the second argument is a context name. */
  hasContextName: boolean;
}

/** The methods of messages that MCP servers queue for a client, requests first. */
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

/** Names of arguments that take task ids. */
const TASK_ARGUMENTS = ['task_id', 'from', 'to', 'pattern'];

/** The commands as the program declares them, so that completions need no list of their own. */
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
      // Defaults and variables in parentheses would make menu lines too long.
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
