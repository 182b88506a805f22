import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/command-list.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { GLOBAL_OPTIONS } from '../../src/cli/settings/global-options.ts';
import { commandLinesIn, parseOnly } from '../support/example-lines.ts';

const program = await buildProgram();
const names = COMMANDS.filter(({ isHidden }) => !isHidden).map(({ name }) => name);

/** The help of a command, or of the program, on a screen of 80 columns. */
function helpOf(name?: string, width = 80): string {
  const command = name === undefined ? program : commandOf(name);
  return command.configureOutput({ getOutHelpWidth: () => width }).helpInformation();
}

/** The examples in the help of a command, each on a line: what to paste, and what for. */
function examplesOf(name: string): string[][] {
  const [, examples = ''] = helpOf(name).split('\nExamples:\n');
  const [lines = ''] = examples.split('\n\n');
  return [...lines.matchAll(/^ {2}(mcp-taskq .*?) {2,}(\S.*)$/gm)].map(
    ([, line, purpose]) => [line, purpose] as string[],
  );
}

/** At the end of the help, whole on its line. */
const HELP_COMMAND = 'mcp-taskq help ';

function commandOf(name: string) {
  const command = program.commands.find((each) => each.name() === name);
  if (command === undefined) throw new Error(`There is no command ${name}`);
  return command;
}

function sizeOf(text: string): { lines: number; columns: number } {
  const lines = text.replace(/\n$/, '').split('\n');
  return { lines: lines.length, columns: Math.max(...lines.map(({ length }) => length)) };
}

test('the help of the program fits on a screen of 80 columns and 24 lines, and names every command', () => {
  const help = helpOf();
  const { lines, columns } = sizeOf(help);
  expect(lines, help).toBeLessThanOrEqual(24);
  expect(columns, help).toBeLessThanOrEqual(80);
  for (const name of names) expect(help).toMatch(new RegExp(`(^|\\s)${name}\\s`, 'm'));
});

test.each([40, 50, 60])('the help of the program fits %i columns', (width) => {
  const help = helpOf(undefined, width);
  expect(sizeOf(help).columns, help).toBeLessThanOrEqual(width);
  const words = (text: string) => text.split(/\s+/).toSorted();
  expect(words(help)).toEqual(words(helpOf()));
});

describe.each(names)('the help of %s', (name) => {
  test.each([40, 50, 60])('fits %i columns, except for what is to be pasted', (width) => {
    const toPaste = [...examplesOf(name).map(([line]) => `    ${line}`), HELP_COMMAND];
    const lines = helpOf(name, width).split('\n');
    expect(
      lines.filter((line) => line.length > width && !toPaste.some((each) => line.startsWith(each))),
    ).toEqual([]);
    for (const [line] of examplesOf(name)) expect(lines.join('\n')).toContain(line);
  });

  test('has at most 40 lines of 80 columns', () => {
    const help = helpOf(name);
    const { lines, columns } = sizeOf(help);
    expect(lines, help).toBeLessThanOrEqual(40);
    expect(columns, help).toBeLessThanOrEqual(80);
  });

  test('has two or three examples, each on one line, that can be pasted', async () => {
    const examples = examplesOf(name);
    expect(examples.length).toBeGreaterThanOrEqual(2);
    expect(examples.length).toBeLessThanOrEqual(3);
    for (const [line = ''] of examples) {
      const commands = commandLinesIn(line);
      expect(commands.length, line).toBe(1);
      for (const words of commands) await expect(parseOnly(words), line).resolves.toBe(words[0]);
    }
  });

  test('names every value of an option or argument that has a choice', () => {
    const command = commandOf(name);
    for (const { argChoices = [], description, flags } of command.options)
      for (const choice of argChoices) expect(description, flags).toMatch(new RegExp(`\\b${choice}\\b`));
    for (const { argChoices = [] } of command.registeredArguments)
      for (const choice of argChoices) expect(helpOf(name)).toMatch(new RegExp(`\\b${choice}\\b`));
  });

  test('lists its own options, and leaves those of all commands to a topic', () => {
    const help = helpOf(name);
    const listed = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option);
    const own = commandOf(name).options.map(({ long }) => long as string);
    expect(listed).toEqual(own.filter((option) => !GLOBAL_OPTIONS.has(option)));
    expect(help.includes('mcp-taskq help connection')).toBe(!['broker', 'completion', 'help'].includes(name));
  });
});
