// Makes one program of the command line, with all that it needs, in dist/cli: Node would take longer to find, read and
// link its modules one by one than a short command takes. CommonJS loads faster than ES modules.
import { defineConfig } from 'rolldown';
import { dynamicImportVarsPlugin, importGlobPlugin } from 'rolldown/experimental';
import license from 'rollup-plugin-license';

// Modules of Node that are loaded at their first use. Together they take 10 ms, a tenth of a peek, which uses none of them.
const LAZY = ['child_process', 'crypto', 'fs/promises', 'tls'];

// All packages that are built in. Users run them, so another one stops the build until somebody has looked at it.
const BUILT_IN = [
  'amqplib @marcbachmann/cel-js',
  'commander @commander-js/extra-typings',
  '@inquirer/ansi @inquirer/confirm @inquirer/core @inquirer/figures @inquirer/input @inquirer/password',
  '@inquirer/select cli-width mute-stream signal-exit wrap-ansi yoctocolors-cjs',
  'chalk cli-table3 @colors/colors string-width strip-ansi ansi-regex ansi-styles color-convert',
  'color-name emoji-regex get-east-asian-width is-fullwidth-code-point marked',
].flatMap((names) => names.split(' '));

export default defineConfig({
  input: 'src/cli/main.ts',
  platform: 'node',
  moduleTypes: { '.md': 'text' },
  // What one command imports at once is put off by another one.
  checks: { ineffectiveDynamicImport: false },
  plugins: [
    lazyModules(),
    // For the topics of the help.
    dynamicImportVarsPlugin(),
    importGlobPlugin(),
    license({
      thirdParty: {
        multipleVersions: true,
        output: [refuseUnlisted, { file: 'dist/cli/LICENSES.txt', template: licenceTexts }],
      },
    }),
  ],
  output: {
    dir: 'dist/cli',
    cleanDir: true,
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    // As bin/code-cache.js loads the files, they cannot import.
    dynamicImportInCjs: false,
    // One file for what most commands load. Colours stay out, as only tables need them.
    codeSplitting: {
      groups: [{ name: 'common', test: /src[\\/]cli[\\/](?!terminal[\\/]colors)/, minShareCount: 8 }],
    },
    // Takes 6 % of the processor time of a peek away, and a third of the size; names and lines stay for stack traces.
    comments: false,
    minify: { compress: true, mangle: { keepNames: true }, codegen: { removeWhitespace: false } },
  },
});

/** Imports are read at each use, `(0, tls.connect)(…)`. A module that is enumerated, or extended, must not be lazy. */
function lazyModules() {
  const load = new RegExp(`\\brequire\\("(node:(?:${LAZY.join('|')}))"\\)`, 'g');
  const lazy = 'const lazy = (id, it) => new Proxy({}, { get: (_, name) => (it ??= require(id))[name] });\n';
  return {
    name: 'lazy-modules',
    renderChunk: (code) => (code.search(load) < 0 ? null : lazy + code.replace(load, 'lazy("$1")')),
  };
}

/** @param {import('rollup-plugin-license').Dependency[]} packages */
function refuseUnlisted(packages) {
  const strangers = packages.map(({ name }) => name).filter((name) => !BUILT_IN.includes(name));
  if (strangers.length === 0) return;
  throw new Error(`Built in, but not listed in src/cli/rolldown.config.js: ${strangers.join(', ')}`);
}

/** Licences go with every copy. @param {import('rollup-plugin-license').Dependency[]} packages */
function licenceTexts(packages) {
  const list = packages.map(({ name, version }) => `  ${name} ${version}\n`).sort();
  const texts = packages.map(
    ({ name, version, license, licenseText }) =>
      `\n${'-'.repeat(80)}\n${name} ${version}\n\n${(licenseText ?? `License: ${license}`).trim()}\n`,
  );
  return `Built into this program are the packages\n\n${list.join('')}${texts.join('')}`;
}
