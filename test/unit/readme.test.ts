import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ExitCode } from '../../src/cli/exit-codes.ts';
import { buildProgram } from '../../src/cli/program.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const examples = new URL('../examples/', import.meta.url);

/** The files of a folder. */
function codeIn(folder: URL): string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  return files.map((name) => readFileSync(new URL(name, folder), 'utf8')).toSorted();
}

/** The rows of the table under this heading, without its head. */
function tableUnder(heading: string): string[][] {
  const [, section = ''] = readme.split(`\n${heading}\n`);
  const rows = section.split(/\n#/)[0]?.match(/^\|.*\|$/gm) ?? [];
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

test('the code in the README is that of test/examples, which is compiled and tested', () => {
  const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  expect(blocks.toSorted()).toEqual(codeIn(examples));
});

test('the code in the page about replicas is that of test/examples/replicas, which is compiled and run', () => {
  const page = readFileSync(new URL('../../src/cli/help/topics/replicas.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  expect(blocks.toSorted()).toEqual(codeIn(new URL('replicas/', examples)));
});

test('the README names every command, and none that is not there', async () => {
  const program = await buildProgram();
  // Without the hidden ones, which are for the completion scripts.
  const commands = program.createHelp().visibleCommands(program);
  const inReadme = tableUnder('## On the command line').map(([cell]) => cell?.replaceAll('`', ''));
  const declared = commands.map((command) => {
    const usage = command.usage().replace('[options] ', '').replace('[options]', '');
    return `mcp-taskq ${command.name()} ${usage}`.trim();
  });
  expect(inReadme.toSorted()).toEqual(declared.toSorted());
});

test('the commands whose output the README shows are there', async () => {
  const shown = [...readme.matchAll(/^\$ mcp-taskq (\S+)/gm)].map(([, name]) => name);
  const declared = (await buildProgram()).commands.map((command) => command.name());
  expect(shown.length).toBeGreaterThan(5);
  expect(shown.filter((name) => !declared.includes(name as string))).toEqual([]);
});

test('the README has every exit status', () => {
  const inReadme = tableUnder('### Exit status').flatMap(([cell = '']) => cell.split(', ').map(Number));
  expect(inReadme).toEqual(Object.values(ExitCode).toSorted((a, b) => a - b));
});
