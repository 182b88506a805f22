import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** What each folder of src/, or file that stands in it, may import; itself always. Every line names only lines above it. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'forget-oldest.ts': [],
  'make-folder.ts': [],
  errors: [],
  properties: ['errors'],
  messages: ['errors', 'properties'],
  events: ['messages', 'properties'],
  diagnostics: ['errors'],
  concurrency: ['errors', 'diagnostics'],
  options: ['errors', 'properties', 'messages', 'events', 'diagnostics'],
  amqp: ['errors', 'properties', 'messages', 'events', 'diagnostics', 'concurrency', 'options', 'amqplib'],
  waiting: ['errors', 'concurrency', 'options'],
  'task-queue-client.ts': [
    'errors',
    'properties',
    'messages',
    'events',
    'diagnostics',
    'options',
    'amqp',
    'waiting',
  ],
  'inspect-broker.ts': ['options', 'amqp'],
  sdk: [
    'errors',
    'properties',
    'messages',
    'diagnostics',
    'concurrency',
    'options',
    'task-queue-client.ts',
    'waiting',
  ],
  management: ['errors', 'concurrency', 'messages', 'events', 'options', 'task-queue-client.ts', 'waiting'],
  watch: [
    'errors',
    'concurrency',
    'properties',
    'messages',
    'events',
    'options',
    'task-queue-client.ts',
    'waiting',
    'management',
  ],
  replicas: [
    'errors',
    'properties',
    'messages',
    'diagnostics',
    'concurrency',
    'options',
    'task-queue-client.ts',
    'waiting',
    'sdk',
  ],
  'local-broker': ['errors', 'concurrency', 'options', 'task-queue-client.ts', 'make-folder.ts'],
  'index.ts': [
    'errors',
    'properties',
    'messages',
    'events',
    'diagnostics',
    'options',
    'task-queue-client.ts',
    'inspect-broker.ts',
    'waiting',
    'sdk',
    'management',
    'watch',
  ],
  'cli-shared.ts': ['errors', 'messages', 'options', 'make-folder.ts'],
  'cli-support.ts': ['errors', 'messages', 'properties', 'events', 'management'],
  cli: ['index.ts', 'cli-shared.ts', 'cli-support.ts', 'local-broker'],
};

/** What all parts of the library may import. */
const FOR_ALL = 'forget-oldest.ts';

const src = fileURLToPath(new URL('../../src/', import.meta.url));
const files = (readdirSync(src, { recursive: true }) as string[]).filter((file) => file.endsWith('.ts'));

/** `import … from 'x'`, `export … from 'x'` and `import('x')`. */
const IMPORT = /\b(?:from|import)\s*\(?\s*'([^']+)'/g;

/** The folder, or file of src/, that a module belongs to; the package for a package. */
function partOf(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return specifier === 'amqplib' ? specifier : undefined;
  const target = relative(src, join(src, dirname(file), specifier));
  return target.startsWith('..') ? undefined : target.split('/')[0];
}

test('imports point one way, and amqplib is known to amqp/ alone', () => {
  const wrong = files.flatMap((file) => {
    const part = file.split('/')[0] as string;
    return [...readFileSync(src + file, 'utf8').matchAll(IMPORT)]
      .map(([, specifier = '']) => partOf(file, specifier))
      .filter((other) => other !== undefined && other !== part && other !== FOR_ALL)
      .filter((other) => !MAY_IMPORT[part]?.includes(other as string))
      .map((other) => `${file} imports ${other}`);
  });
  expect(wrong).toEqual([]);
});

test('the command line imports what the package exports, and what is meant for it', () => {
  const entries = new Set(['index.ts', 'cli-shared.ts', 'cli-support.ts', 'local-broker/index.ts']);
  const inside = files
    .filter((file) => file.startsWith('cli/'))
    .flatMap((file) =>
      [...readFileSync(src + file, 'utf8').matchAll(IMPORT)]
        .filter(([, specifier = '']) => partOf(file, specifier) !== undefined)
        .map(([, specifier = '']) => relative(src, join(src, dirname(file), specifier)))
        .filter((target) => !target.startsWith('cli/') && !entries.has(target))
        .map((target) => `${file} imports ${target}`),
    );
  expect(inside).toEqual([]);
});

/** `import { … } from 'x'` and `export … from 'x'` of more than types. */
const STATIC_IMPORT = /^(?:import|export) (?!type\b)[^;]*?\bfrom '([^']+)'/gm;

test('a --help loads nothing from the library except cli-shared.ts', () => {
  const commands = files.filter((file) => file.startsWith('cli/commands/'));
  const loaded = new Set(['cli/main.ts', 'cli/program.ts', ...commands]);
  for (const file of loaded) {
    if (file === 'cli-shared.ts') continue;
    for (const [, specifier = ''] of readFileSync(src + file, 'utf8').matchAll(STATIC_IMPORT)) {
      if (partOf(file, specifier) === undefined) continue;
      const target = relative(src, join(src, dirname(file), specifier));
      expect(target, file).toMatch(/^(?:cli\/.*|cli-shared\.ts)$/);
      loaded.add(target);
    }
  }
  expect(loaded).toContain('cli-shared.ts');
});

test('the order of the parts is one in which each stands on those before it', () => {
  const parts = Object.keys(MAY_IMPORT);
  for (const [index, part] of parts.entries()) {
    for (const other of MAY_IMPORT[part] ?? []) {
      if (other !== 'amqplib') expect(parts.slice(0, index), part).toContain(other);
    }
  }
  expect(new Set(files.map((file) => file.split('/')[0]))).toEqual(new Set(parts));
});

test('no files import each other in a circle, not even for types', () => {
  const left = new Map(
    files.map((file) => {
      const imports = [...readFileSync(src + file, 'utf8').matchAll(IMPORT)];
      return [file, imports.map(([, specifier = '']) => relative(src, join(src, dirname(file), specifier)))];
    }),
  );
  for (let before = 0; before !== left.size; ) {
    before = left.size;
    for (const [file, imports] of left) if (!imports.some((each) => left.has(each))) left.delete(file);
  }
  expect([...left.keys()]).toEqual([]);
});

/** The folders of the command line, and the files beside them, from the bottom to the top. Types may come from above. */
const COMMAND_LINE = [
  ['command-failure.ts', 'context.ts', 'package-version.ts'],
  ['exit-codes.ts'],
  ['text', 'usage-failure.ts'],
  ['terminal'],
  ['input'],
  ['settings'],
  ['hints.ts'],
  ['output'],
  ['queues'],
  ['with-context.ts', 'reading'],
  ['contexts', 'replay', 'check', 'describe', 'status', 'completions', 'help'],
  ['commands'],
  ['command-list.ts'],
  ['program-help.ts', 'report-error.ts'],
  ['program.ts'],
  ['main.ts'],
];

/** `import { … } from 'x'`, `export … from 'x'` of more than types, and `import('x')`. */
const LOADING_IMPORT = /^(?:import|export) (?!type\b)[^;]*?\bfrom '(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm;

test('each folder of the command line loads what is below it only', () => {
  const levelOf = (part: string) => COMMAND_LINE.findIndex((level) => level.includes(part));
  const partOfCli = (path: string) => path.split('/')[1] as string;
  const wrong = files
    .filter((file) => file.startsWith('cli/'))
    .flatMap((file) => {
      const part = partOfCli(file);
      expect(levelOf(part), part).toBeGreaterThanOrEqual(0);
      return [...readFileSync(src + file, 'utf8').matchAll(LOADING_IMPORT)]
        .map(([, imported, loaded]) => relative(src, join(src, dirname(file), imported ?? loaded ?? '')))
        .filter((target) => target.startsWith('cli/') && partOfCli(target) !== part)
        .filter((target) => levelOf(partOfCli(target)) >= levelOf(part))
        .map((target) => `${file} loads ${target}`);
    });
  expect(wrong).toEqual([]);
});
