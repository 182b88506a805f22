import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** What the project does not write, beside what a spelling checker finds (.cspell.json). CONTRIBUTING has the words. */
const AVOIDED: readonly RegExp[] = [
  /\btold\b/,
  /\bso many\b/,
  /\bfor so long\b/,
  /\ball the same\b/,
  /\bthe other way round\b/,
  /\b[Ww]hoever\b/,
  // "is no number" for "is not a number".
  /\b(?:is|are) no (?!longer|more|such|answer|idle)[a-z]+\b(?<!there (?:is|are) no [a-z]+)/,
  // The same, put together from pieces: `no whole number`, `none of a, b`.
  /['"`](?:no (?:whole )?number|none of)\b/,
  /\bfor ever\b/,
  // A fronted "Of a file nothing is sent".
  /(?:^|[.:] |\* |\/\/ |\/\*\* )Of (?:a|an|the|all|one)\b/,
];

const root = fileURLToPath(new URL('../../', import.meta.url));
const sources = (readdirSync(`${root}src`, { recursive: true }) as string[])
  .filter((file) => /\.(ts|md)$/.test(file))
  .map((file) => `src/${file}`);
const pages = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'test/bench/README.md',
  'test/faults/README.md',
];

test.each(AVOIDED.map((pattern) => [pattern]))('no page, comment or message has %s', (pattern) => {
  const found = [...pages, ...sources].flatMap((file) =>
    readFileSync(root + file, 'utf8')
      .split('\n')
      .map((line, index) => `${file}:${index + 1}: ${line.trim()}`)
      // The list of what is not used.
      .filter((line) => pattern.test(line.replace(/^[^ ]*: /, '')) && !line.includes('Not used: ')),
  );
  expect(found).toEqual([]);
});

/** Of tests alone, besides the above. */
const AVOIDED_IN_TITLES: readonly RegExp[] = [...AVOIDED, /\b(?:tells?|hears?)\b(?! from)/];

test('no title of a test has them', () => {
  const files = (readdirSync(`${root}test`, { recursive: true }) as string[]).filter((file) =>
    file.endsWith('.test.ts'),
  );
  const titles = files.flatMap((file) =>
    [
      ...readFileSync(`${root}test/${file}`, 'utf8').matchAll(
        /(?:\b(?:test|describe)(?:\.[a-z]+)*\(|[\])]\)\()\s*(['`])((?:(?!\1).)*)\1/g,
      ),
    ].map(([, , title = '']) => `${file}: ${title}`),
  );
  expect(titles.length).toBeGreaterThan(500);
  expect(titles.filter((title) => AVOIDED_IN_TITLES.some((pattern) => pattern.test(title)))).toEqual([]);
});
