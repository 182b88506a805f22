import type { CommandUnknownOpts, Help, Option } from '@commander-js/extra-typings';
import { GLOBAL_OPTIONS } from '../settings/global-options.ts';
import { wrap, wrapSentences } from '../text/wrap.ts';
import { layOutTerms, USUAL_WIDTH } from './terms.ts';

interface HelpList {
  heading: string;
  items: readonly (readonly [term: string, description: string])[];
}

/** What the help of a command says beside its options. */
export interface CommandHelp {
  /** What it does, and when a message is removed. */
  description: string;
  /** Pairs of a command line and what it is good for; both fit one line of 80 columns. */
  examples: readonly (readonly [commandLine: string, purpose: string])[];
  /** Terms and what they stand for, below the examples. */
  list?: HelpList;
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

const ABOUT_SETTINGS = 'Connection and output options: mcp-taskq help connection';

/** For commander: what the command does, how it is used, and its own options; those of all commands are a topic. */
export function formatCommandHelp(command: CommandUnknownOpts, help: Help): string {
  const { examples, list, statuses, instead = ABOUT_SETTINGS } = HELP_OF.get(command) ?? { examples: [] };
  const width = help.helpWidth || USUAL_WIDTH;
  const wrapped = (text: string) => `${wrapSentences(text, width)}\n`;
  const usage = wrap(`Usage: ${help.commandUsage(command)}`, width).join('\n');
  const sections = [`${usage}\n`, wrapped(command.description())];
  if (examples.length > 0) sections.push(`Examples:\n${layOutExamples(examples, width)}`);
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  const own = options.filter(({ long }) => !GLOBAL_OPTIONS.has(long ?? ''));
  const lists = [...(list === undefined ? [] : [list]), ...groupsOf(own)];
  const termWidth = Math.max(0, ...lists.flatMap(({ items }) => items.map(([term]) => term.length)));
  for (const { heading, items } of lists) {
    sections.push(`${heading}\n${layOutTerms(items, width, termWidth)}`);
  }
  const end = [statuses && `Exit status: ${statuses}`, instead].filter((line): line is string =>
    Boolean(line),
  );
  sections.push(end.map(wrapped).join(''));
  return sections.filter((section) => section !== '').join('\n');
}

function groupsOf(options: readonly Option[]): HelpList[] {
  const headings = new Set(options.map(headingOf));
  return [...headings].map((heading) => {
    const group = options.filter((option) => headingOf(option) === heading);
    return { heading, items: group.map(({ flags, description }) => [flags, description] as const) };
  });
}

function headingOf({ helpGroupHeading = 'Options:' }: Option): string {
  return helpGroupHeading;
}

/** Each on one line where all fit, as a command that is broken in two cannot be pasted. */
function layOutExamples(examples: CommandHelp['examples'], width: number): string {
  const commandWidth = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, purpose]) => `  ${line.padEnd(commandWidth)}  ${purpose}\n`);
  if (lines.every((line) => line.length <= width + 1)) return lines.join('');
  return examples.map(([line, purpose]) => `  ${purpose}:\n    ${line}\n`).join('');
}
