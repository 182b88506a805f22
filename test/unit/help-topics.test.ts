import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { Chalk } from 'chalk';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ExitCode } from '../../src/cli/exit-codes.ts';
import { renderMarkdown } from '../../src/cli/help/render-markdown.ts';
import { HELP_TOPICS } from '../../src/cli/help/topic-list.ts';
import { inFlags } from '../../src/cli/hints.ts';
import { FilterVariables, TYPE_VARIABLE } from '../../src/cli/input/filter-variables.ts';
import { buildProgram } from '../../src/cli/program.ts';
import {
  CONNECTION_OPTIONS,
  type GlobalDeclaration,
  OUTPUT_OPTIONS,
} from '../../src/cli/settings/global-options.ts';
import { resolveOptions } from '../../src/options/task-queue-options.ts';
import { REPLAY_RULES } from '../../src/properties/replay-policy.ts';

const folder = fileURLToPath(new URL('../../src/cli/help/topics/', import.meta.url));
const page = (topic: string) => readFileSync(`${folder}${topic}.md`, 'utf8');
const topics = Object.keys(HELP_TOPICS);
const plain = new Chalk({ level: 0 });

/** First cells of the rows of the first table after a text, without their backquotes. */
function firstCells(markdown: string, after: string): string[] {
  const [, rest = ''] = markdown.split(after);
  const rows = /(?:^\|.*\n)+/m.exec(rest)?.[0].trim().split('\n').slice(2) ?? [];
  return rows.map((row) => row.split('|')[1]?.trim().replaceAll('`', '') ?? '');
}

/** The page with what stands between `<!-- name: generated -->` and `<!-- end -->` written anew. */
function filledIn(markdown: string, name: string, rows: readonly (readonly string[])[]): string {
  const table = rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
  const section = new RegExp(`(<!-- ${name}: generated -->\n)[\\s\\S]*?(<!-- end -->)`);
  expect(markdown).toMatch(section);
  return markdown.replace(section, (_, begin, end) => `${begin}\n${table}\n${end}`);
}

function settingsTable(declarations: readonly GlobalDeclaration[]): string[][] {
  const rows = declarations.map(({ flags, description, environment = [], byDefault }) => {
    const names = environment.map((name) => `\`${name}\``).join(', ');
    const notes = [byDefault && `Default: ${byDefault}.`, names && `Environment: ${names}.`];
    return [`\`${flags}\``, [`${description}.`, ...notes].filter(Boolean).join(' ')];
  });
  return [['option', ''], ['---', '---'], ...rows];
}

describe('what the code knows is in the pages as well (after a change: vitest --update)', () => {
  test('the options of all commands', async () => {
    const withConnection = filledIn(
      page('connection'),
      'connection options',
      settingsTable(CONNECTION_OPTIONS),
    );
    const filled = filledIn(withConnection, 'output options', settingsTable(OUTPUT_OPTIONS));
    await expect(filled).toMatchFileSnapshot(`${folder}connection.md`);
  });

  test('what a replay changes', async () => {
    const rows = REPLAY_RULES.map(({ property, action, reason }) => [property, inFlags(action), reason]);
    const head = [
      ['property', 'on replay', 'because'],
      ['---', '---', '---'],
    ];
    const filled = filledIn(page('replay'), 'replay rules', [...head, ...rows]);
    await expect(filled).toMatchFileSnapshot(`${folder}replay.md`);
  });

  test('the exit statuses', () => {
    const statuses = firstCells(page('exit-codes'), '# Exit codes').map(Number);
    expect(statuses).toEqual(Object.values(ExitCode).toSorted((a, b) => a - b));
  });

  test('the fields of a message in a filter', () => {
    const getters = Object.entries(Object.getOwnPropertyDescriptors(FilterVariables.prototype))
      .filter(([, { get }]) => get !== undefined)
      .map(([name]) => (name === TYPE_VARIABLE ? 'type' : name));
    expect(firstCells(page('filters'), 'Fields of a message:')).toEqual(getters);
  });

  test('the options of the library', () => {
    const known = Object.keys(resolveOptions())
      .filter((name) => name !== 'warn')
      .map((name) => (name === 'addresses' ? 'url' : name));
    expect(firstCells(page('embedding'), '## Options').toSorted()).toEqual(known.toSorted());
  });
});

test('each page is a topic, and leads to pages that are there', () => {
  expect(readdirSync(folder).toSorted()).toEqual(topics.map((topic) => `${topic}.md`).toSorted());
  for (const topic of topics) {
    const links = [...page(topic).matchAll(/\]\(([a-z-]+)\.md\)/g)].map(([, name]) => name);
    expect(topics, topic).toEqual(expect.arrayContaining(links));
  }
});

describe.each(topics)('the page %s on a terminal', (topic) => {
  test('is what help prints, whatever other tools mean by its name', async () => {
    const argv = ['node', 'mcp-taskq', 'help', topic];
    const written: unknown[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk, ...more: unknown[]) => {
      written.push(chunk);
      (more.at(-1) as () => void)();
      return true;
    });
    onTestFinished(() => write.mockRestore());
    await (await buildProgram(argv)).parseAsync(argv);
    expect(written.join('')).toBe(renderMarkdown(page(topic), { width: 80, colors: plain }));
  });

  test.each([40, 60, 80, 100])(
    'of %i columns fits, but for code and addresses that are to be copied',
    (width) => {
      const code = [...page(topic).matchAll(/^```.*\n([\s\S]*?)^```$/gm)].flatMap(([, text = '']) =>
        text.split('\n'),
      );
      const lines = renderMarkdown(page(topic), { width, colors: plain }).split('\n');
      const isLong = (line: string) => line.length > width && line.trim().includes(' ');
      expect(lines.filter((line) => isLong(line) && !code.includes(line.slice(2)))).toEqual([]);
    },
  );

  test('has nothing left of Markdown, and colors only where they are wanted', () => {
    const text = renderMarkdown(page(topic), { width: 80, colors: plain });
    const prose = text.replaceAll(/^ {2}.*$/gm, '');
    expect(prose).not.toMatch(/\*\*|\]\(|<!--|```|&[a-z]+;|\\\|/);
    expect(stripVTControlCharacters(text)).toBe(text);
    expect(renderMarkdown(page(topic), { width: 80, colors: new Chalk({ level: 1 }) })).toContain(
      '\u001b[1m',
    );
  });
});
