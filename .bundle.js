// Makes one program of the command line, with all that it needs: dist/cli. It could run from dist/cli/main.js as tsc would
// write it, but Node takes a third of the time of a short command to find, read and link the two hundred modules of it
// and of its libraries. CommonJS, as its loader takes half as long as that of ES modules.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'rolldown';

await build({
  input: 'src/cli/main.ts',
  platform: 'node',
  // What one command imports at once is put off by another one.
  checks: { ineffectiveDynamicImport: false },
  plugins: [lazyBuiltins(), licences()],
  output: {
    dir: 'dist/cli',
    cleanDir: true,
    format: 'cjs',
    dynamicImportInCjs: false,
    entryFileNames: '[name].cjs',
    // That of the library is named for its folder.
    chunkFileNames: ({ name }) => `${name === 'src' ? 'library' : name}.cjs`,
    // A file for what most commands need. What prints stays apart, as tables and colours take long to load, and so
    // does what --version prints.
    codeSplitting: {
      groups: [
        {
          name: 'common',
          test: /src[\\/]cli[\\/](?!package-version|output|help|completions)([^\\/]+[\\/])?[^\\/]+$/,
          minShareCount: 2,
        },
      ],
    },
    // Less to read for Node; for who reads a stack trace there are names and lines.
    comments: false,
    minify: { compress: true, mangle: { keepNames: true }, codegen: { removeWhitespace: false } },
  },
});

/**
 * Loads these modules of Node at their first use: each takes two thousandths of a second, and most commands call none of
 * their functions. amqplib, commander and the library itself load them at once.
 */
function lazyBuiltins() {
  const load = /\brequire\("(node:(?:child_process|crypto|tls))"\)/g;
  const lazy = 'const lazy = (id, m) => new Proxy({}, { get: (_, name) => (m ??= require(id))[name] });\n';
  return {
    name: 'lazy-builtins',
    renderChunk: (code) => (code.search(load) < 0 ? null : lazy + code.replace(load, 'lazy("$1")')),
  };
}

/** Writes LICENSES.txt: which packages are built in, and their licences, which are to go with every copy. */
function licences() {
  return {
    name: 'licences',
    generateBundle() {
      const folders = new Set([...this.getModuleIds()].map(packageFolder).filter(Boolean));
      const packages = [...folders].sort().map((folder) => {
        const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
        const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
        const text = file === undefined ? `License: ${license}` : readFileSync(join(folder, file), 'utf8');
        return { title: `${name} ${version}`, text: text.trim() };
      });
      const list = packages.map(({ title }) => `  ${title}\n`).join('');
      const texts = packages.map(({ title, text }) => `\n${'-'.repeat(80)}\n${title}\n\n${text}\n`).join('');
      const source = `Built into this program are the packages\n\n${list}${texts}`;
      this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source });
    },
  };
}

/** Of the package in node_modules that a module belongs to, if it is of one. @param {string} module */
function packageFolder(module) {
  if (!module.includes('node_modules')) return undefined;
  for (let folder = dirname(module); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    // There may be others below it, with the type of modules alone.
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version !== undefined) return folder;
  }
}
