import type { CommandUnknownOpts, Help, Option } from '@commander-js/extra-typings';
import { GLOBAL_OPTIONS } from '../settings/global-options.ts';

/** What the help of a command says beside its options. */
export interface CommandHelp {
  /** What it does, and when a message is removed. */
  description: string;
  /** Pairs of a command line and what it is good for; both fit one line of 80 columns. */
  examples: readonly (readonly [commandLine: string, purpose: string])[];
  /** The exit statuses that are particular to it. */
  statuses?: string;
  /** Instead of the line about the connection and output options, which the command does not need. */
  instead?: string;
}

const HELP_OF = new WeakMap<CommandUnknownOpts, CommandHelp>();

/** Gives a command its description, and its help the rest. */
export function explain<T extends CommandUnknownOpts>(command: T, help: CommandHelp): T {
  HELP_OF.set(command, help);
  // The lines of the source are joined: the help breaks them at the width of the terminal.
  command.description(help.description.replace(/\s*\n\s*/g, ' '));
  return command;
}

/** The examples of a command. */
export function examplesOf(command: CommandUnknownOpts): CommandHelp['examples'] {
  return HELP_OF.get(command)?.examples ?? [];
}

const ABOUT_SETTINGS = 'Connection and output options: mcp-taskq help connection';

/** For commander: what the command does, how it is used, and its own options; those of all commands are a topic. */
export function formatCommandHelp(command: CommandUnknownOpts, help: Help): string {
  const { examples, statuses, instead = ABOUT_SETTINGS } = HELP_OF.get(command) ?? { examples: [] };
  const width = help.helpWidth ?? 80;
  const wrap = (text: string) => `${help.boxWrap(text, width)}\n`;
  const sections = [`Usage: ${help.commandUsage(command)}\n`, wrap(command.description())];
  if (examples.length > 0) sections.push(`Examples:\n${layOutExamples(examples, width)}`);
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  const own = options.filter(({ long }) => !GLOBAL_OPTIONS.has(long ?? ''));
  const termWidth = Math.max(0, ...own.map(({ flags }) => flags.length));
  for (const [heading, group] of groupsOf(own)) {
    const lines = group.map(({ flags, description }) => help.formatItem(flags, termWidth, description, help));
    sections.push(`${heading}\n${lines.join('\n')}\n`);
  }
  const end = [statuses && `Exit status: ${statuses}`, instead].filter((line): line is string =>
    Boolean(line),
  );
  sections.push(end.map(wrap).join(''));
  return sections.filter((section) => section !== '').join('\n');
}

function groupsOf(options: readonly Option[]): Map<string, Option[]> {
  const groups = new Map<string, Option[]>();
  for (const option of options) {
    const heading = option.helpGroupHeading ?? 'Options:';
    groups.set(heading, [...(groups.get(heading) ?? []), option]);
  }
  return groups;
}

/** Each on one line where all fit, as a command that is broken in two cannot be pasted. */
function layOutExamples(examples: CommandHelp['examples'], width: number): string {
  const commandWidth = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, purpose]) => `  ${line.padEnd(commandWidth)}  ${purpose}\n`);
  if (lines.every((line) => line.length <= width + 1)) return lines.join('');
  return examples.map(([line, purpose]) => `  ${purpose}:\n    ${line}\n`).join('');
}
