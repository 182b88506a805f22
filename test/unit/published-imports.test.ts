import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  dependencies: { [name: string]: string };
};

/** `import … from 'x'`, `export … from 'x'`, `import 'x'`, and `import('x')` in code and in types. */
const IMPORT = /(?:^\s*(?:import|export)\b[^'"`;]*\bfrom\s*|^\s*import\s*|\bimport\(\s*)(['"])([^'"\n]+)\1/gm;

/** Packages that a published file imports, without what stands in its comments. */
function packagesIn(file: string): string[] {
  const code = readFileSync(dist + file, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return [...code.matchAll(IMPORT)]
    .map(([, , specifier = '']) => specifier)
    .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
    .map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
}

test('what is published, declarations included, imports nothing but its dependencies: not the MCP SDK', () => {
  expect(existsSync(dist), 'run npm run build first').toBe(true);
  // Names that begin with a dot are not published; the tests of the example build it in such a folder.
  const files = (readdirSync(dist, { recursive: true }) as string[]).filter((file) =>
    /^[^.].*\.(js|d\.ts)$/.test(file),
  );
  expect(files).toContain('index.d.ts');
  const strangers = files.flatMap((file) =>
    packagesIn(file)
      .filter((name) => !Object.hasOwn(dependencies, name))
      .map((name) => `${file}: ${name}`),
  );
  expect(strangers).toEqual([]);
  expect(files.flatMap(packagesIn)).toContain('amqplib');
});

test('the command line has everything built in, and its licences with it', () => {
  const files = readdirSync(`${dist}cli`).filter((file) => file.endsWith('.cjs'));
  expect(files).toContain('main.cjs');
  const required = files.flatMap((file) =>
    [...readFileSync(`${dist}cli/${file}`, 'utf8').matchAll(/\brequire\((['"`])([^'"`]+)\1\)/g)].map(
      ([, , specifier = '']) => specifier,
    ),
  );
  expect(required).toContain('./program.cjs');
  expect(required.filter((specifier) => !specifier.startsWith('./') && !isBuiltin(specifier))).toEqual([]);

  const licences = readFileSync(`${dist}cli/LICENSES.txt`, 'utf8');
  for (const name of ['amqplib', 'commander', 'chalk']) {
    expect(licences).toMatch(new RegExp(`^-+\n${name} [\\d.]+\n\n[^-]*copyright`, 'im'));
  }
});
