import type { CommandUnknownOpts, Help } from '@commander-js/extra-typings';
import { COMMAND_GROUPS, COMMANDS } from './command-list.ts';
import { fitsBeside, layOutTerms, USUAL_WIDTH } from './help/terms.ts';
import { HELP_TOPICS } from './help/topic-list.ts';
import { wrap, wrapSentences } from './text/wrap.ts';

const USAGE = 'Usage: mcp-taskq <command> [options]\n       mcp-taskq help <command or topic>';

/** For commander: all commands on one screen of 80 columns and 24 lines. */
export function formatProgramHelp(program: CommandUnknownOpts, help: Help): string {
  const width = help.helpWidth || USUAL_WIDTH;
  const labelled = (label: string, text: string) =>
    wrap(text, width - LABEL_WIDTH)
      .map((line, index) => `${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${line}\n`)
      .join('');
  return [
    `${wrapSentences(program.description(), width)}\n${USAGE}\n`,
    listCommands(width),
    labelled('Broker', '--url, a context or MCP_TASKQ_URL; else amqp://localhost:5672') +
      labelled('Topics', Object.keys(HELP_TOPICS).join(' ')),
  ].join('\n');
}

/** The groups stand before their commands or, on a narrow terminal, above them. */
function listCommands(width: number): string {
  const shown = COMMANDS.filter(({ group }) => group !== undefined);
  const nameWidth = Math.max(...shown.map(({ name }) => name.length));
  const hasRoom = fitsBeside(LABEL_WIDTH + nameWidth, width);
  return COMMAND_GROUPS.map((group) => {
    const items = shown
      .filter((entry) => entry.group === group)
      .map(({ name, summary }) => [name, summary] as const);
    if (!hasRoom) return `${group}\n${layOutTerms(items, width, nameWidth)}`;
    return layOutTerms(items, width - LABEL_WIDTH + INDENT, nameWidth)
      .trimEnd()
      .split('\n')
      .map((line, index) => `${(index === 0 ? group : '').padEnd(LABEL_WIDTH)}${line.slice(INDENT)}\n`)
      .join('');
  }).join('');
}

const LABEL_WIDTH = 10;

/** The indentation of a list, which the groups replace. */
const INDENT = 2;
