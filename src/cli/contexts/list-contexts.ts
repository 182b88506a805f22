import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { note } from '../context.ts';
import { alignColumns } from '../output/facts.ts';
import { standardOutput } from '../output/sinks.ts';
import { terminalWidth } from '../output/tables.ts';
import { outputSettings } from '../settings/settings.ts';
import { colorsFor } from '../terminal/colors.ts';
import { safeLine } from '../terminal/terminal-text.ts';
import { readContextFile, shownPath } from './context-file.ts';
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
        ? `${JSON.stringify(records, null, 2)}\n`
        : records.map((record) => `${JSON.stringify(record)}\n`).join(''),
    );
    return;
  }
  if (names.length === 0) {
    note(`${shownPath(path)} does not contain any contexts.`);
    note('Create one: mcp-taskq context set NAME --url amqps://USER@HOST/VHOST');
    return;
  }
  const colors = colorsFor(process.stdout, { color });
  const rows = all.map(({ name, url, description, protected: isProtected }) => [
    name === current ? colors.green('*') : ' ',
    name === current ? colors.bold(name) : name,
    safeLine(url),
    isProtected ? colors.yellow('protected') : '',
    safeLine(description ?? ''),
  ]);
  const head = [' ', ...['NAME', 'BROKER', '', 'DESCRIPTION'].map((title) => colors.dim(title))];
  await stdout.write(layOut([head, ...rows], terminalWidth()));
  const source = process.env.MCP_TASKQ_CONTEXT;
  if (source && source !== current) note(`MCP_TASKQ_CONTEXT selects ${source}.`);
}

/** Drops the description if it does not fit; the terminal wraps the rest. */
function layOut(rows: string[][], width: number): string {
  const aligns = rows[0]?.map(() => 'left' as const) ?? [];
  const full = alignColumns(rows, aligns);
  const plain = (line: string) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    line.replace(/\u001b\[[0-9;]*m/g, '').length;
  const fits = full.every((line) => plain(line) <= width);
  const lines = fits
    ? full
    : alignColumns(
        rows.map((row) => row.slice(0, -1)),
        aligns.slice(0, -1),
      );
  return lines.map((line) => `${line}\n`).join('');
}
