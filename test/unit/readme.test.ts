import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { HELP_TOPICS } from '../../src/cli/help/topic-list.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { commandLinesIn, parseOnly } from '../support/example-lines.ts';

const root = new URL('../../', import.meta.url);
const TOPICS = 'src/cli/help/topics/';
const topics = Object.keys(HELP_TOPICS).map((topic) => `${TOPICS}${topic}.md`);
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'test/bench/README.md',
  'test/faults/README.md',
  ...topics,
];

function text(file: string): string {
  return readFileSync(new URL(file, root), 'utf8');
}

/** The rows of the table under this heading, without its head. */
function tableUnder(heading: string): string[][] {
  const [, section = ''] = text('README.md').split(`\n${heading}\n`);
  const rows = section.split(/\n#/)[0]?.match(/^\|.*\|$/gm) ?? [];
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

test('the README has at most 200 lines, and the CHANGELOG at most 60', () => {
  expect(text('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(200);
  expect(text('CHANGELOG.md').trimEnd().split('\n').length).toBeLessThanOrEqual(60);
});

test.each([
  ['README.md', ['embedding.ts']],
  [`${TOPICS}embedding.md`, ['low-level.ts']],
  [`${TOPICS}replicas.md`, ['replicas/server.ts', 'replicas/sqlite-task-store.ts']],
])(
  'the code in %s is that of test/examples, which is compiled and run (vitest --update)',
  async (page, files) => {
    const examples = files.map((file) => text(`test/examples/${file}`));
    const withExamples = text(page).replace(/(^```ts\n)[\s\S]*?(^```$)/gm, (_, begin, end) => {
      return `${begin}${examples.shift()}${end}`;
    });
    expect(examples).toEqual([]);
    await expect(withExamples).toMatchFileSnapshot(fileURLToPath(new URL(page, root)));
  },
);

test('the README lists every command as it is declared, and says the same of it', async () => {
  const program = await buildProgram();
  // Without the hidden ones, which are for the completion scripts.
  const declared = program
    .createHelp()
    .visibleCommands(program)
    .map((command) => {
      const usage = command.usage().replace(/\[options\] ?/, '');
      return [`\`${`mcp-taskq ${command.name()} ${usage}`.trim()}\``, command.summary()];
    });
  expect(tableUnder('## Commands').toSorted()).toEqual(declared.toSorted());
});

test('the README lists every topic', () => {
  const listed = Object.entries(HELP_TOPICS).map(([topic, summary]) => [
    `[${topic}](${TOPICS}${topic}.md)`,
    summary,
  ]);
  expect(tableUnder('## Topics')).toEqual(listed);
});

test.each(pages)('the command lines in %s can be typed', async (page) => {
  const blocks = [...text(page).matchAll(/^```(?:sh|console)\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const lines = blocks.join('').replaceAll('\\\n', '').split('\n');
  const commands = lines.flatMap(commandLinesIn);
  if (page === 'README.md') expect(commands.length).toBeGreaterThan(10);
  for (const words of commands) await expect(parseOnly(words), words.join(' ')).resolves.toBe(words[0]);
});

test.each(pages)('the links of %s lead somewhere', (page) => {
  const links = [...text(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, href = '']) => href);
  const files = links.filter((href) => !/^(https?:|#)/.test(href));
  expect(files.filter((href) => !existsSync(new URL(href, new URL(page, root))))).toEqual([]);
});

test('the files that CONTRIBUTING names are there', () => {
  const named = [...text('CONTRIBUTING.md').matchAll(/`((?:src|test|bin)\/[^`*\s]+)`/g)].map(
    ([, file = '']) => file,
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
});

test('the pages name the oldest Node of package.json, which has Symbol.asyncDispose', () => {
  const { engines } = JSON.parse(text('package.json')) as { engines: { node: string } };
  const [, oldest = '', minor] = /^>=(20\.(\d+))$/.exec(engines.node) ?? [];
  // Without the symbol, a class with `[Symbol.asyncDispose]` gets a method named "undefined".
  expect(Number(minor)).toBeGreaterThanOrEqual(5);
  for (const page of ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md']) {
    const named = [...text(page).matchAll(/Node (20\.\d+)/g)].map(([, version]) => version);
    expect(new Set(named), page).toEqual(new Set([oldest]));
  }
});
