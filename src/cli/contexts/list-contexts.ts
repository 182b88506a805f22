import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { ChalkInstance } from 'chalk';
import { type Column, planColumns, tableLines } from '../output/columns.ts';
import { standardOutput } from '../output/standard-output.ts';
import { readContextFile, shownPath } from '../settings/context-file.ts';
import { outputSettings } from '../settings/settings.ts';
import { colorsFor } from '../terminal/colors.ts';
import { note } from '../terminal/standard-error.ts';
import { terminalWidth } from '../terminal/terminal-width.ts';
import { jsonLine, safeLine, safeText } from '../text/terminal-text.ts';
import { cutEnd, cutMiddle } from '../text/text-width.ts';
import { redactContext } from './redact-context.ts';

/** `context ls`. */
export async function listContexts(command: CommandUnknownOpts): Promise<void> {
  const { format, color } = outputSettings(command);
  const { contexts, current, path } = readContextFile();
  const stdout = standardOutput();
  const names = [...contexts.keys()].sort();
  const all = names.map((name) => ({ name, ...redactContext(contexts.get(name)) }));
  if (format !== 'table') {
    const records = all.map(({ name, ...context }) => ({ name, current: name === current, ...context }));
    await stdout.write(
      format === 'json'
        ? safeText(`${JSON.stringify(records, null, 2)}\n`)
        : records.map((record) => `${jsonLine(record)}\n`).join(''),
    );
    return;
  }
  if (names.length === 0) {
    note(`${shownPath(path)} does not contain any contexts.`);
    note('Create one: mcp-taskq context set NAME --url amqps://USER@HOST/VHOST');
    return;
  }
  const colors = colorsFor(process.stdout, { color });
  const rows = all.map((context) => ({ ...context, isCurrent: context.name === current }));
  const hasDescription = rows.some(({ description }) => description);
  const layout = planColumns(columnsOf(colors), rows, { width: terminalWidth(), leastRest: 0 });
  const lines = tableLines(
    layout,
    rows.map((row) => ({ row, rest: shortened(row.description, layout.rest) })),
    { restTitle: hasDescription ? shortened('DESCRIPTION', layout.rest) : '', paint: colors.dim },
  );
  await stdout.write(lines.map((line) => `${line}\n`).join(''));
  const source = process.env.MCP_TASKQ_CONTEXT;
  if (source && source !== current) note(`MCP_TASKQ_CONTEXT selects ${source}.`);
}

interface Row {
  name: string;
  url: string;
  protected?: boolean;
  isCurrent: boolean;
}

function columnsOf(colors: ChalkInstance): Column<Row>[] {
  return [
    {
      title: ' ',
      text: ({ isCurrent }) => (isCurrent ? '*' : ''),
      paint: (text) => colors.green(text),
    },
    {
      title: 'NAME',
      text: ({ name }) => name,
      cut: cutMiddle,
      least: 12,
      shrinks: 2,
      paint: (text, { isCurrent }) => (isCurrent ? colors.bold(text) : text),
    },
    // Its end names the vhost.
    {
      title: 'BROKER',
      text: ({ url }) => safeLine(url),
      cut: cutMiddle,
      least: 20,
      shrinks: 1,
    },
    {
      title: '',
      text: (row) => (row.protected ? 'protected' : ''),
      paint: (text) => colors.yellow(text),
      isOptional: true,
      // A command asks anyway before it changes something there.
      givesWay: 3,
    },
  ];
}

/** Too little of a description says nothing. */
const LEAST_DESCRIPTION = 'DESCRIPTION'.length;

function shortened(description = '', room: number): string {
  return room < LEAST_DESCRIPTION ? '' : cutEnd(safeLine(description), room);
}
