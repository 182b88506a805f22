import type { CommandUnknownOpts, Help } from '@commander-js/extra-typings';
import { COMMAND_GROUPS, COMMANDS } from '../command-list.ts';
import { HELP_TOPICS } from './topic-list.ts';

const USAGE = 'Usage: mcp-taskq <command> [options]\n       mcp-taskq help <command or topic>';

/** For commander: all commands on one screen of 80 columns and 24 lines. */
export function formatProgramHelp(program: CommandUnknownOpts, help: Help): string {
  const shown = COMMANDS.filter(({ group }) => group !== undefined);
  const nameWidth = Math.max(...shown.map(({ name }) => name.length));
  const rows = COMMAND_GROUPS.flatMap((group) =>
    shown
      .filter((entry) => entry.group === group)
      .map(({ name, summary }, index) => {
        const heading = (index === 0 ? group : '').padEnd(GROUP_WIDTH);
        return help.formatItem(`${heading}${name}`, GROUP_WIDTH + nameWidth, summary, help).slice(2);
      }),
  );
  const wrap = (label: string, text: string) => {
    const lines = help.boxWrap(text, (help.helpWidth ?? 80) - LABEL_WIDTH).split('\n');
    return lines.map((line, index) => `${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${line}`);
  };
  return [
    help.boxWrap(program.description(), help.helpWidth ?? 80),
    USAGE,
    '',
    ...rows,
    '',
    ...wrap('Broker', '--url, a context or MCP_TASKQ_URL; else amqp://localhost:5672'),
    ...wrap('Topics', Object.keys(HELP_TOPICS).join(' ')),
    '',
  ].join('\n');
}

const GROUP_WIDTH = 10;
const LABEL_WIDTH = 10;
